"""Everything of one run at level 1: programs, cabinet, wire, oracle, and the hands that start and stop them."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from common.kit.clock import to_ms
from common.kit.failpoints import arm, disarm_all
from edge.app import Edge
from linli.world.clock import WorldClock
from linli.world.custody import Parcel
from linli.world.level1.cabinet import BusMood, Cabinet, Door, Pulse, SensorMood
from linli.world.level1.calm import CHECKPOINT_S
from linli.world.level1.desk import HubSide
from linli.world.level1.ground import Ground
from linli.world.level1.hub import HubHost
from linli.world.level1.life import Away, Crash
from linli.world.level1.link import Network, Wire, weather_of
from linli.world.level1.model.hub import ModelHub
from linli.world.level1.model.wire import ModelWire
from linli.world.level1.station import StationHost
from linli.world.loop import VirtualLoop
from linli.world.oracle import Oracle
from linli.world.scenario import Level, Plan
from linli.world.trace import Trace

_STARTS = 6
_STARTING_S = 100.0
_LEFT_ALONE_S = 600.0  # somebody passing by pushes an open door shut


class Town:
    """One station, one hub, and the people's way to both."""

    def __init__(
        self, loop: VirtualLoop, ground: Ground, plan: Plan, trace: Trace, level: Level
    ) -> None:
        """Lay out the files; nothing runs yet."""
        self.loop, self.ground, self.plan, self.trace = loop, ground, plan, trace
        seed = plan.seed
        self.clock = WorldClock(loop, boot_id=f"boot-{seed}-1")
        labels = tuple(part.label for part in ground.config.compartment)
        self.cabinet = Cabinet(labels, random.Random(f"{seed}|cabinet"))
        self.oracle = Oracle(trace, loop.time, lambda: to_ms(self.clock.wall()))
        self.hub, self.wire = _hub(ground, seed, WorldClock(loop, boot_id="hub"), level, self.note)
        self.wire.weather = weather_of(seed, fair=plan.fair_network)
        self.station = StationHost(
            ground, plan.seed, self.clock, self.cabinet, self.wire, config=ground.config_for(plan)
        )
        self.station.on_start.append(self._started)
        self.station.on_surprise.append(self._restarted)
        self.cabinet.on_pulse.append(self._pulsed)
        self.cabinet.on_move.append(self._moved)
        self.cabinet.on_mood.append(lambda mood: self.oracle.set_blind(mood is not BusMood.WELL))
        self.screen = asyncio.Lock()
        """One resident stands before the screen, the others queue."""
        self.hand_over: Callable[[Parcel], Coroutine[Any, Any, None]]
        """The keeper gives a parcel out at the tablet."""
        self.hopeless = asyncio.Event()
        """Set when the station cannot be started any more."""
        self.busy_doors: set[str] = set()
        self.kills: dict[str, int] = {}
        self.figures: Counter[str] = Counter()
        self._boots = 1
        self._station_lock, self._hub_lock = asyncio.Lock(), asyncio.Lock()
        self._jobs: set[asyncio.Task[Any]] = set()

    def rng(self, who: str) -> random.Random:
        """Return a stream of chance for one person."""
        return random.Random(f"{self.plan.seed}|{who}")

    def note(self, *facts: object) -> None:
        """Add to the trace."""
        self.trace.note(round(self.loop.time(), 3), *facts)

    def later(self, job: Coroutine[Any, Any, None]) -> None:
        """Let something happen that nobody waits for."""
        self._jobs.add(self.spawn(job))

    def spawn(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let something happen beside everything else."""
        task = self.loop.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._done)
        return task

    async def open(self) -> None:
        """Switch everything on."""
        self.hub.start()
        if not await self.station.start():
            raise RuntimeError("the station does not start")

    async def close(self) -> None:
        """Switch everything off."""
        disarm_all()
        for job in list(self._jobs):
            job.cancel()
        await self.station.stop()
        self.hub.stop()

    def arm_kill(self, place: str, nth: int, down_s: float, *, cold: bool, hub: bool) -> None:
        """Kill a program the `nth` time it passes `place`; it stays down for a while."""
        left = nth

        def act() -> None:
            nonlocal left
            left -= 1
            if left:
                return
            arm(place, _nothing)
            self.kills[place] = self.kills.get(place, 0) + 1
            self.note("killed at", place)
            if hub:
                self.hub.stop()
                self.later(self.cycle_hub(down_s))
            else:
                self.station.kill()
                self.oracle.station_died()
                if not self._station_lock.locked():
                    self.later(self.cycle_station(down_s, cold=cold))
            raise Crash(place)

        arm(place, act)

    async def cycle_station(self, down_s: float, *, cold: bool) -> None:
        """Stop what still runs, wait, start again until it stands."""
        async with self._station_lock:
            self.oracle.station_died()
            await self.station.stop()
            await asyncio.sleep(down_s)
            for _ in range(_STARTS):
                if cold:
                    self._boots += 1
                    self.clock.boot_id = f"boot-{self.plan.seed}-{self._boots}"
                    self.oracle.booted_cold(CHECKPOINT_S + _STARTING_S)
                self.note("station starts", cold)
                if await self.station.start():
                    return
                await self.station.stop()
                await asyncio.sleep(5.0)
            self.oracle.violate(f"the daemon cannot start: {self.station.surprises[-1:]}")
            self.hopeless.set()

    async def cycle_hub(self, down_s: float) -> None:
        """Stop the hub, wait, start it again."""
        async with self._hub_lock:
            self.hub.stop()
            await asyncio.sleep(down_s)
            self.note("hub starts")
            self.hub.start()

    async def hub_up(self) -> None:
        """Wait until the hub answers."""
        async with self._hub_lock:
            if not self.hub.life.alive:
                self.hub.start()

    async def station_up(self) -> Edge:
        """Wait until the station serves."""
        await self.station.up.wait()
        return self.station.edge

    def person_id(self, number: int) -> str:
        """Return who a resident is at the hub."""
        return str(self.ground.paired.access.residents[number]["person_id"])

    def phone_tail(self, number: int) -> str:
        """Return the last four digits of a person's phone number."""
        return str(self.ground.paired.access.residents[number]["phone"])[-4:]

    def look(self, view: Callable[[Edge], Any]) -> Any:
        """Look at a screen; Away when it is dark."""
        if not self.station.up.is_set():
            raise Away
        return view(self.station.edge)

    def put_clock(self, skew_s: float) -> None:
        """Put the station's wall clock `skew_s` off the true time."""
        self.clock.skew = timedelta(seconds=skew_s)

    def _restarted(self) -> None:
        """Start a daemon that ended by itself again, as its supervisor would; the reckoning tells of it."""
        self.oracle.station_died()
        if len(self.station.surprises) >= _STARTS:
            self.oracle.violate(f"the daemon ends again and again: {self.station.surprises[-1]}")
            self.hopeless.set()
        elif not self._station_lock.locked():
            self.later(self.cycle_station(5.0, cold=False))

    def _started(self, edge: Edge) -> None:
        edge.replica.on_applied.append(lambda: self.later(self._ruled(edge)))

    async def _ruled(self, edge: Edge) -> None:
        """Find out which revocations the station has applied."""
        waiting = [one for one in self.oracle.orders if one.revoke_asked and not one.revoke_ruled]
        if not waiting or not self.station.life.alive:
            return
        try:
            revoked = await self.station.ask(lambda _: edge.state_db.read(_revoked))
        except Away:
            return
        for order in waiting:
            order.revoke_ruled = order.grant_id in revoked

    def _pulsed(self, pulse: Pulse) -> None:
        self.oracle.pulsed(pulse.label)

    def _moved(self, door: Door) -> None:
        blind = door.sensor is not SensorMood.WELL or not self.station.life.alive
        self.oracle.moved(door.label, open_=door.open, blind=blind)
        if door.open:
            self.loop.call_later(_LEFT_ALONE_S, self._pass_by, door)

    def _pass_by(self, door: Door) -> None:
        if door.open and door.label not in self.busy_doors:
            self.cabinet.push(door.label)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._jobs.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.oracle.violate(f"a person was thrown out: {error!r}")


def _revoked(conn: sqlite3.Connection) -> frozenset[str]:
    rows = conn.execute("SELECT grant_id FROM replica_grant WHERE state = 'revoked'")
    return frozenset(row["grant_id"] for row in rows)


def _nothing() -> None:
    return


def _hub(
    ground: Ground, seed: int, clock: WorldClock, level: Level, note: Callable[..., None]
) -> tuple[HubSide, Network]:
    rng = random.Random(f"{seed}|wire")
    if level is Level.MODEL:
        model = ModelHub(ground, seed, clock)
        return model, ModelWire(model, rng, note)
    host = HubHost(ground, seed, clock)
    return host, Wire(host, rng, note)
