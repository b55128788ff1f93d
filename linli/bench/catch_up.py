"""`linli bench catch-up`: a station that was alone for seven days tells the hub everything, in real time.

The station's unmodified link posts to the unmodified hub. The floor posts the same batches over one connection to a
server that appends them durably.
"""

import asyncio
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp

from common.contract.protocol import MAX_BATCH_EVENTS, START, EventsBatch
from common.contract.words import Lane
from common.kit.identity import public_key
from edge.config import HubSection
from edge.sync import HubLink, LinkPorts, lanes
from linli.bench.figures import Sheet
from linli.bench.meter import Meter
from linli.bench.rooms import BenchRooms, fact, measurement
from linli.bench.server import Server, server
from linli.bench.station import STATION_ID, new_secrets

GOAL_S = 600.0
OFFLINE = timedelta(days=7)
_FACT_EVERY = 10
_FILL = 500
_US = 1e6


@dataclass(slots=True)
class Spent:
    """One way of getting everything across."""

    wall_s: float = 0.0
    station_cpu_s: float = 0.0
    server_cpu_s: float = 0.0


async def bench_catch_up(events: int) -> Sheet:
    """Gather `events` events over seven days, then open the line."""
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        rooms = BenchRooms(folder / "state.db")
        await rooms.boot()
        await _gather(rooms, events)
        secrets = new_secrets(rooms.chance)
        keys = {STATION_ID: public_key(secrets.private_key)}
        async with (
            server("hub", folder / "hub", keys) as hub,
            server("floor", folder / "floor", {}) as floor,
        ):
            bare = await _post_bare(rooms, floor)
            config = HubSection(url=hub.url)
            ports = LinkPorts(rooms.clock, rooms.chance, aiohttp.TCPConnector, secrets)
            link = HubLink(ports, config, rooms.db, rooms.outbox, rooms.replica, "bench")
            ours = await _catch_up(rooms, link, hub)
        rooms.db.close()
        stored = _stored(folder / "hub" / "hub.db")
    return _sheet(ours, bare, events, stored)


async def _gather(rooms: BenchRooms, events: int) -> None:
    """One fact to nine measurements, evenly over the days."""
    start, step = rooms.clock.wall() - OFFLINE, OFFLINE / events
    for first in range(0, events, _FILL):
        numbers = range(first, min(events, first + _FILL))

        def tx(conn: sqlite3.Connection, part: range = numbers) -> None:
            for number in part:
                body = fact(number) if number % _FACT_EVERY == 0 else measurement(number)
                rooms.outbox.append_tx(conn, body, occurred_at=start + number * step)

        await rooms.db.write(tx)
    await rooms.outbox.count()


async def _catch_up(rooms: BenchRooms, link: HubLink, hub: Server) -> Spent:
    server_cpu_s = hub.cpu_s()
    with Meter() as spent:
        running = asyncio.create_task(link.run())
        try:
            while True:
                backlog = rooms.outbox.backlog()
                if not backlog.facts and not backlog.telemetry:
                    break
                await asyncio.sleep(0.01)
                if running.done():
                    await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return Spent(spent.wall_s, spent.cpu_s, hub.cpu_s() - server_cpu_s)


async def _post_bare(rooms: BenchRooms, floor: Server) -> Spent:
    """Post the same events, batch after batch, and wait for nothing but the answers."""
    bodies = [
        batch.model_dump_json().encode()
        for lane in Lane
        for batch in await rooms.db.read(lambda c, at=lane: _batches(c, at))  # type: ignore[misc]
    ]
    server_cpu_s, started_s = floor.cpu_s(), time.perf_counter()
    with Meter() as spent:
        async with aiohttp.ClientSession(headers={"X-Station": STATION_ID}) as http:
            for body in bodies:
                async with http.post(f"{floor.url}/", data=body) as answer:
                    answer.raise_for_status()
                    await answer.read()
    return Spent(time.perf_counter() - started_s, spent.cpu_s, floor.cpu_s() - server_cpu_s)


def _batches(conn: sqlite3.Connection, lane: Lane) -> list[EventsBatch]:
    """Read all of a lane in batches, without acknowledging anything."""
    rows = conn.execute("SELECT * FROM outbox WHERE lane = ? ORDER BY n", (lane.value,)).fetchall()
    events = [lanes.wire(row) for row in rows]
    return [
        EventsBatch(
            lane=lane,
            after=START,
            events=tuple(events[at : at + MAX_BATCH_EVENTS]),
            chain=START.chain,
        )
        for at in range(0, len(events), MAX_BATCH_EVENTS)
    ]


def _stored(hub_file: Path) -> int:
    with closing(sqlite3.connect(f"file:{hub_file}?mode=ro", uri=True)) as conn:
        query = "SELECT count(*) FROM sync_event WHERE type IN ('door.changed', 'climate.block')"
        return int(conn.execute(query).fetchone()[0])


def _sheet(ours: Spent, bare: Spent, events: int, stored: int) -> Sheet:
    sheet = Sheet("catch-up", events)
    sheet.add("caught_up_s", ours.wall_s)
    sheet.add("events_per_s", events / ours.wall_s)
    sheet.add("station_cpu_per_event_us", ours.station_cpu_s / events * _US)
    sheet.add("hub_cpu_per_event_us", ours.server_cpu_s / events * _US)
    sheet.add("floor_s", bare.wall_s)
    sheet.add("floor_station_cpu_per_event_us", bare.station_cpu_s / events * _US)
    sheet.add("floor_hub_cpu_per_event_us", bare.server_cpu_s / events * _US)
    total, floor = (one.station_cpu_s + one.server_cpu_s for one in (ours, bare))
    sheet.add("ratio_to_floor", total / floor)
    sheet.add("stored_at_the_hub", stored)
    sheet.load()
    sheet.goal("caught_up_s", GOAL_S)
    sheet.goal_least("stored_at_the_hub", events)
    return sheet
