"""`linli bench outbox`: facts made durable a second, many rooms at once, each fact a transaction of its own.

The floor writes the same texts into one append-only table, a whole group in one transaction.
"""

import sqlite3
import tempfile
from pathlib import Path

from common.contract.base import Message
from common.kit.sqlite import GROUP_MAX
from linli.bench.figures import Sheet, median
from linli.bench.meter import Meter
from linli.bench.rooms import BenchRooms, bare, fact, shared

RATE_GOAL = 15_000.0
WAITERS = GROUP_MAX
_ROUNDS = 5
_US = 1e6
_FLOOR = "CREATE TABLE floor (id INTEGER PRIMARY KEY, at_ms INTEGER, type TEXT, body TEXT)"


async def bench_outbox(events: int) -> Sheet:
    """Append `events` facts in rounds, the floor between them."""
    each = max(1, events // _ROUNDS)
    ours: list[Meter] = []
    floor: list[Meter] = []
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        rooms = BenchRooms(folder / "state.db")
        await rooms.boot()
        await shared(_facts(0, min(each, 500)), WAITERS, rooms)
        with bare(folder / "floor.db", _FLOOR) as conn:
            for number in range(_ROUNDS):
                facts = _facts(number * each, each)
                with Meter() as spent:
                    await shared(facts, WAITERS, rooms)
                ours.append(spent)
                floor.append(_floor(conn, number * each, each))
        rooms.db.close()
    return _sheet(ours, floor, each)


def _facts(first: int, count: int) -> list[Message]:
    """Make them before the clock starts, as the floor's texts are: they are the rooms' work."""
    return [fact(number) for number in range(first, first + count)]


def _floor(conn: sqlite3.Connection, first: int, count: int) -> Meter:
    bodies = [body.model_dump_json() for body in _facts(first, count)]
    with Meter() as spent:
        for start in range(0, count, GROUP_MAX):
            conn.execute("BEGIN IMMEDIATE")
            conn.executemany(
                "INSERT INTO floor (at_ms, type, body) VALUES (?, 'door.changed', ?)",
                enumerate(bodies[start : start + GROUP_MAX]),
            )
            conn.execute("COMMIT")
    return spent


def _sheet(ours: list[Meter], floor: list[Meter], each: int) -> Sheet:
    sheet = Sheet("outbox", each * _ROUNDS)
    cpu, bare_cpu = (median([one.cpu_s / each * _US for one in part]) for part in (ours, floor))
    sheet.add("events_per_s", median([each / one.wall_s for one in ours]))
    sheet.add("events_per_cpu_s", _US / cpu)
    sheet.add("cpu_per_event_us", cpu)
    sheet.add("floor_cpu_per_event_us", bare_cpu)
    sheet.add("ratio_to_floor", cpu / bare_cpu)
    sheet.add("written_per_event_bytes", median([one.written / each for one in ours]))
    sheet.add("floor_written_per_event_bytes", median([one.written / each for one in floor]))
    sheet.add("waiters", WAITERS)
    sheet.load()
    sheet.goal_least("events_per_s", RATE_GOAL)
    return sheet
