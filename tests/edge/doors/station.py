"""A station's doors on a real SQLite file, a simulated cabinet and a virtual loop; power cuts on demand."""

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from common.contract.words import ActorKind, DoorState, Purpose
from common.kit import failpoints
from common.kit.chance import seeded_chance
from common.kit.sqlite import SqliteDb
from device_sim.cabinet import Cabinet
from edge.config import StationConfig
from edge.doors import DDL, DoorChange, Doors, DoorWish
from edge.hardware.build import Hardware, build_hardware
from edge.sync import DDL as SYNC_DDL
from edge.sync import Outbox
from linli.world.clock import WorldClock
from linli.world.loop import VirtualLoop, run_virtual
from tests.device_sim.cabinets import config as cabinet_config
from tests.edge.cable import STATION_ID, Cable, station_config

T = TypeVar("T")


class PowerCutError(Exception):
    """The daemon died here."""


def wish(label: str, *, grant_id: str | None = None) -> DoorWish:
    return DoorWish(label, ActorKind.RESIDENT, "", Purpose.PICKUP, "code", grant_id)


class Station:
    """Cabinet and disk outlive the daemon; `boot` and `cut` are its life."""

    def __init__(self, loop: VirtualLoop, folder: Path, **doors: object) -> None:
        self.loop = loop
        self.clock = WorldClock(loop, boot_id="boot-1")
        self.cabinet = Cabinet(cabinet_config(), self.clock, random.Random(1))
        self.cable = Cable(self.cabinet.bus())
        self.config: StationConfig = station_config(**doors)
        self.chance = seeded_chance("doors")
        self.db = SqliteDb(folder / "state.db", inline=True)
        self.db.write_now(_schema)
        self.told: list[DoorChange] = []
        self.boots = 0
        self._task: asyncio.Task[None] | None = None

    async def boot(self, *, new_machine_boot: bool = False) -> None:
        """Start the daemon's door part as edge.app does: hardware, start, run."""
        self.boots += 1
        if new_machine_boot:
            self.clock.boot_id = f"boot-{self.boots}"
        self.outbox = Outbox(self.db, self.clock, self.chance, STATION_ID)
        await self.outbox.boot()
        self.hardware: Hardware = build_hardware(self.config, lambda _section: self.cable)
        self.doors = Doors(
            self.db, self.hardware.door_bus, self.outbox, self.config.doors, self.clock, self.chance
        )
        self.doors.on_change_tx.append(lambda _conn, change: self.told.append(change))
        started = asyncio.Event()
        self._task = asyncio.create_task(self._life(started))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            self._task.result()

    async def _life(self, started: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.hardware.run())
            await self.doors.start()
            started.set()
            group.create_task(self.doors.run())

    async def cut(self) -> None:
        """Kill the daemon between two turns of the loop."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def died(self) -> None:
        """Wait until a failpoint has killed the daemon."""
        assert self._task is not None
        await asyncio.wait({self._task}, timeout=30)
        assert self._task.done()
        failpoints.disarm_all()
        failure = self._task.exception()
        assert failure is not None
        assert _is_power_cut(failure), failure

    async def ask(self, label: str, *, grant_id: str | None = None) -> str:
        wanted = wish(label, grant_id=grant_id)
        request_id = await self.db.write(lambda conn: self.doors.request_tx(conn, wanted))
        self.doors.kick()
        return request_id

    async def until(self, label: str, *states: DoorState, within_s: float = 30) -> DoorState:
        """Wait until the door's newest request is in one of `states`."""
        async with asyncio.timeout(within_s):
            version = -1
            while (state := self.doors.view()[label].state) not in states:
                version = await self.doors.watch.wait(version)
        assert state is not None
        return state

    def events(self, kind: str = "door.changed") -> list[str]:
        """Return the bodies in the outbox, as JSON text, oldest first."""
        rows = self.db.write_now(
            lambda conn: conn.execute(
                "SELECT body FROM outbox WHERE type = ? ORDER BY n", (kind,)
            ).fetchall()
        )
        return [row["body"] for row in rows]

    def states(self) -> list[str]:
        """Return the states told to the hub, oldest first."""
        return [body.split('"state":"')[1].split('"')[0] for body in self.events()]

    def pulse_rows(self) -> list[sqlite3.Row]:
        return self.db.write_now(
            lambda conn: conn.execute("SELECT * FROM pulse ORDER BY pulse_id").fetchall()
        )

    async def push(self, label: str) -> None:
        """Shut a door by hand, once the current no longer holds the latch back."""
        await asyncio.sleep(0.5)
        assert self.cabinet.push(label)

    def is_open(self, label: str) -> bool:
        return next(d for d in self.cabinet.state().doors if d.label == label).open

    def skew_wall(self, by: timedelta) -> None:
        self.clock.skew += by


def _schema(conn: sqlite3.Connection) -> None:
    for statement in (*SYNC_DDL, *DDL):
        conn.execute(statement)


def _is_power_cut(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_is_power_cut(part) for part in error.exceptions)
    return isinstance(error, PowerCutError)


def cut_at(name: str, *, turn: int = 1) -> None:
    """Let the daemon die when it passes the failpoint for the `turn`-th time."""
    left = turn

    def act() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise PowerCutError(name)

    failpoints.arm(name, act)


def in_station(
    folder: Path, body: Callable[[Station], Awaitable[T]], *, seed: int = 1, **doors: object
) -> T:
    """Run `body` with a station on a fresh virtual loop; it boots by itself."""

    async def main(loop: VirtualLoop) -> T:
        station = Station(loop, folder, **doors)
        try:
            return await body(station)
        finally:
            failpoints.disarm_all()
            if station.boots:
                await station.cut()
            station.db.close()

    return run_virtual(seed, main)
