"""The outbox of a rebuilt station: events that the hub does not have yet, and ranges of those that are lost.

Behind a hole the events are chained anew, so the hub's log stays without one; what it has already is let go.
"""

import sqlite3
from dataclasses import dataclass

from common.contract.damage import LostEvents
from common.contract.protocol import Position
from common.contract.words import Lane
from edge.salvage.stock import Record, Stock
from edge.sync import lanes

_TABLES = ("outbox", "sync_lane", "sync_break")


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
    """Put events and lanes into `conn`, return the ranges that are lost; `sync_self` must be there."""
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
    """Number the unsent events anew without holes; where one is missing, chain them anew as well."""
    held = _events(stock, lane)
    unsent = [held[n] for n in sorted(held) if n > was.acked_n]
    place = _place(stock, lane, was, held, unsent)
    lost = _ranges(lane, was, unsent, place)
    insert_tx(
        conn,
        "outbox",
        [row | {"n": was.acked_n + 1 + i, "acked_at_ms": None} for i, row in enumerate(unsent)],
    )
    conn.execute("INSERT INTO sync_break VALUES (?, ?, ?, ?, ?)", (lane.value, was.acked_n, *place))
    end = (place[0], place[1], place[2])
    if unsent:
        end = (unsent[-1]["boot_epoch"], unsent[-1]["seq"], unsent[-1]["chain"])
    conn.execute(
        "INSERT OR REPLACE INTO sync_lane VALUES (?, ?, ?, ?, ?, ?)",
        (lane.value, was.acked_n + len(unsent), *end, was.acked_n),
    )
    if lost and unsent:
        at = (int(unsent[0]["boot_epoch"]), int(unsent[0]["seq"]))
        head = Position(boot_epoch=place[0], seq=place[1], chain=place[2].hex())
        lanes.retell_tx(conn, station_id, lane, at, head)
    return lost


def _ranges(
    lane: Lane, was: _Lane, unsent: list[Record], place: tuple[int, int, bytes]
) -> list[LostEvents]:
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
    newest = max((older[0], *(held[n] for n in held)), key=lambda row: int(row["n"]))
    return _Lane(**_standing(newest), acked_n=older[0]["acked_n"], proven=False)


def _standing(row: Record) -> Record:
    return {name: row[name] for name in ("n", "boot_epoch", "seq", "chain")}


def _events(stock: Stock, lane: Lane) -> dict[int, Record]:
    rows = (*stock.missing("outbox"), *stock.records("outbox"))  # an event never changes
    return {int(row["n"]): row for row in rows if row["lane"] == lane.value}


def _place(
    stock: Stock, lane: Lane, was: _Lane, held: dict[int, Record], unsent: list[Record]
) -> tuple[int, int, bytes]:
    """Return the place of the last event the hub has. Where it is lost, the hub answers with its own."""
    breaks = (*stock.missing("sync_break"), *stock.records("sync_break"))
    known = {int(row["n"]): row for row in breaks if row["lane"] == lane.value} | held
    row = known.get(was.acked_n)
    if row is not None:
        return row["boot_epoch"], row["seq"], row["chain"]
    if was.acked_n == was.n:
        return was.boot_epoch, was.seq, was.chain
    first = unsent[0] if unsent else None
    return (
        (first["boot_epoch"], max(0, first["seq"] - 1), bytes(32)) if first else (0, 0, bytes(32))
    )
