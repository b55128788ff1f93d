"""A rebuilt outbox finds its way back into the hub's story, and tells no fact twice.

`edge.salvage` marks (`sync_tear`) each row whose link leads to an event that is lost, and leaves all rows at the places
they had: under those the hub may hold them. Only its word says which of them it lacks.
"""

import sqlite3

from common.contract.chain import Link, next_link
from common.contract.protocol import START, Position
from common.contract.words import Lane
from edge.sync import lanes


def close_tears_tx(
    conn: sqlite3.Connection, station_id: str, lane: Lane, head: Position, now_ms: int
) -> int:
    """Let go of what a hub that stands at `head` has; where a link is lost, chain the rest anew and return how many.

    Nothing may have been sent since the start: what the hub has could be further than it said.
    """
    torn = _torn(conn, lane)
    joined = next((n for n in torn if _follows(conn, station_id, lane, n, head)), None)
    if joined is not None:  # what is lost here is the very event the hub stands at
        lanes.break_tx(conn, lane, joined, (*head.order, bytes.fromhex(head.chain)))
        conn.execute("DELETE FROM sync_tear WHERE lane = ? AND n = ?", (lane.value, joined))
    if torn and not lanes.ack_tx(conn, lane, head, now_ms):
        _let_go_tx(conn, lane, head, torn[0], now_ms)
    left = _torn(conn, lane)
    conn.execute("DELETE FROM sync_tear WHERE lane = ?", (lane.value,))
    if not left:
        return 0
    before, _ = lanes.before_tx(conn, lane, left[0])
    if before.chain == START.chain and head.order <= before.order:
        before = head  # of the last event the hub was known to have, only the place is left
    return lanes.chain_anew_tx(conn, station_id, lane, left[0], before)


def _torn(conn: sqlite3.Connection, lane: Lane) -> list[int]:
    """Return the numbers behind which a link is lost, as far as the hub is not known to have what follows."""
    found = conn.execute(
        "SELECT t.n FROM sync_tear t JOIN sync_lane l USING (lane)"
        " WHERE t.lane = ? AND t.n >= l.acked_n ORDER BY t.n",
        (lane.value,),
    )
    return [int(row["n"]) for row in found]


def _follows(conn: sqlite3.Connection, station_id: str, lane: Lane, n: int, head: Position) -> bool:
    """Return whether the row behind number `n`, or what is still to come, is chained to `head`."""
    row = conn.execute(
        "SELECT * FROM outbox WHERE lane = ? AND n = ?", (lane.value, n + 1)
    ).fetchone()
    before = bytes.fromhex(head.chain)
    if row is None:
        newest = conn.execute("SELECT chain FROM sync_lane WHERE lane = ?", (lane.value,))
        return bytes(newest.fetchone()["chain"]) == before
    link = Link(
        station_id, lane.value, row["boot_epoch"], row["seq"],
        row["occurred_at_ms"], row["type"], row["v"], row["body"],
    )  # fmt: skip
    return next_link(before, link) == bytes(row["chain"])


def _let_go_tx(
    conn: sqlite3.Connection, lane: Lane, head: Position, first: int, now_ms: int
) -> None:
    """Let go of what stands no further than `head`, an event that is lost here, when the `first` tear lies before it.

    Rows with no tear before them are shown to the hub, which sees by their links whether it has them.
    """
    upto = conn.execute(
        "SELECT max(n) AS n FROM outbox WHERE lane = ? AND (boot_epoch, seq) <= (?, ?)",
        (lane.value, *head.order),
    ).fetchone()["n"]
    if upto is not None and first < upto:
        place, _ = lanes.before_tx(conn, lane, upto)
        lanes.ack_tx(conn, lane, place, now_ms)
