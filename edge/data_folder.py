"""The data folder of a station: one daemon at a time, and databases brought to this program's tables."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from common.kit.failpoints import fp
from common.kit.folder import hold

LOCK_FILE = "daemon.lock"
CA_FILE = "hub-ca.pem"
"""The one authority that is believed when the hub is reached by TLS; pinned at pairing or by `linli edge trust`."""
CERTIFICATE_FILE = "certificate.pem"
"""What the station shows there; made by the hub, and made anew by it when it is lost."""


def lock(data: Path) -> BinaryIO:
    """Return the held lock of a data folder; UnavailableError `edge.locked` while another daemon holds it."""
    return hold(data, LOCK_FILE, key="edge.locked", who="station daemon")


def migrate_tx(
    conn: sqlite3.Connection, migrations: Sequence[tuple[str, Sequence[str]]], at: datetime
) -> list[str]:
    """Run what is pending and return its names; the record is the one `sqlite-utils migrate` keeps."""
    conn.execute(
        'CREATE TABLE IF NOT EXISTS "_sqlite_migrations" ("id" INTEGER PRIMARY KEY,'
        ' "migration_set" TEXT, "name" TEXT, "applied_at" TEXT)'
    )
    conn.execute(
        "CREATE UNIQUE INDEX IF NOT EXISTS idx__sqlite_migrations_migration_set_name"
        ' ON "_sqlite_migrations" (migration_set, name)'
    )
    rows = conn.execute('SELECT migration_set, name FROM "_sqlite_migrations"')
    done = {(row["migration_set"], row["name"]) for row in rows}
    applied = []
    for room, statements in migrations:
        for number, statement in enumerate(statements, start=1):
            name = f"{number:04d}"
            if (room, name) not in done:
                conn.execute(statement)
                conn.execute(
                    'INSERT INTO "_sqlite_migrations" (migration_set, name, applied_at)'
                    " VALUES (?, ?, ?)",
                    (room, name, str(at)),
                )
                applied.append(f"{room}/{name}")
                fp("edge.migration_run")
    return applied
