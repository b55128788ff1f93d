"""SQL of what lies where: announced parcels, placements, compartments out of service, wear."""

import sqlite3

from common.contract.words import Size, TemperatureClass
from edge.parcels.model import Parcel, Placement, PlacementState, Site

DDL = (
    """CREATE TABLE placement (
        parcel_id TEXT PRIMARY KEY, compartment TEXT, state TEXT NOT NULL,
        keeper_id TEXT NOT NULL, placed_at_ms INTEGER, ended_at_ms INTEGER)""",
    # One owner a compartment: the second parcel would be taken by the wrong person.
    "CREATE UNIQUE INDEX placement_one_owner ON placement (compartment) WHERE state = 'placed'",
    """CREATE TABLE compartment_mark (
        label TEXT PRIMARY KEY, out_of_service INTEGER NOT NULL, reason TEXT NOT NULL,
        keeper_id TEXT, at_ms INTEGER NOT NULL)""",
    "CREATE TABLE compartment_wear (label TEXT PRIMARY KEY, uses INTEGER NOT NULL)",
)
_SELECT = """
    SELECT r.parcel_id, r.label, r.order_tail, r.person_masked, r.phone_tail, r.temperature_class,
           r.size, r.items, r.expected_on, r.state = 'cancelled' AS cancelled,
           p.compartment, p.state, p.keeper_id, p.placed_at_ms, p.ended_at_ms
    FROM replica_parcel r LEFT JOIN placement p USING (parcel_id)
"""


def _parcel(row: sqlite3.Row) -> Parcel:
    placement = None
    if row["state"] is not None:
        placement = Placement(
            row["compartment"],
            PlacementState(row["state"]),
            row["keeper_id"],
            row["placed_at_ms"],
            row["ended_at_ms"],
        )
    return Parcel(
        row["parcel_id"],
        row["label"],
        row["order_tail"],
        row["person_masked"],
        row["phone_tail"],
        TemperatureClass(row["temperature_class"]),
        Size(row["size"]),
        row["items"],
        row["expected_on"],
        bool(row["cancelled"]),
        placement,
    )


def _one(conn: sqlite3.Connection, where: str, key: str) -> Parcel | None:
    row = conn.execute(_SELECT + where, (key,)).fetchone()
    return None if row is None else _parcel(row)


def by_id(conn: sqlite3.Connection, parcel_id: str) -> Parcel | None:
    """Return the announced parcel `parcel_id`."""
    return _one(conn, "WHERE r.parcel_id = ?", parcel_id)


def by_label(conn: sqlite3.Connection, label: str) -> Parcel | None:
    """Return the parcel whose barcode says `label`; the newest when a label was used twice."""
    return _one(conn, "WHERE r.label = ? ORDER BY r.parcel_id DESC LIMIT 1", label)


def by_compartment(conn: sqlite3.Connection, label: str) -> Parcel | None:
    """Return the parcel that lies in compartment `label`."""
    return _one(conn, "WHERE p.compartment = ? AND p.state = 'placed'", label)


def by_tail(conn: sqlite3.Connection, tail: str) -> list[Parcel]:
    """Return parcels whose phone or order number ends in `tail`, the latest first, at most 50."""
    rows = conn.execute(
        _SELECT + "WHERE r.phone_tail = ?1 OR r.order_tail = ?1 COLLATE NOCASE"
        " ORDER BY r.parcel_id DESC LIMIT 50",
        (tail,),
    )
    return [_parcel(row) for row in rows]


def of_day(conn: sqlite3.Connection, day: str, since_ms: int) -> list[Parcel]:
    """Return what concerns a day: expected by then and not handled, lying here, or ended since `since_ms`."""
    rows = conn.execute(
        _SELECT + "WHERE (p.state IS NULL AND r.expected_on <= ?) OR p.state = 'placed'"
        " OR p.ended_at_ms >= ? ORDER BY r.label, r.parcel_id",
        (day, since_ms),
    )
    return [_parcel(row) for row in rows]


def placed(conn: sqlite3.Connection) -> list[Parcel]:
    """Return every parcel that lies here now."""
    return [_parcel(row) for row in conn.execute(_SELECT + "WHERE p.state = 'placed'")]


def occupied(conn: sqlite3.Connection) -> dict[str, str]:
    """Return compartment → parcel_id of everything that lies here, announced or not any more."""
    rows = conn.execute("SELECT compartment, parcel_id FROM placement WHERE state = 'placed'")
    return {row["compartment"]: row["parcel_id"] for row in rows}


def out_of_service(conn: sqlite3.Connection) -> dict[str, str]:
    """Return label → reason: what the keeper, the daemon or the hub has taken out of use."""
    rows = conn.execute(
        "SELECT label, reason FROM compartment_mark WHERE out_of_service"
        " UNION ALL SELECT label, reason FROM replica_compartment WHERE out_of_service"
    )
    return {row["label"]: row["reason"] for row in rows}


def site(conn: sqlite3.Connection) -> Site | None:
    """Return the row of replica table `station`."""
    row = conn.execute(
        "SELECT name_zh, name_en, help_phone, timezone, revocation_epoch FROM replica_station"
    ).fetchone()
    return Site(*row) if row else None


def wear(conn: sqlite3.Connection) -> dict[str, int]:
    """Return how often each compartment was used."""
    return {row["label"]: row["uses"] for row in conn.execute("SELECT * FROM compartment_wear")}


def put_placement(
    conn: sqlite3.Connection, parcel_id: str, compartment: str, keeper_id: str, at_ms: int
) -> None:
    """Record that the parcel lies there; IntegrityError when another one does."""
    conn.execute(
        "INSERT INTO placement VALUES (?, ?, 'placed', ?, ?, NULL) ON CONFLICT (parcel_id) DO UPDATE"
        " SET compartment = excluded.compartment, state = excluded.state,"
        " keeper_id = excluded.keeper_id, placed_at_ms = excluded.placed_at_ms, ended_at_ms = NULL",
        (parcel_id, compartment, keeper_id, at_ms),
    )
    conn.execute(
        "INSERT INTO compartment_wear VALUES (?, 1) ON CONFLICT (label) DO UPDATE SET uses = uses + 1",
        (compartment,),
    )


def end_placement(
    conn: sqlite3.Connection, parcel_id: str, state: PlacementState, at_ms: int
) -> bool:
    """Record that the parcel left its compartment; False when it did not lie in one."""
    done = conn.execute(
        "UPDATE placement SET state = ?, ended_at_ms = ? WHERE parcel_id = ? AND state = 'placed'",
        (state, at_ms, parcel_id),
    )
    return done.rowcount == 1


def handed_over_unplaced(
    conn: sqlite3.Connection, parcel_id: str, keeper_id: str, at_ms: int
) -> None:
    """Record a parcel that went from the crate straight into the person's hands."""
    conn.execute(
        "INSERT OR REPLACE INTO placement VALUES (?, NULL, 'handed_over', ?, NULL, ?)",
        (parcel_id, keeper_id, at_ms),
    )


def forget_placement(conn: sqlite3.Connection, parcel_id: str) -> bool:
    """Undo a put-in: the parcel is in the keeper's hands again; False when it did not lie here."""
    done = conn.execute(
        "DELETE FROM placement WHERE parcel_id = ? AND state = 'placed'", (parcel_id,)
    )
    return done.rowcount == 1


def put_mark(
    conn: sqlite3.Connection,
    label: str,
    *,
    out: bool,
    reason: str,
    keeper_id: str | None,
    at_ms: int,
) -> None:
    """Take a compartment out of use or back; the hub's own word is another table and stays."""
    conn.execute(
        "INSERT OR REPLACE INTO compartment_mark VALUES (?, ?, ?, ?, ?)",
        (label, out, reason, keeper_id, at_ms),
    )
