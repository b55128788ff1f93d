"""The outbox of a rebuilt station: events that the hub may not have yet, and ranges of those that are lost.

Each keeps the place it had: the hub may hold it there, further on than file and copy know. A link that leads to a lost
event is marked; when the hub has said how far it is, `edge.sync.tears` chains anew what it lacks behind the hole.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from common.contract.chain import Link, next_link
from common.contract.damage import LostEvents
from common.contract.protocol import START
from common.contract.words import Lane
from edge.salvage.stock import LINKED, Record, Stock

_TABLES = ("outbox", "sync_lane", "sync_break", "sync_tear")
_Place = tuple[int, int, bytes]
_NO_LINK = bytes.fromhex(START.chain)
_START: _Place = (*START.order, _NO_LINK)


@dataclass(frozen=True, slots=True)
class _Lane:
    """Where a lane stood: its newest event and the last that the hub has."""

    n: int
    boot_epoch: int
    seq: int
    chain: bytes
    acked_n: int
    proven: bool


def fill_outbox_tx(conn: sqlite3.Connection, stock: Stock, station_id: str) -> list[LostEvents]:
    """Put events and lanes into `conn`, return the ranges that are lost."""
    if stock.is_whole(*_TABLES):
        for name in _TABLES:
            insert_tx(conn, name, stock.records(name))
        return []
    lost = []
    for lane in Lane:
        found = _lane(stock, lane)
        if found is not None:
            lost += _fill_lane_tx(conn, stock, station_id, lane, found)
        else:
            lost.append(LostEvents(lane=lane.value, after_boot_epoch=0, after_seq=0))
    return lost


def insert_tx(conn: sqlite3.Connection, table: str, records: list[Record]) -> None:
    """Store rows, by the names of their columns: the file may come from an older release."""
    for record in records:
        names = ", ".join(f'"{name}"' for name in record)
        marks = ", ".join("?" * len(record))
        sql = f'INSERT OR REPLACE INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608 - names of our schema
        conn.execute(sql, tuple(record.values()))


def _fill_lane_tx(
    conn: sqlite3.Connection, stock: Stock, station_id: str, lane: Lane, was: _Lane
) -> list[LostEvents]:
    """Number what the hub is not known to have without holes, and mark the links that lead into one."""
    held = _events(stock, lane)
    unsent = [held[n] for n in sorted(held) if n > was.acked_n]
    place = _place(stock, lane, was, held, unsent)
    insert_tx(
        conn,
        "outbox",
        [row | {"n": was.acked_n + 1 + i, "acked_at_ms": None} for i, row in enumerate(unsent)],
    )
    if place != _START:
        row = (lane.value, was.acked_n, *place)
        conn.execute("INSERT INTO sync_break VALUES (?, ?, ?, ?, ?)", row)
    conn.execute(
        "INSERT OR REPLACE INTO sync_lane VALUES (?, ?, ?, ?, ?, ?)",
        (lane.value, was.acked_n + len(unsent), was.boot_epoch, was.seq, was.chain, was.acked_n),
    )
    for i in _torn(station_id, lane, place[2], unsent, was.chain):
        conn.execute("INSERT INTO sync_tear VALUES (?, ?)", (lane.value, was.acked_n + i))
    return _ranges(lane, was, unsent, place)


def _torn(
    station_id: str, lane: Lane, before: bytes, unsent: list[Record], newest: bytes
) -> Iterator[int]:
    """Return behind how many of `unsent` a link leads to an event that is lost; what comes next follows `newest`."""
    for i, row in enumerate(unsent):
        link = Link(station_id, lane, *(row[name] for name in LINKED))
        if next_link(before, link) != row["chain"]:
            yield i
        before = row["chain"]
    if before != newest:
        yield len(unsent)


def _ranges(lane: Lane, was: _Lane, unsent: list[Record], place: _Place) -> list[LostEvents]:
    """Return the stretches of numbers between what the hub has and the newest event that nobody has any more."""
    lost, before, at = [], was.acked_n, place[:2]
    for row in [*unsent, {"n": was.n + 1}]:
        count = int(row["n"]) - before - 1
        if count > 0:
            lost.append(
                LostEvents(lane=lane.value, count=count, after_boot_epoch=at[0], after_seq=at[1])
            )
        before, at = int(row["n"]), (row.get("boot_epoch", 0), row.get("seq", 0))
    if not was.proven:  # what came behind the newest that is held, nobody knows
        end = (was.boot_epoch, was.seq)
        lost.append(LostEvents(lane=lane.value, after_boot_epoch=end[0], after_seq=end[1]))
    return lost


def _lane(stock: Stock, lane: Lane) -> _Lane | None:
    """Return where the lane stood; without its row the copy's, moved on to the newest event that is held."""
    proven = [row for row in stock.records("sync_lane") if row["lane"] == lane.value]
    older = [row for row in stock.missing("sync_lane") if row["lane"] == lane.value]
    if proven:
        return _Lane(**_standing(proven[0]), acked_n=proven[0]["acked_n"], proven=True)
    if not older:
        return None
    held = _events(stock, lane)
    newest = max((*held.values(), older[0]), key=lambda row: int(row["n"]))
    return _Lane(**_standing(newest), acked_n=older[0]["acked_n"], proven=False)


def _standing(row: Record) -> Record:
    return {name: row[name] for name in ("n", "boot_epoch", "seq", "chain")}


def _events(stock: Stock, lane: Lane) -> dict[int, Record]:
    rows = (*stock.missing("outbox"), *stock.records("outbox"))  # an event never changes
    return {int(row["n"]): row for row in rows if row["lane"] == lane.value}


def _place(
    stock: Stock, lane: Lane, was: _Lane, held: dict[int, Record], unsent: list[Record]
) -> _Place:
    """Return the place of the last event the hub has; where it is lost, one without a link, no further on than that."""
    breaks = (*stock.missing("sync_break"), *stock.records("sync_break"))
    known = {int(row["n"]): row for row in breaks if row["lane"] == lane.value} | held
    row = known.get(was.acked_n)
    if row is not None:
        return row["boot_epoch"], row["seq"], row["chain"]
    if was.acked_n == was.n:
        return was.boot_epoch, was.seq, was.chain
    if was.acked_n == 0:
        return _START
    epoch, seq, n = was.boot_epoch, was.seq, was.n
    if unsent:
        epoch, seq, n = (int(unsent[0][name]) for name in ("boot_epoch", "seq", "n"))
    return epoch, max(0, seq - (n - was.acked_n)), _NO_LINK
