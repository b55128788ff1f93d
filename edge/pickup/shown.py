"""Grants the station knows only from a signed QR code: kept until the hub's own row comes, which then rules.

Their parcels lie here, or the code opens nothing; what became of them stands in `grant_use`, as of every grant.
"""

import sqlite3

from common.contract.qr import QrGrant

DDL = (
    """CREATE TABLE qr_grant (
        grant_id TEXT PRIMARY KEY, valid_for_s INTEGER NOT NULL, not_after_ms INTEGER NOT NULL)""",
    """CREATE TABLE qr_grant_parcel (
        grant_id TEXT NOT NULL, parcel_id TEXT NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (grant_id, parcel_id)) WITHOUT ROWID""",
    "CREATE INDEX qr_grant_parcel_parcel ON qr_grant_parcel (parcel_id)",
)
PARENT_DDL = ("ALTER TABLE qr_grant ADD COLUMN parent_id TEXT",)
# What the hub says of a grant, or else what a signed code said.
GRANTS = (
    "(SELECT grant_id, state, valid_for_s, not_after_ms, parent_id FROM replica_grant UNION ALL"
    " SELECT q.grant_id, 'issued', q.valid_for_s, q.not_after_ms, q.parent_id FROM qr_grant q"
    " WHERE NOT EXISTS (SELECT 1 FROM replica_grant r WHERE r.grant_id = q.grant_id))"
)
GRANT_PARCELS = (
    "(SELECT grant_id, parcel_id, position FROM replica_grant_parcel UNION ALL"
    " SELECT q.grant_id, q.parcel_id, q.position FROM qr_grant_parcel q"
    " WHERE NOT EXISTS (SELECT 1 FROM replica_grant r WHERE r.grant_id = q.grant_id))"
)


def note_tx(conn: sqlite3.Connection, shown: QrGrant) -> None:
    """Keep what a verified code says, unless the hub has said it already or not all of its parcels lie here."""
    known = conn.execute(
        "SELECT 1 FROM replica_grant WHERE grant_id = ?", (shown.grant_id,)
    ).fetchone()
    if known is not None or not shown.parcel_ids or not _all_here(conn, shown.parcel_ids):
        return
    conn.execute(
        "INSERT INTO qr_grant VALUES (?, ?, ?, ?) ON CONFLICT (grant_id) DO NOTHING",
        (shown.grant_id, shown.valid_for_s, shown.not_after_ms, shown.parent_id),
    )
    conn.executemany(
        "INSERT INTO qr_grant_parcel VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(shown.grant_id, parcel_id, n) for n, parcel_id in enumerate(shown.parcel_ids)],
    )


def tidy_tx(conn: sqlite3.Connection, over_ms: int) -> None:
    """Forget what certainly ended before `over_ms`: its code is refused by its own time."""
    conn.execute("DELETE FROM qr_grant WHERE not_after_ms <= ?", (over_ms,))
    conn.execute(
        "DELETE FROM qr_grant_parcel WHERE grant_id NOT IN (SELECT grant_id FROM qr_grant)"
    )


def _all_here(conn: sqlite3.Connection, parcel_ids: tuple[str, ...]) -> bool:
    here = [
        conn.execute(
            "SELECT 1 FROM placement WHERE parcel_id = ? AND state = 'placed'", (parcel_id,)
        ).fetchone()
        for parcel_id in parcel_ids
    ]
    return all(row is not None for row in here)
