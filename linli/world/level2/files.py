"""Copies of SQLite files, as backups and card images make them."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path


def back_up(path: Path, to: Path) -> None:
    """Copy a database that is in use."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def put_back(copy: Path, path: Path) -> None:
    """Put a copy in the place of a database that nobody has open."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(copy, path)
