"""Grants over the same parcel, a resident's own and those she gave away: one parcel, one opening among them all.

The station decides this by itself, with the cable cut too: whoever's door was seen open first has it.
"""

import sqlite3

DDL = ("CREATE INDEX grant_item_parcel ON grant_item (parcel_id)",)


def opened_by_another(conn: sqlite3.Connection, grant_id: str, parcel_id: str) -> bool:
    """Tell whether another grant has opened the door for this parcel."""
    row = conn.execute(
        "SELECT 1 FROM grant_item WHERE parcel_id = ? AND grant_id <> ? AND opened_at_ms IS NOT NULL",
        (parcel_id, grant_id),
    ).fetchone()
    return row is not None
