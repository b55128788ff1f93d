"""The station under measurement: the unmodified daemon of `build_edge` on a real pty, its hub unreachable.

The simulator is a process of its own, so that its CPU time is not the daemon's.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import aiohttp

from common.contract.replica import GrantRow
from common.kit.chance import Chance, system_chance
from common.kit.clock import SystemClock, to_ms
from common.kit.codes import code_verifier, new_code
from common.kit.config import load_toml
from common.kit.identity import StationSecrets, new_private_key, public_key
from common.kit.sqlite import SqliteDb
from common.kit.work import ThreadWork
from device_sim.config import load as load_cabinet
from edge.app import Edge, build_edge
from edge.config import StationConfig
from edge.hardware.line import open_line
from edge.ports import EdgePorts
from linli.bench.orders import new_grant, parcel_of, random_tag
from linli.bench.wire import Tap
from linli.demo.ports import Ports
from linli.demo.prepare import Site
from linli.demo.stage import Stage
from linli.demo.station_file import station_toml

P = ParamSpec("P")
T = TypeVar("T")
STATION_ID = "01JBENCH000000000000000000"
KEEPER_ID = "01JBENCHKEEPER000000000000"
CABINET = Path(__file__).parents[2] / "cabinets" / "yangguangli-3.toml"
_ROWS = 500  # grants a transaction


class SkippingClock:
    """The system's clock with hours cut out: limiter and coil duty rest without anybody waiting."""

    def __init__(self) -> None:
        """Start at now."""
        self._real = SystemClock()
        self._skipped_s = 0.0
        self.boot_id = self._real.boot_id

    def skip(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self._skipped_s += seconds

    def monotonic_s(self) -> float:
        """Return the machine's monotonic seconds and what was skipped."""
        return self._real.monotonic_s() + self._skipped_s

    def wall(self) -> datetime:
        """Return the machine's wall time and what was skipped."""
        return self._real.wall() + timedelta(seconds=self._skipped_s)


class TimedWork:
    """The daemon's own worker, with a stopwatch: Argon2 is measured apart."""

    def __init__(self) -> None:
        """Start the worker."""
        self._inner = ThreadWork("argon2")
        self.wall_s = self.cpu_s = 0.0

    async def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn`; note how long the waiter waited and what the worker spent."""

        def timed() -> T:
            started_s = time.thread_time()
            try:
                return fn(*args, **kwargs)
            finally:
                self.cpu_s = time.thread_time() - started_s

        started_s = time.perf_counter()
        try:
            return await self._inner.run(timed)
        finally:
            self.wall_s = time.perf_counter() - started_s

    def close(self) -> None:
        """Wait for the running call."""
        self._inner.close()


@dataclass(slots=True)
class BenchStation:
    """The running daemon and the instruments on it."""

    edge: Edge
    clock: SkippingClock
    work: TimedWork
    tap: Tap
    chance: Chance
    secrets: StationSecrets
    folder: Path
    real: list[GrantRow] = field(default_factory=list)

    async def issue(self, live: int, real: int) -> list[str]:
        """Fill the replica with `live` grants, `real` of them with a code; return those codes."""
        codes = [new_code(self.chance) for _ in range(real)]
        tags = [await self.work.run(self._verifier, code) for code in codes]
        self.real = [self._grant(tag) for tag in tags]
        others = [self._grant(random_tag(self.chance)) for _ in range(live - real)]
        for start in range(0, live, _ROWS):
            part = [*self.real, *others][start : start + _ROWS]
            await self.edge.state_db.write(partial(self._put_tx, grants=part))
        return codes

    async def place(self, unit: int) -> str:
        """Let the parcel of real grant number `unit` lie behind a door; return the door."""
        labels = self.edge.hardware.door_bus.labels
        grant, label = self.real[unit], labels[unit % len(labels)]

        def place_tx(conn: sqlite3.Connection) -> None:
            at = self.clock.wall()
            self.edge.parcels.place_tx(conn, grant.parcel_ids[0], label, KEEPER_ID, at)
            self.edge.grants.reconcile_tx(conn, grant.grant_id)

        await self.edge.state_db.write(place_tx)
        return label

    def _put_tx(self, conn: sqlite3.Connection, grants: list[GrantRow]) -> None:
        for number, grant in enumerate(grants):
            self.edge.replica.put_tx(conn, "parcel", parcel_of(grant, number))
            self.edge.replica.put_tx(conn, "grant", grant)

    def _grant(self, tag: bytes) -> GrantRow:
        return new_grant(self.clock, self.chance, tag)

    def _verifier(self, code: str) -> bytes:
        secrets = self.secrets
        return code_verifier(
            pepper=secrets.pepper, salt=secrets.code_salt, station_id=STATION_ID, code=code
        )


@asynccontextmanager
async def bench_station(folder: Path, ports: Ports) -> AsyncIterator[BenchStation]:
    """Run simulator and daemon; nobody listens where its hub should be."""
    site = bench_site(folder, ports)
    stage = Stage(site)
    config = load_toml(StationConfig, site.station_file, {})
    # A short look at the door makes many units a minute; it changes nothing before the read back.
    doors = config.doors.model_copy(update={"poll_active_s": 0.02})
    config = config.model_copy(update={"doors": doors})
    tap = Tap(open_line(config.bus[0]))
    clock, work, chance = SkippingClock(), TimedWork(), system_chance()
    secrets = new_secrets(chance)
    await stage.simulator.start()
    try:
        edge_ports = EdgePorts(
            clock, chance, work, SqliteDb, lambda _section: tap, aiohttp.TCPConnector, secrets
        )
        edge = build_edge(edge_ports, config, site.station)
        running = asyncio.create_task(edge.run(), name="daemon")
        try:
            await asyncio.wait_for(edge.ready.wait(), 30)
            edge.clock.hear(to_ms(clock.wall()))  # a station that has met its hub
            yield BenchStation(edge, clock, work, tap, chance, secrets, folder)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    finally:
        work.close()
        await stage.simulator.stop()


def bench_site(folder: Path, ports: Ports) -> Site:
    """Write a station file for the demo cabinet below `folder`."""
    site = Site(folder, ports, CABINET, folder / "station.toml")
    cabinet = load_cabinet(CABINET, os.environ)
    text = station_toml(cabinet, station_id=STATION_ID, ports=ports, ptys=site.simulator)
    site.station.mkdir(parents=True, exist_ok=True)
    site.station_file.write_text(text, encoding="utf-8")
    return site


def new_secrets(chance: Chance) -> StationSecrets:
    """Return what a paired station would hold."""
    draw = chance.secure.token_bytes
    command_key = public_key(new_private_key(chance))
    return StationSecrets(STATION_ID, new_private_key(chance), draw(32), draw(16), command_key)
