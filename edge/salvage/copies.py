"""Rotating copies of `state.db`: what a rebuilt station starts from where the damaged file itself says nothing.

Made by `VACUUM INTO` beside the writer, so a pickup does not wait; each carries a sum of its own and is read back.
"""

import contextlib
import hashlib
import logging
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from common.kit.clock import Clock, to_ms
from common.kit.disk import Disk, DiskLevel
from common.kit.durable import into_place, sync_file, write_whole
from common.kit.failpoints import fp

FOLDER = "copies"
_PERSON = b"linli/copy/1"
_BLOCK = 1 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keep:
    """How many copies stay, and how many bytes they may take together."""

    count: int
    total_bytes: int


class Copies:
    """The copies of one database, in a folder beside it."""

    def __init__(self, database: Path, key: bytes) -> None:
        """Keep copies of `database` under `copies/`; `key` makes their sums."""
        self._database, self._key = database, key
        self.folder = database.parent / FOLDER

    def make(self, clock: Clock, disk: Disk, keep: Keep) -> Path | None:
        """Make one more and let the oldest go; None when the disk has no room to spare. Blocks: for the work port."""
        if disk.level is not DiskLevel.OK or not keep.count:
            return None
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"state-{to_ms(clock.wall()):014d}.db"
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        try:
            self._vacuum(part)
            sync_file(part)
            fp("salvage.copy_written")
            write_whole(_sum_file(path), self._sum(part))
            fp("salvage.copy_summed")
            into_place(part, path)
        except (OSError, sqlite3.Error) as error:
            _log.error("no copy of %s is made: %s", self._database.name, error)
            for file in (part, path, _sum_file(path)):
                with contextlib.suppress(OSError):
                    file.unlink(missing_ok=True)
            return None
        self._rotate(keep)
        return path

    def sound(self) -> list[Path]:
        """Return the copies that are what was written, the newest first."""
        return [path for path in self._all() if self._is_sound(path)]

    def _vacuum(self, part: Path) -> None:
        uri = f"{self._database.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as conn:
            conn.execute("VACUUM INTO ?", (str(part),))
        with closing(sqlite3.connect(part, isolation_level=None)) as conn:
            found = conn.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("state-*.db"), reverse=True)

    def _rotate(self, keep: Keep) -> None:
        total = 0
        for number, path in enumerate(self._all()):
            total += path.stat().st_size
            if number and (number >= keep.count or total > keep.total_bytes):
                path.unlink()
                _sum_file(path).unlink(missing_ok=True)

    def _is_sound(self, path: Path) -> bool:
        try:
            return _sum_file(path).read_bytes() == self._sum(path)
        except OSError:
            return False

    def _sum(self, path: Path) -> bytes:
        made = hashlib.blake2b(key=self._key, person=_PERSON)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                made.update(block)
        return made.digest()


def made_at_ms(copy: Path) -> int:
    """Return when a copy was made."""
    return int(copy.stem.removeprefix("state-"))


def _sum_file(path: Path) -> Path:
    return path.with_suffix(".sum")
