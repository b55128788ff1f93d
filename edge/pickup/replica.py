"""How this room keeps the hub's rows of table `grant`, with an index from parcel to grant."""

import sqlite3

from common.contract.base import Message
from common.contract.replica import GrantRow
from edge.sync.replica import ReplicaTable

_REPLICA_DDL = (
    """CREATE TABLE replica_grant (
        grant_id TEXT PRIMARY KEY, verifier BLOB NOT NULL, valid_for_s INTEGER NOT NULL,
        not_after_ms INTEGER NOT NULL, state TEXT NOT NULL, parent_id TEXT)""",
    "CREATE INDEX replica_grant_verifier ON replica_grant (verifier)",
    "DROP TABLE IF EXISTS replica_grant_parcel",
    """CREATE TABLE replica_grant_parcel (
        grant_id TEXT NOT NULL, parcel_id TEXT NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (grant_id, parcel_id)) WITHOUT ROWID""",
    "CREATE INDEX replica_grant_parcel_parcel ON replica_grant_parcel (parcel_id)",
)


def _put_grant(conn: sqlite3.Connection, row: Message) -> None:
    assert isinstance(row, GrantRow)
    _delete_grant(conn, row.grant_id)
    conn.execute(
        "INSERT INTO replica_grant VALUES (?, ?, ?, ?, ?, ?)",
        (
            row.grant_id,
            bytes.fromhex(row.verifier),
            row.valid_for_s,
            row.not_after_ms,
            row.state,
            row.parent_id,
        ),
    )
    conn.executemany(
        "INSERT INTO replica_grant_parcel VALUES (?, ?, ?)",
        [(row.grant_id, parcel_id, n) for n, parcel_id in enumerate(row.parcel_ids)],
    )


def _delete_grant(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("DELETE FROM replica_grant WHERE grant_id = ?", (key,))
    conn.execute("DELETE FROM replica_grant_parcel WHERE grant_id = ?", (key,))


GRANT_TABLE = ReplicaTable("grant", _REPLICA_DDL, _put_grant, _delete_grant)
