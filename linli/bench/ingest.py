"""`linli bench ingest`: a storm of stations at the hub, every batch idempotent and durable before its answer.

The same requests go to the floor, which reads, decodes and appends them durably and guarantees nothing else.
"""

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from common.contract.protocol import MAX_BATCH_EVENTS
from linli.bench.figures import Sheet, median
from linli.bench.server import Server, server
from linli.bench.storm import StormStation, send

RATE_GOAL = 50_000.0
FLOOR_GOAL = 3.0
STATIONS = 8
_ROUNDS = 5
_US = 1e6
_PLAIN = "bench.fact"  # no room of the hub does anything with it: what the log itself costs
_WITH_EFFECT = "door.changed"


@dataclass(slots=True)
class Samples:
    """Microseconds of server CPU an event, and events a second of wall time."""

    cpu_us: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)


async def bench_ingest(events: int) -> Sheet:
    """Send about `events` events in rounds: to the hub, to the floor, and once more with the rooms' effects."""
    each = max(1, events // _ROUNDS // STATIONS // MAX_BATCH_EVENTS)
    stations = [StormStation() for _ in range(STATIONS)]
    keys = {one.secrets.station_id: one.public_key for one in stations}
    hub_s, floor_s, effect_s = Samples(), Samples(), Samples()
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        async with (
            server("hub", folder / "hub", keys) as hub,
            server("floor", folder / "floor", {}) as floor,
            aiohttp.ClientSession() as http,
        ):
            for one in stations:
                await one.greet(http, hub.url)
            await _storm(hub, _requests(stations, _PLAIN, 1), Samples())
            for _ in range(_ROUNDS):
                requests = _requests(stations, _PLAIN, each)
                await _storm(hub, requests, hub_s)
                await _storm(floor, requests, floor_s)
            await _storm(hub, _requests(stations, _WITH_EFFECT, 1), effect_s)
    return _sheet(hub_s, floor_s, effect_s, each * STATIONS * MAX_BATCH_EVENTS)


def _requests(stations: list[StormStation], kind: str, batches: int) -> list[list[bytes]]:
    return [[one.request(kind, MAX_BATCH_EVENTS) for _ in range(batches)] for one in stations]


async def _storm(to: Server, requests: list[list[bytes]], samples: Samples) -> None:
    events = sum(len(part) for part in requests) * MAX_BATCH_EVENTS
    cpu_s, wall_s = to.cpu_s(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for part in requests:
            group.create_task(send(to.port, part))
    samples.rate.append(events / (time.perf_counter() - wall_s))
    samples.cpu_us.append((to.cpu_s() - cpu_s) / events * _US)


def _sheet(hub: Samples, floor: Samples, effects: Samples, each: int) -> Sheet:
    sheet = Sheet("ingest", each * _ROUNDS)
    cpu, bare = median(hub.cpu_us), median(floor.cpu_us)
    sheet.add("events_per_s", median(hub.rate))
    sheet.add("events_per_cpu_s", _US / cpu)
    sheet.add("cpu_per_event_us", cpu)
    sheet.add("floor_events_per_s", median(floor.rate))
    sheet.add("floor_cpu_per_event_us", bare)
    sheet.add("ratio_to_floor", cpu / bare)
    sheet.add("with_effects_cpu_per_event_us", median(effects.cpu_us))
    sheet.add("stations", STATIONS)
    sheet.add("batch_events", MAX_BATCH_EVENTS)
    sheet.load()
    sheet.goal_least("events_per_s", RATE_GOAL)
    sheet.goal("ratio_to_floor", FLOOR_GOAL)
    return sheet
