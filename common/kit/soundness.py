"""Is a database file sound? `quick_check` within bounded time, and a damaged file set aside under another name."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from common.kit.clock import Clock
from common.kit.holes import is_unreadable

CHECK_S = 10.0
_STEPS = 20_000  # SQLite's own instructions between two looks at the clock
_log = logging.getLogger(__name__)


def is_sound(
    path: Path, clock: Clock, within_s: float = CHECK_S, *, thorough: bool = False
) -> bool:
    """Return False for a file that SQLite finds damaged or that does not read.

    One that takes longer is taken as it is, and that is said.
    """
    if not path.exists() or not path.stat().st_size:
        return True
    end_s = clock.monotonic_s() + within_s
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as conn:
            conn.set_progress_handler(lambda: clock.monotonic_s() > end_s, _STEPS)
            found = conn.execute(
                f"PRAGMA {'integrity' if thorough else 'quick'}_check(1)"
            ).fetchone()
    except sqlite3.OperationalError as error:
        if is_unreadable(error):
            _log.error("%s does not read: %s", path.name, error)
            return False
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            _log.warning("%s: not checked to the end within %d s", path.name, within_s)
        return True  # a full or read-only disk is no damage: opening will say it
    except sqlite3.DatabaseError as error:
        _log.error("%s: %s", path.name, error)
        return False
    if found[0] != "ok":
        _log.error("%s: %s", path.name, found[0])
    return bool(found[0] == "ok")


def set_aside(path: Path) -> Path:
    """Rename a damaged database with its log to `….damaged`; an earlier one makes room, so the disk does not fill."""
    aside = path.with_name(f"{path.name}.damaged")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))
        else:
            aside.with_name(aside.name + suffix).unlink(missing_ok=True)
    return aside
