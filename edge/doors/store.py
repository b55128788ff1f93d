"""Open requests and their pulses in `state.db`; the pulse row is the journal that a frame may leave."""

import sqlite3
from collections.abc import Iterable

from common.contract.words import ActorKind, DoorState, Purpose
from edge.doors.machine import LIVE, TRANSIENT
from edge.doors.model import DoorWish, OpenRequest

DDL: tuple[str, ...] = (
    """CREATE TABLE IF NOT EXISTS open_request (
        open_request_id TEXT PRIMARY KEY,
        compartment TEXT NOT NULL,
        actor_kind TEXT NOT NULL,
        actor_id TEXT NOT NULL,
        purpose TEXT NOT NULL,
        reason TEXT NOT NULL,
        grant_id TEXT,
        state TEXT NOT NULL,
        pulses INTEGER NOT NULL DEFAULT 0,
        boot_id TEXT NOT NULL,
        created_mono_ms INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL,
        opened_ms INTEGER,
        left_open_told INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS open_request_by_state ON open_request (state)",
    "CREATE INDEX IF NOT EXISTS open_request_by_door ON open_request (compartment)",
    """CREATE TABLE IF NOT EXISTS pulse (
        pulse_id INTEGER PRIMARY KEY,
        open_request_id TEXT NOT NULL REFERENCES open_request ON DELETE CASCADE,
        compartment TEXT NOT NULL,
        number INTEGER NOT NULL,
        flag TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        mono_ms INTEGER NOT NULL,
        wall_ms INTEGER NOT NULL,
        result TEXT
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS pulse_by_door ON pulse (compartment, pulse_id)",
    "CREATE INDEX IF NOT EXISTS pulse_by_request ON pulse (open_request_id)",
)

_STORED = tuple(state for state in DoorState if state not in TRANSIENT)
_STORED_LIVE = tuple(state for state in _STORED if state in LIVE)


def insert(conn: sqlite3.Connection, request: OpenRequest, created_ms: int) -> None:
    """Store a new request."""
    wish = request.wish
    conn.execute(
        "INSERT INTO open_request (open_request_id, compartment, actor_kind, actor_id, purpose,"
        " reason, grant_id, state, pulses, boot_id, created_mono_ms, created_ms, changed_ms)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            request.open_request_id,
            wish.compartment,
            wish.actor_kind,
            wish.actor_id,
            wish.purpose,
            wish.reason,
            wish.grant_id,
            request.state,
            request.pulses,
            request.boot_id,
            request.created_mono_ms,
            created_ms,
            created_ms,
        ),
    )


def get(conn: sqlite3.Connection, open_request_id: str) -> OpenRequest | None:
    """Return one request."""
    row = conn.execute(
        "SELECT * FROM open_request WHERE open_request_id = ?", (open_request_id,)
    ).fetchone()
    return None if row is None else _request(row)


def newest(conn: sqlite3.Connection, compartment: str) -> OpenRequest | None:
    """Return the door's newest request, whatever its state."""
    row = conn.execute(
        "SELECT * FROM open_request WHERE compartment = ? ORDER BY rowid DESC LIMIT 1",
        (compartment,),
    ).fetchone()
    return None if row is None else _request(row)


def live_on(conn: sqlite3.Connection, compartment: str) -> OpenRequest | None:
    """Return the door's request that is not finished yet."""
    for request in live(conn):
        if request.wish.compartment == compartment:
            return request
    return None


def live(conn: sqlite3.Connection) -> list[OpenRequest]:
    """Return every unfinished request, oldest first."""
    return _in_states(conn, _STORED_LIVE)


def queued(conn: sqlite3.Connection) -> list[OpenRequest]:
    """Return the requests that wait for their first pulse, oldest first."""
    return _in_states(conn, (DoorState.QUEUED,))


def move(
    conn: sqlite3.Connection, open_request_id: str, state: DoorState, at_ms: int
) -> OpenRequest:
    """Store a state; the first time OPEN also stores when. Return the request as it now is."""
    opened = at_ms if state is DoorState.OPEN else None
    conn.execute(
        "UPDATE open_request SET state = ?, changed_ms = ?, opened_ms = coalesce(?, opened_ms),"
        " left_open_told = CASE WHEN ? IS NULL THEN left_open_told ELSE 0 END"
        " WHERE open_request_id = ?",
        (state, at_ms, opened, opened, open_request_id),
    )
    moved = get(conn, open_request_id)
    if moved is None:
        raise LookupError(open_request_id)
    return moved


def add_pulse(
    conn: sqlite3.Connection,
    request: OpenRequest,
    *,
    flag: str,
    boot_id: str,
    mono_ms: int,
    wall_ms: int,
) -> int:
    """Store "pulse n" and count it; return the row's id."""
    cursor = conn.execute(
        "INSERT INTO pulse (open_request_id, compartment, number, flag, boot_id, mono_ms, wall_ms)"
        " VALUES (?,?,?,?,?,?,?)",
        (
            request.open_request_id,
            request.wish.compartment,
            request.pulses + 1,
            flag,
            boot_id,
            mono_ms,
            wall_ms,
        ),
    )
    conn.execute(
        "UPDATE open_request SET pulses = pulses + 1 WHERE open_request_id = ?",
        (request.open_request_id,),
    )
    return int(cursor.lastrowid or 0)


def settle_pulse(conn: sqlite3.Connection, pulse_id: int, result: str, *, left: bool) -> None:
    """Store what became of a pulse; one that never left is not counted."""
    conn.execute("UPDATE pulse SET result = ? WHERE pulse_id = ?", (result, pulse_id))
    if not left:
        conn.execute(
            "UPDATE open_request SET pulses = pulses - 1 WHERE open_request_id ="
            " (SELECT open_request_id FROM pulse WHERE pulse_id = ?)",
            (pulse_id,),
        )


def last_pulses(
    conn: sqlite3.Connection, compartment: str, count: int
) -> list[tuple[str, int, int]]:
    """Return (boot_id, mono_ms, wall_ms) of the last pulses that left for this coil, newest first."""
    rows = conn.execute(
        "SELECT boot_id, mono_ms, wall_ms FROM pulse WHERE compartment = ?"
        " AND (result IS NULL OR result <> 'not_sent') ORDER BY pulse_id DESC LIMIT ?",
        (compartment, count),
    )
    return [(row["boot_id"], row["mono_ms"], row["wall_ms"]) for row in rows]


def set_left_open_told(conn: sqlite3.Connection, open_request_id: str) -> None:
    """Remember that the reminder of this opening was sent."""
    conn.execute(
        "UPDATE open_request SET left_open_told = 1 WHERE open_request_id = ?", (open_request_id,)
    )


def prune(conn: sqlite3.Connection, before_ms: int) -> int:
    """Delete finished requests (and their pulses) last changed before `before_ms`; return how many."""
    marks = ",".join("?" * len(_STORED_LIVE))
    cursor = conn.execute(
        f"DELETE FROM open_request WHERE changed_ms < ? AND state NOT IN ({marks})",  # noqa: S608
        (before_ms, *_STORED_LIVE),
    )
    return cursor.rowcount


def _in_states(conn: sqlite3.Connection, states: Iterable[DoorState]) -> list[OpenRequest]:
    wanted = tuple(states)
    marks = ",".join("?" * len(wanted))
    rows = conn.execute(
        f"SELECT * FROM open_request WHERE state IN ({marks}) ORDER BY rowid",  # noqa: S608
        wanted,
    )
    return [_request(row) for row in rows]


def _request(row: sqlite3.Row) -> OpenRequest:
    wish = DoorWish(
        compartment=row["compartment"],
        actor_kind=ActorKind(row["actor_kind"]),
        actor_id=row["actor_id"],
        purpose=Purpose(row["purpose"]),
        reason=row["reason"],
        grant_id=row["grant_id"],
    )
    return OpenRequest(
        open_request_id=row["open_request_id"],
        wish=wish,
        state=DoorState(row["state"]),
        pulses=row["pulses"],
        boot_id=row["boot_id"],
        created_mono_ms=row["created_mono_ms"],
        changed_ms=row["changed_ms"],
        opened_ms=row["opened_ms"],
        left_open_told=bool(row["left_open_told"]),
    )
