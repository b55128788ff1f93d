"""What the uplink does with outbox rows: next batch, acknowledge, step back, tell a fork anew, trim.

Plain functions of one transaction each; `edge.sync.uplink` decides when.
"""

import sqlite3
from dataclasses import dataclass

from common.contract.chain import Link, next_link
from common.contract.protocol import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    START,
    EventsBatch,
    Position,
    WireEvent,
)
from common.contract.words import Lane
from common.kit.failpoints import fp
from common.kit.invariant import must

RETENTION_MS = 7 * 24 * 3600 * 1000
RETENTION_ROWS = 50_000
"""An acknowledged row stays until it is older than the one and further back than the other: a hub restored
from a backup is refilled from these."""
TELEMETRY_ROWS_MAX = 100_000
"""Unsent telemetry beyond this is dropped, oldest first, and the loss is told: a month alone of two zones, 50 MB."""
TELEMETRY_DROP = 5_000
_TRIM_ROWS = 5_000  # deleted in one transaction: it must not hold up a door


@dataclass(frozen=True, slots=True)
class Dropped:
    """A stretch of telemetry of one boot epoch that is gone."""

    boot_epoch: int
    first_seq: int
    count: int
    last_chain: str


def next_batch_tx(
    conn: sqlite3.Connection,
    lane: Lane,
    most: int = MAX_BATCH_EVENTS,
    most_bytes: int = MAX_BATCH_BYTES,
) -> EventsBatch | None:
    """Return the oldest unacknowledged events of `lane` that hang together, None when there are none.

    At most `most` events and `most_bytes` of body text; one larger body travels alone.
    """
    found = conn.execute(
        "SELECT o.*, b.n IS NOT NULL AS broken FROM outbox o"
        " LEFT JOIN sync_break b ON b.lane = o.lane AND b.n = o.n - 1"
        " WHERE o.lane = ? AND o.n > ? ORDER BY o.n LIMIT ?",
        (lane.value, _lane(conn, lane)["acked_n"], most),
    )
    rows: list[sqlite3.Row] = []
    size = 0
    for row in found:
        size += len(row["body"].encode())
        if rows and (row["broken"] or size > most_bytes):
            break
        rows.append(row)
    if not rows:
        return None
    after, hole = before_tx(conn, lane, rows[0]["n"] - 1)
    return EventsBatch(
        lane=lane,
        after=after,
        hole=hole,
        events=tuple(wire(row) for row in rows),
        chain=rows[-1]["chain"].hex(),
    )


def ack_tx(conn: sqlite3.Connection, lane: Lane, acked: Position, now_ms: int) -> bool:
    """Note that the hub has everything up to `acked`, be it less than before; False: no place of our story."""
    n = place_tx(conn, lane, acked)
    if n is None:
        return False
    conn.execute(
        "UPDATE outbox SET acked_at_ms = ? WHERE lane = ? AND n > ? AND n <= ? AND acked_at_ms IS NULL",
        (now_ms, lane.value, _lane(conn, lane)["acked_n"], n),
    )
    _set_acked(conn, lane, n)
    fp("sync.edge.acked")
    return True


def place_tx(conn: sqlite3.Connection, lane: Lane, position: Position) -> int | None:
    """Return the local number of `position`, None when we do not hold that very place."""
    for table in ("outbox", "sync_break"):
        found = conn.execute(
            f"SELECT n FROM {table} WHERE lane = ? AND boot_epoch = ? AND seq = ? AND chain = ?",  # noqa: S608 - two literals
            (lane.value, *position.order, bytes.fromhex(position.chain)),
        ).fetchone()
        if found is not None:
            return int(found["n"])
    if position == START and _first_n(conn, lane) == 1:
        return 0
    return None


def own_epoch_tx(conn: sqlite3.Connection) -> int:
    """Return the boot epoch that events get now; what the hub knew of this station at its hello lies below."""
    return int(conn.execute("SELECT boot_epoch FROM sync_self").fetchone()["boot_epoch"])


def unsent_tx(conn: sqlite3.Connection, lane: Lane) -> int:
    """Return how many rows of `lane` the hub does not have."""
    state = _lane(conn, lane)
    return int(state["n"] - state["acked_n"])


def oldest_tx(conn: sqlite3.Connection, lane: Lane) -> tuple[int, int]:
    """Return the place of the oldest row held; of the lane's newest event when none is."""
    found = conn.execute(
        "SELECT boot_epoch, seq FROM outbox WHERE lane = ? ORDER BY n LIMIT 1", (lane.value,)
    ).fetchone()
    row = found or _lane(conn, lane)
    return (int(row["boot_epoch"]), int(row["seq"]))


def resend_all_tx(conn: sqlite3.Connection, lane: Lane) -> None:
    """Offer every retained row again: the hub says which it knows."""
    _set_acked(conn, lane, _first_n(conn, lane) - 1)


def retell_tx(
    conn: sqlite3.Connection, station_id: str, lane: Lane, at: tuple[int, int], head: Position
) -> int:
    """Continue the hub's story: rows from `at` on are chained anew behind `head`, in a new boot epoch.

    Needed after this database was put back to an older state: the hub holds other events under the same
    numbers. No fact is lost and none of the hub's is changed. Returns how many rows were told anew.
    """
    first = conn.execute(
        "SELECT n FROM outbox WHERE lane = ? AND (boot_epoch, seq) >= (?, ?) ORDER BY n LIMIT 1",
        (lane.value, *at),
    ).fetchone()
    before_n = int(first["n"]) - 1 if first else int(_lane(conn, lane)["n"])
    told = chain_anew_tx(conn, station_id, lane, before_n, head)
    _set_acked(conn, lane, before_n)
    return told


def chain_anew_tx(
    conn: sqlite3.Connection, station_id: str, lane: Lane, before_n: int, head: Position
) -> int:
    """Chain the rows behind number `before_n` anew, behind `head` and in a new boot epoch; return how many.

    Only for rows that the hub does not have: under a new place a fact takes effect once more.
    """
    rows = conn.execute(
        "SELECT * FROM outbox WHERE lane = ? AND n > ? ORDER BY n", (lane.value, before_n)
    ).fetchall()
    own = conn.execute(
        "UPDATE sync_self SET boot_epoch = max(boot_epoch, ?) + 1 RETURNING boot_epoch",
        (head.boot_epoch,),
    ).fetchone()["boot_epoch"]
    chain = bytes.fromhex(head.chain)
    conn.execute("DELETE FROM sync_break WHERE lane = ? AND n >= ?", (lane.value, before_n))
    break_tx(conn, lane, before_n, (head.boot_epoch, head.seq, chain))
    for seq, row in enumerate(rows, start=1):
        link = Link(
            station_id, lane.value, own, seq,
            row["occurred_at_ms"], row["type"], row["v"], row["body"],
        )  # fmt: skip
        chain = next_link(chain, link)
        conn.execute(
            "UPDATE outbox SET boot_epoch = ?, seq = ?, chain = ?, acked_at_ms = NULL"
            " WHERE lane = ? AND n = ?",
            (own, seq, chain, lane.value, row["n"]),
        )
    conn.execute(
        "UPDATE sync_lane SET boot_epoch = ?, seq = ?, chain = ? WHERE lane = ?",
        (own, len(rows), chain, lane.value),
    )
    fp("sync.edge.retold")
    return len(rows)


def mend_tx(conn: sqlite3.Connection, station_id: str, lane: Lane) -> int:
    """Chain what is not acknowledged anew behind what is: for rows whose links were damaged on the disk."""
    acked_n = _lane(conn, lane)["acked_n"]
    head, _ = before_tx(conn, lane, acked_n)
    return chain_anew_tx(conn, station_id, lane, acked_n, head)


def trim_tx(conn: sqlite3.Connection, lane: Lane, now_ms: int, keep_rows: int | None = None) -> int:
    """Delete acknowledged rows that are old and (by RETENTION_ROWS) far back enough; return how many."""
    state = _lane(conn, lane)
    upto = min(state["n"] - (RETENTION_ROWS if keep_rows is None else keep_rows), state["acked_n"])
    last = conn.execute(
        "SELECT max(n) AS n, count(*) AS rows FROM (SELECT n FROM outbox"
        " WHERE lane = ? AND n <= ? AND acked_at_ms <= ? ORDER BY n LIMIT ?)",
        (lane.value, upto, now_ms - RETENTION_MS, _TRIM_ROWS),
    ).fetchone()
    if last["n"] is None:
        return 0
    _cut(conn, lane, 0, last["n"])
    return int(last["rows"])


def drop_telemetry_tx(conn: sqlite3.Connection) -> tuple[Dropped, ...]:
    """Drop the oldest unsent telemetry when there is too much; return what must be told."""
    lane = Lane.TELEMETRY
    state = _lane(conn, lane)
    if state["n"] - state["acked_n"] <= TELEMETRY_ROWS_MAX:
        return ()
    upto = state["acked_n"] + TELEMETRY_DROP
    stretches = conn.execute(
        "SELECT boot_epoch, min(seq) AS first_seq, count(*) AS rows, max(n) AS last_n FROM outbox"
        " WHERE lane = ? AND n > ? AND n <= ? GROUP BY boot_epoch ORDER BY boot_epoch",
        (lane.value, state["acked_n"], upto),
    ).fetchall()
    dropped = tuple(
        Dropped(
            row["boot_epoch"],
            row["first_seq"],
            row["rows"],
            _row(conn, lane, row["last_n"])["chain"].hex(),
        )
        for row in stretches
    )
    if dropped:
        _cut(conn, lane, state["acked_n"], upto)
    _set_acked(conn, lane, upto)
    return dropped


def _cut(conn: sqlite3.Connection, lane: Lane, above: int, upto: int) -> None:
    """Delete the rows in (above, upto] and keep the place of the last, so that the next can say what it follows."""
    last = _row(conn, lane, upto)
    place = (lane.value, above, upto)
    may_go = lane is Lane.TELEMETRY or upto <= _lane(conn, lane)["acked_n"]
    must(may_go, "I7", f"facts up to {upto} would go before the hub has them")
    conn.execute("DELETE FROM outbox WHERE lane = ? AND n > ? AND n <= ?", place)
    conn.execute("DELETE FROM sync_break WHERE lane = ? AND n >= ? AND n <= ?", place)
    break_tx(conn, lane, upto, (last["boot_epoch"], last["seq"], last["chain"]))


def break_tx(conn: sqlite3.Connection, lane: Lane, n: int, place: tuple[int, int, bytes]) -> None:
    """Note that row `n + 1` is chained to `place`, and that what lay before is not held here."""
    conn.execute(
        "INSERT OR REPLACE INTO sync_break VALUES (?, ?, ?, ?, ?)", (lane.value, n, *place)
    )


def _set_acked(conn: sqlite3.Connection, lane: Lane, n: int) -> None:
    newest = _lane(conn, lane)["n"]
    must(0 <= n <= newest, "I2", f"{lane}: {n} acknowledged of {newest}")
    conn.execute("UPDATE sync_lane SET acked_n = ? WHERE lane = ?", (n, lane.value))


def _lane(conn: sqlite3.Connection, lane: Lane) -> sqlite3.Row:
    found: sqlite3.Row = conn.execute(
        "SELECT * FROM sync_lane WHERE lane = ?", (lane.value,)
    ).fetchone()
    return found


def _row(conn: sqlite3.Connection, lane: Lane, n: int) -> sqlite3.Row:
    found: sqlite3.Row = conn.execute(
        "SELECT boot_epoch, seq, chain FROM outbox WHERE lane = ? AND n = ?", (lane.value, n)
    ).fetchone()
    return found


def _first_n(conn: sqlite3.Connection, lane: Lane) -> int:
    """Return the number of the oldest row held; one beyond the newest when none is."""
    found = conn.execute("SELECT min(n) AS n FROM outbox WHERE lane = ?", (lane.value,)).fetchone()
    return int(found["n"]) if found["n"] is not None else int(_lane(conn, lane)["n"]) + 1


def before_tx(conn: sqlite3.Connection, lane: Lane, n: int) -> tuple[Position, bool]:
    """Return the place that row `n + 1` follows, and whether what lay before it is not held here."""
    broken = conn.execute(
        "SELECT boot_epoch, seq, chain FROM sync_break WHERE lane = ? AND n = ?", (lane.value, n)
    ).fetchone()
    if broken is None and n == 0:
        return START, False
    row = broken or _row(conn, lane, n)
    place = Position(boot_epoch=row["boot_epoch"], seq=row["seq"], chain=row["chain"].hex())
    return place, broken is not None


def wire(row: sqlite3.Row) -> WireEvent:
    """Return an outbox row as it is posted."""
    return WireEvent(
        boot_epoch=row["boot_epoch"],
        seq=row["seq"],
        occurred_at_ms=row["occurred_at_ms"],
        type=row["type"],
        v=row["v"],
        body=row["body"],
    )
