"""Grants that a rebuilt station cannot prove safe: their code is right and opens nothing (decision 0027).

Lost rows of use are held until staff hand the parcel over or the grant ends; lost rows of the hub until it has spoken.
"""

import sqlite3
from enum import StrEnum

DDL = (
    """CREATE TABLE grant_doubt (
        grant_id TEXT NOT NULL, cause TEXT NOT NULL, at_ms INTEGER NOT NULL,
        PRIMARY KEY (grant_id, cause)) WITHOUT ROWID""",
)
_ALL = "*"


class Cause(StrEnum):
    """Why a grant is in doubt."""

    USE = "use"  # it may have been used
    ROW = "row"  # the hub may have changed its mind


def doubt_tx(conn: sqlite3.Connection, grant_id: str | None, cause: Cause, at_ms: int) -> None:
    """Hold one grant; None for those of which not even the row is left."""
    conn.execute(
        "INSERT OR IGNORE INTO grant_doubt VALUES (?, ?, ?)", (grant_id or _ALL, cause.value, at_ms)
    )


def is_held_tx(conn: sqlite3.Connection, grant_id: str | None) -> bool:
    """Tell whether this grant (None: a code that no row knows) may not be judged now."""
    row = conn.execute(
        "SELECT 1 FROM grant_doubt d, (SELECT gen FROM sync_self) s WHERE d.grant_id = ?"
        " AND (d.cause = 'use' OR s.gen = 0) LIMIT 1",
        (grant_id or _ALL,),
    ).fetchone()
    return row is not None


def is_shown_in_vain_tx(conn: sqlite3.Connection, grant_id: str) -> bool:
    """Tell whether a signed code of this grant may not be judged: held, or known to no row that is left.

    A code by scanner needs no row of the hub, so a lost row of its use would let it open twice.
    """
    if is_held_tx(conn, grant_id):
        return True
    row = conn.execute(
        "SELECT 1 FROM grant_doubt WHERE grant_id = ?"
        " AND NOT EXISTS (SELECT 1 FROM replica_grant WHERE grant_id = ?)",
        (_ALL, grant_id),
    ).fetchone()
    return row is not None
