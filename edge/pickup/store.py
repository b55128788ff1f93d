"""SQL of grants: the hub's rows (read-only), their use on this station, their items."""

import sqlite3
from dataclasses import dataclass

from common.contract.words import DoorState, GrantState
from edge.pickup.shown import GRANT_PARCELS, GRANTS

DDL = (
    """CREATE TABLE grant_use (
        grant_id TEXT PRIMARY KEY, state TEXT NOT NULL, first_put_in_ms INTEGER NOT NULL,
        expires_at_ms INTEGER NOT NULL, used_at_ms INTEGER)""",
    "CREATE INDEX grant_use_state ON grant_use (state, expires_at_ms)",
    """CREATE TABLE grant_item (
        grant_id TEXT NOT NULL REFERENCES grant_use, parcel_id TEXT NOT NULL,
        compartment TEXT NOT NULL, open_request_id TEXT, door_state TEXT,
        pulses INTEGER NOT NULL DEFAULT 0, pulses_before INTEGER NOT NULL DEFAULT 0,
        reopens INTEGER NOT NULL DEFAULT 0, opened_at_ms INTEGER,
        closed_at_ms INTEGER, closed_boot_id TEXT, closed_mono_s REAL,
        PRIMARY KEY (grant_id, parcel_id))""",
    "CREATE UNIQUE INDEX grant_item_request ON grant_item (open_request_id)",
    "CREATE INDEX grant_item_compartment ON grant_item (compartment)",
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the hub says of a grant; a child's never say more than its parent's."""

    grant_id: str
    revoked: bool
    valid_for_s: int
    not_after_ms: int


@dataclass(frozen=True, slots=True)
class Use:
    """What the station knows of a grant."""

    grant_id: str
    state: GrantState
    first_put_in_ms: int
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Item:
    """One compartment of a grant."""

    grant_id: str
    parcel_id: str
    compartment: str
    open_request_id: str | None
    door_state: DoorState | None  # where that request stands
    pulses: int  # before the door was first seen open these are what the limit of three counts
    pulses_before: int  # those of earlier open requests
    reopens: int
    opened_at_ms: int | None
    closed_at_ms: int | None
    closed_boot_id: str | None
    closed_mono_s: float | None


_ITEM = (
    "SELECT i.grant_id, i.parcel_id, i.compartment, i.open_request_id, i.door_state, i.pulses, i.pulses_before,"
    " i.reopens, i.opened_at_ms, i.closed_at_ms, i.closed_boot_id, i.closed_mono_s FROM grant_item i "
)


def terms(conn: sqlite3.Connection, grant_id: str) -> Terms | None:
    """Return the hub's row, or None when the hub has taken it away."""
    row = conn.execute(
        "SELECT g.grant_id, g.state = 'revoked' OR coalesce(p.state, '') = 'revoked' OR EXISTS ("  # noqa: S608 - ours
        "SELECT 1 FROM withdrawn_grant w WHERE w.grant_id IN (g.grant_id, g.parent_id)), g.valid_for_s,"
        " min(g.not_after_ms, coalesce(p.not_after_ms, g.not_after_ms),"
        " coalesce(u.expires_at_ms, g.not_after_ms))"
        f" FROM {GRANTS} g LEFT JOIN replica_grant p ON p.grant_id = g.parent_id"
        " LEFT JOIN grant_use u ON u.grant_id = g.parent_id WHERE g.grant_id = ?",
        (grant_id,),
    ).fetchone()
    return Terms(row[0], bool(row[1]), row[2], row[3]) if row else None


def grant_by_tag(conn: sqlite3.Connection, tag: bytes) -> str | None:
    """Return the grant whose code has this tag: one indexed look-up, whatever the answer."""
    row = conn.execute(
        "SELECT grant_id FROM replica_grant WHERE verifier = ? AND state = 'issued'", (tag,)
    ).fetchone()
    return str(row["grant_id"]) if row else None


def phone_tails(conn: sqlite3.Connection, grant_id: str) -> set[str]:
    """Return the last four digits of the phone number that the hub gave for the grant's parcels."""
    rows = conn.execute(
        f"SELECT r.phone_tail FROM {GRANT_PARCELS} gp JOIN replica_parcel r USING (parcel_id)"  # noqa: S608 - ours
        " WHERE gp.grant_id = ? AND r.phone_tail <> ''",
        (grant_id,),
    )
    return {row["phone_tail"] for row in rows}


def grants_of_parcel(conn: sqlite3.Connection, parcel_id: str) -> list[str]:
    """Return the live grants over a parcel that its owner holds, the newest first; none given away."""
    rows = conn.execute(
        f"SELECT g.grant_id FROM {GRANT_PARCELS} p JOIN {GRANTS} g USING (grant_id)"  # noqa: S608 - ours
        " WHERE p.parcel_id = ? AND g.state = 'issued' AND g.parent_id IS NULL"
        " ORDER BY g.grant_id DESC",
        (parcel_id,),
    )
    return [row["grant_id"] for row in rows]


def grants_over(conn: sqlite3.Connection, parcel_id: str) -> list[str]:
    """Return every grant over a parcel that the hub still tells of, revoked ones too."""
    rows = conn.execute(
        f"SELECT grant_id FROM {GRANT_PARCELS} WHERE parcel_id = ? ORDER BY grant_id",  # noqa: S608 - ours
        (parcel_id,),
    )
    return [row["grant_id"] for row in rows]


def to_reconcile(conn: sqlite3.Connection) -> list[str]:
    """Return the grants that news may concern: in use and not final, or over a parcel that lies here."""
    rows = conn.execute(
        "SELECT grant_id FROM grant_use WHERE state IN ('waiting', 'issued', 'opening', 'opened')"  # noqa: S608 - ours
        f" UNION SELECT gp.grant_id FROM placement p JOIN {GRANT_PARCELS} gp USING (parcel_id)"
        " WHERE p.state = 'placed' ORDER BY 1"
    )
    return [row["grant_id"] for row in rows]


def to_expire(conn: sqlite3.Connection, now_ms: int) -> list[str]:
    """Return the grants whose time is over and who have not been told."""
    rows = conn.execute(
        "SELECT grant_id FROM grant_use WHERE state IN ('waiting', 'issued') AND expires_at_ms <= ?"
        " ORDER BY grant_id",
        (now_ms,),
    )
    return [row["grant_id"] for row in rows]


def outstanding(conn: sqlite3.Connection, grant_id: str) -> int:
    """Count the parcels of a grant that are still to come (announced, never put in, not cancelled)."""
    row = conn.execute(
        f"SELECT count(*) AS n FROM {GRANT_PARCELS} gp"  # noqa: S608 - ours
        " LEFT JOIN replica_parcel r USING (parcel_id) LEFT JOIN placement p USING (parcel_id)"
        " WHERE gp.grant_id = ? AND p.state IS NULL AND coalesce(r.state, 'announced') = 'announced'",
        (grant_id,),
    ).fetchone()
    return int(row["n"])


def placed_of(conn: sqlite3.Connection, grant_id: str) -> list[sqlite3.Row]:
    """Return parcel_id, compartment and placed_at_ms of what lies here for a grant and is not cancelled."""
    return conn.execute(
        f"SELECT p.parcel_id, p.compartment, p.placed_at_ms FROM {GRANT_PARCELS} gp"  # noqa: S608 - ours
        " JOIN placement p USING (parcel_id) LEFT JOIN replica_parcel r USING (parcel_id)"
        " WHERE gp.grant_id = ? AND p.state = 'placed' AND coalesce(r.state, '') <> 'cancelled'"
        " ORDER BY gp.position",
        (grant_id,),
    ).fetchall()


def use(conn: sqlite3.Connection, grant_id: str) -> Use | None:
    """Return the station's row of a grant."""
    row = conn.execute(
        "SELECT grant_id, state, first_put_in_ms, expires_at_ms FROM grant_use WHERE grant_id = ?",
        (grant_id,),
    ).fetchone()
    return Use(row[0], GrantState(row[1]), row[2], row[3]) if row else None


def put_use(conn: sqlite3.Connection, new: Use) -> None:
    """Store the station's row of a grant; `used_at_ms` stays."""
    conn.execute(
        "INSERT INTO grant_use VALUES (?, ?, ?, ?, NULL) ON CONFLICT (grant_id) DO UPDATE SET"
        " state = excluded.state, first_put_in_ms = excluded.first_put_in_ms,"
        " expires_at_ms = excluded.expires_at_ms",
        (new.grant_id, new.state, new.first_put_in_ms, new.expires_at_ms),
    )


def mark_used(conn: sqlite3.Connection, grant_id: str, at_ms: int) -> None:
    """Remember when a door of the grant was first seen open."""
    conn.execute(
        "UPDATE grant_use SET used_at_ms = coalesce(used_at_ms, ?) WHERE grant_id = ?",
        (at_ms, grant_id),
    )


def _item(row: sqlite3.Row) -> Item:
    values = dict(row)
    state = values["door_state"]
    return Item(**(values | {"door_state": DoorState(state) if state else None}))


def items(conn: sqlite3.Connection, grant_id: str) -> list[Item]:
    """Return the items of a grant in a stable order: by compartment."""
    rows = conn.execute(_ITEM + "WHERE i.grant_id = ? ORDER BY i.compartment", (grant_id,))
    return [_item(row) for row in rows]


def item(conn: sqlite3.Connection, grant_id: str, parcel_id: str) -> Item | None:
    """Return one item."""
    row = conn.execute(
        _ITEM + "WHERE i.grant_id = ? AND i.parcel_id = ?", (grant_id, parcel_id)
    ).fetchone()
    return _item(row) if row else None


def item_by_request(conn: sqlite3.Connection, open_request_id: str) -> Item | None:
    """Return the item whose newest open request this is."""
    row = conn.execute(_ITEM + "WHERE i.open_request_id = ?", (open_request_id,)).fetchone()
    return _item(row) if row else None


def add_item(conn: sqlite3.Connection, grant_id: str, parcel_id: str, compartment: str) -> None:
    """Let the grant open this compartment for this parcel; a parcel put in anew starts afresh."""
    conn.execute(
        "INSERT INTO grant_item (grant_id, parcel_id, compartment) VALUES (?, ?, ?)"
        " ON CONFLICT (grant_id, parcel_id) DO NOTHING",
        (grant_id, parcel_id, compartment),
    )


def drop_unopened_item(conn: sqlite3.Connection, grant_id: str, parcel_id: str) -> None:
    """Forget an item whose parcel left by another way (undo, hand-over, cancel)."""
    conn.execute(
        "DELETE FROM grant_item WHERE grant_id = ? AND parcel_id = ? AND opened_at_ms IS NULL",
        (grant_id, parcel_id),
    )


def set_request(
    conn: sqlite3.Connection, item: Item, open_request_id: str, *, reopen: bool
) -> None:
    """Tie a new open request to an item; pulses of earlier ones are kept."""
    conn.execute(
        "UPDATE grant_item SET open_request_id = ?, door_state = 'queued', pulses_before = pulses,"
        " reopens = reopens + ? WHERE grant_id = ? AND parcel_id = ?",
        (open_request_id, int(reopen), item.grant_id, item.parcel_id),
    )


def set_door_state(conn: sqlite3.Connection, item: Item, state: DoorState, pulses: int) -> None:
    """Store where the item's request stands and how many pulses the item has had in all."""
    conn.execute(
        "UPDATE grant_item SET door_state = ?, pulses = ? WHERE grant_id = ? AND parcel_id = ?",
        (state, pulses, item.grant_id, item.parcel_id),
    )


def set_opened(conn: sqlite3.Connection, item: Item, at_ms: int) -> None:
    """Store that the door was seen open; the first time counts."""
    conn.execute(
        "UPDATE grant_item SET opened_at_ms = coalesce(opened_at_ms, ?)"
        " WHERE grant_id = ? AND parcel_id = ?",
        (at_ms, item.grant_id, item.parcel_id),
    )


def set_closed(
    conn: sqlite3.Connection, item: Item, at_ms: int, boot_id: str, mono_s: float
) -> None:
    """Store that the door was shut; a re-open does not move the end of the re-open window."""
    conn.execute(
        "UPDATE grant_item SET closed_at_ms = coalesce(closed_at_ms, ?),"
        " closed_boot_id = coalesce(closed_boot_id, ?), closed_mono_s = coalesce(closed_mono_s, ?)"
        " WHERE grant_id = ? AND parcel_id = ?",
        (at_ms, boot_id, mono_s, item.grant_id, item.parcel_id),
    )


def allow_pulses_again(conn: sqlite3.Connection, compartment: str) -> None:
    """Staff have been at this door: items that used up their three pulses get three more."""
    conn.execute(
        "UPDATE grant_item SET pulses = 0, pulses_before = 0"
        " WHERE compartment = ? AND opened_at_ms IS NULL",
        (compartment,),
    )


def uses_by_parcel(conn: sqlite3.Connection) -> dict[str, Use]:
    """Return parcel_id → use of the grant that rules over it, for the parcels that lie here.

    One that works before one that ended, then the one that lasts longest (a child's never does), then the newest.
    """
    rows = conn.execute(
        "SELECT i.parcel_id, u.grant_id, u.state, u.first_put_in_ms, u.expires_at_ms FROM placement p"
        " JOIN grant_item i USING (parcel_id) JOIN grant_use u USING (grant_id)"
        " WHERE p.state = 'placed' ORDER BY u.state NOT IN ('done', 'revoked', 'expired'),"
        " CASE WHEN u.state IN ('done', 'revoked', 'expired') THEN 0 ELSE u.expires_at_ms END,"
        " u.grant_id"
    )
    return {row[0]: Use(row[1], GrantState(row[2]), row[3], row[4]) for row in rows}
