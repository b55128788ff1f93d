"""`linli bench replica`: the hub's ops become rows under a verified digest, a page a transaction.

Once without and once with the rooms' tables that are made from the rows. The floor puts the same texts into one
keyed table, a page a transaction, and checks nothing.
"""

import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path

from common.contract.digest import moved, row_hash
from common.contract.protocol import MAX_OPS
from common.contract.replica import row_key
from edge.sync.replica import Change, Cursor
from linli.bench.figures import Sheet, median
from linli.bench.meter import Meter
from linli.bench.orders import rows_of_one_order
from linli.bench.rooms import BenchRooms, bare

RATE_GOAL = 25_000.0
_ROUNDS = 5
_US = 1e6
_FLOOR = "CREATE TABLE floor (tbl TEXT, key TEXT, body TEXT, PRIMARY KEY (tbl, key)) WITHOUT ROWID"


async def bench_replica(ops: int) -> Sheet:
    """Apply `ops` ops in pages, in rounds; the floor between them."""
    pages = max(1, ops // _ROUNDS // MAX_OPS)
    ours: list[Meter] = []
    rows: list[Meter] = []
    floor: list[Meter] = []
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        rooms = BenchRooms(folder / "state.db")
        await rooms.boot()
        alone = BenchRooms(folder / "alone.db", tables=False)
        await alone.boot()
        with bare(folder / "floor.db", _FLOOR) as conn:
            for _ in range(_ROUNDS):
                todo = [_page(rooms) for _ in range(pages)]
                ours.append(await _apply(rooms, todo))
                rows.append(await _apply(alone, todo))
                floor.append(_put(conn, todo))
        rooms.db.close()
        alone.db.close()
    return _sheet(ours, rows, floor, pages * MAX_OPS)


def _page(rooms: BenchRooms) -> list[Change]:
    """Return what a busy evening sends: parcels announced with their grants."""
    changes: list[Change] = []
    while len(changes) < MAX_OPS:
        for table, row in rows_of_one_order(rooms.clock, rooms.chance):
            changes.append(Change(table, row_key(table, row), row.model_dump_json()))
    return changes[:MAX_OPS]


async def _apply(rooms: BenchRooms, pages: Sequence[Sequence[Change]]) -> Meter:
    start = await rooms.replica.cursor()
    ends = [start]
    for page in pages:
        digest = ends[-1].digest
        for change in page:
            assert change.body is not None
            added = row_hash(change.table, change.key, change.body)
            digest = moved(digest, removed=None, added=added)
        ends.append(Cursor(1, ends[-1].op + len(page), digest))
    with Meter() as spent:
        for at, page in enumerate(pages):
            assert await rooms.replica.apply(ends[at], ends[at + 1], page)
    return spent


def _put(conn: sqlite3.Connection, pages: Sequence[Sequence[Change]]) -> Meter:
    with Meter() as spent:
        for page in pages:
            conn.execute("BEGIN IMMEDIATE")
            conn.executemany(
                "INSERT OR REPLACE INTO floor VALUES (?, ?, ?)",
                [(change.table, change.key, change.body) for change in page],
            )
            conn.execute("COMMIT")
    return spent


def _sheet(ours: list[Meter], rows: list[Meter], floor: list[Meter], each: int) -> Sheet:
    sheet = Sheet("replica", each * _ROUNDS)
    cpu, rows_cpu, bare_cpu = (
        median([one.cpu_s / each * _US for one in part]) for part in (ours, rows, floor)
    )
    sheet.add("ops_per_s", median([each / one.wall_s for one in rows]))
    sheet.add("ops_per_cpu_s", _US / rows_cpu)
    sheet.add("cpu_per_op_us", rows_cpu)
    sheet.add("floor_cpu_per_op_us", bare_cpu)
    sheet.add("ratio_to_floor", rows_cpu / bare_cpu)
    sheet.add("with_tables_ops_per_s", median([each / one.wall_s for one in ours]))
    sheet.add("with_tables_cpu_per_op_us", cpu)
    sheet.add("with_tables_ratio_to_floor", cpu / bare_cpu)
    sheet.add("with_tables_written_per_op_bytes", median([one.written / each for one in ours]))
    sheet.add("page_ops", MAX_OPS)
    sheet.load()
    sheet.goal_least("ops_per_s", RATE_GOAL)
    return sheet
