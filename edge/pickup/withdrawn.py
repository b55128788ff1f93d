"""Grants that a signed capsule has ended: kept for good, whatever the hub's rows say, an older hub's as well."""

import sqlite3
from collections.abc import Iterable

DDL = (
    """CREATE TABLE withdrawn_grant (
        grant_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE revocation_epoch (
        id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL)""",
)


def epoch_tx(conn: sqlite3.Connection) -> int:
    """Return how new the newest capsule was; 0: there was none."""
    row = conn.execute("SELECT epoch FROM revocation_epoch").fetchone()
    return int(row["epoch"]) if row else 0


def withdraw_tx(
    conn: sqlite3.Connection, grant_ids: Iterable[str], *, epoch: int, at_ms: int
) -> tuple[str, ...]:
    """End these grants and remember how new that is (it never goes back); returns those that were news."""
    conn.execute(
        "INSERT INTO revocation_epoch VALUES (1, ?) ON CONFLICT (id) DO UPDATE"
        " SET epoch = max(epoch, excluded.epoch)",
        (epoch,),
    )
    return tuple(
        one
        for one in grant_ids
        if conn.execute(
            "INSERT OR IGNORE INTO withdrawn_grant VALUES (?, ?, ?)", (one, epoch, at_ms)
        ).rowcount
    )
