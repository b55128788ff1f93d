"""`linli hub backup`: a copy of the database that was opened and verified before it counts as one.

The secrets file is not in it: who holds a backup must not hold the phones and codes too.
"""

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from sqlalchemy.engine import make_url

from cloud.config import HubConfig
from cloud.verify import violations_tx
from common.kit.errors import ConflictError, UnavailableError
from common.kit.sqldb import SqlDb


def backup(config: HubConfig, out: Path) -> None:
    """Write a checked copy to `out`, which must not exist; UnavailableError when it cannot be made."""
    if out.exists():
        raise UnavailableError("backup.exists", f"{out} exists: a backup never overwrites one")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    part.unlink(missing_ok=True)
    try:
        if config.database_url().startswith("sqlite"):
            _copy_sqlite(Path(make_url(config.database_url()).database or ""), part)
            _verify(part)
        else:
            _dump_postgres(config.database_url(), part)
        _settle(part)
        part.replace(out)
    finally:
        for left in (part, *part.parent.glob(f"{part.name}-*")):
            left.unlink(missing_ok=True)


def _copy_sqlite(source: Path, target: Path) -> None:
    """Use SQLite's own online copy: the hub may run meanwhile (sqlite.org/backup.html)."""
    if not source.exists():
        raise UnavailableError("backup.no_database", f"{source} does not exist: nothing to copy")
    with sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True) as live:
        copy = sqlite3.connect(target)
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        copy.close()
    live.close()


def _verify(copy: Path) -> None:
    plain = sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)
    found = [row[0] for row in plain.execute("PRAGMA integrity_check") if row[0] != "ok"]
    plain.close()
    db = SqlDb(f"sqlite:///{copy.absolute()}", inline=True)
    try:
        found += db.read_now(violations_tx)
    finally:
        db.close()
    if found:
        raise ConflictError("backup.violated", "the copy breaks invariants: " + "; ".join(found))


def _dump_postgres(url: str, target: Path) -> None:
    tool = shutil.which("pg_dump")
    if tool is None:
        raise UnavailableError(
            "backup.no_pg_dump", "pg_dump is not installed: apt-get install postgresql-client"
        )
    made = subprocess.run(
        [tool, "--format=custom", f"--file={target}"],
        env={**os.environ, **_libpq(url)},  # not on the command line: `ps` shows that
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise UnavailableError("backup.failed", f"pg_dump: {made.stderr.strip()[-300:]}")


def _libpq(url: str) -> dict[str, str]:
    """Return the address as libpq's environment variables (PostgreSQL manual, 34.15)."""
    address = make_url(url)
    host = address.host or address.query.get("host")
    parts = {
        "PGHOST": host if isinstance(host, str) else None,
        "PGPORT": address.port,
        "PGUSER": address.username,
        "PGPASSWORD": address.password,
        "PGDATABASE": address.database,
    }
    return {name: str(value) for name, value in parts.items() if value}


def _settle(path: Path) -> None:
    with path.open("rb") as copy:
        os.fsync(copy.fileno())
