"""One seed of the sync drill: tell, rule, break, heal; then everything has arrived, once, and nothing waits."""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from common.contract.events import ClimateBlock
from common.kit.chance import seeded_chance
from common.kit.failpoints import arm, disarm_all
from common.kit.identity import StationSecrets, new_private_key, public_key
from common.kit.ids import new_id
from linli.world.clock import WorldClock
from linli.world.level2.hub import HOST, SyncHub
from linli.world.level2.ledger import Ledger
from linli.world.level2.plan import SyncPlan, sync_plan
from linli.world.level2.station import SyncStation
from linli.world.loop import VirtualLoop, ends_within, run_virtual
from linli.world.scenario import Fault, FaultKind
from linli.world.trace import Trace

HEALED_S = 2 * 3600.0
"""How long after the last fault everything must have settled."""
_LOOK_S = 60.0
_MOST_STEPS = 500_000
"""Twenty times what a seed takes: more is two programs that keep each other busy."""
_SUPERVISOR_S = 5.0
_LABELS = tuple(f"A{number:02d}" for number in range(30))
_EXPECTED_ALARMS = frozenset({"fenced", "taken_over"})


@dataclass(slots=True)
class SyncResult:
    """What one seed came to."""

    seed: int
    digest: str
    violations: list[str]
    figures: Counter[str] = field(default_factory=Counter)
    last: list[str] = field(default_factory=list)
    cpu_s: float = 0.0


def live(seed: int, folder: Path) -> SyncResult:
    """Live the plan of `seed` in `folder`."""
    trace, started_s = Trace(keep=40), time.process_time()
    worlds: list[_World] = []

    async def main(loop: VirtualLoop) -> None:
        worlds.append(world := _World(loop, sync_plan(seed), trace, folder))
        try:
            if not await ends_within(loop, _MOST_STEPS, world.live()):
                world.ledger.violate(f"busy without end: {loop.steps} steps")
        finally:
            await world.close()

    logging.disable(logging.CRITICAL)  # faults are errors to both programs
    try:
        run_virtual(seed, main)
    finally:
        logging.disable(logging.NOTSET)
        disarm_all()
    world = worlds[0]
    world.figures["steps"] = world.loop.steps
    return SyncResult(
        seed, trace.digest, world.ledger.violations, world.figures, list(trace.last),
        time.process_time() - started_s,
    )  # fmt: skip


class _World:
    """One hub, one station, the cable between them and who pulls at it."""

    def __init__(self, loop: VirtualLoop, plan: SyncPlan, trace: Trace, folder: Path) -> None:
        self.loop, self._plan, self._trace = loop, plan, trace
        self.ledger, self.figures = Ledger(trace), Counter[str]()
        clock, chance = WorldClock(loop, boot_id="sync"), seeded_chance(f"{plan.seed}|station")
        key = new_private_key(chance)
        secrets = StationSecrets(new_id(clock, chance), key, bytes(32), bytes(16), bytes(32))
        self._hub = SyncHub(folder, clock, secrets.station_id, public_key(key))
        self._station = SyncStation(folder, clock, chance, secrets, plan.again)
        self._rng = random.Random(f"{plan.seed}|nemesis")
        self._hub_lock, self._station_lock = asyncio.Lock(), asyncio.Lock()
        self._jobs: list[asyncio.Task[None]] = []
        self._cuts = 0

    async def live(self) -> None:
        """Live until the horizon, heal, wait, reckon."""
        await self._hub.start()
        await self._station.start()
        self._copies()
        plan = self._plan
        jobs = [
            self._people(plan.facts, self._fact),
            self._people(plan.measurements, self._measure),
        ]
        jobs += [self._people(plan.rows, self._row), self._supervise()]
        jobs += [self._nemesis(fault) for fault in plan.faults]
        self._jobs = [self.loop.create_task(job) for job in jobs]
        await asyncio.sleep(plan.horizon_s)
        await self._heal()
        await self._liveness()
        await self._reckon()

    async def close(self) -> None:
        """Switch everything off."""
        disarm_all()
        for job in self._jobs:
            job.cancel()
        await self._station.stop()
        await self._hub.stop()
        self._station.close()
        self._hub.close()

    def _note(self, *facts: object) -> None:
        self._trace.note(round(self.loop.time(), 3), *facts)

    def _copies(self) -> None:
        self._hub.back_up()
        self._station.image()
        self.ledger.image()

    async def _people(
        self, moments: tuple[float, ...], act: Callable[[int], Awaitable[None]]
    ) -> None:
        for number, at_s in enumerate(moments):
            await asyncio.sleep(max(0.0, at_s - self.loop.time()))
            await act(number)

    async def _fact(self, number: int) -> None:
        async with self._station_lock:
            try:
                await self._station.fact(f"F{number}")
            except ConnectionResetError:  # struck in the transaction: it never happened
                return
            self.ledger.tell(f"F{number}")

    async def _measure(self, number: int) -> None:
        readings = (4.0, 4.1)
        body = ClimateBlock(
            zone="chilled", probe="p", started_at_ms=number, period_s=60,
            temperatures_c=readings, humidities_pct=readings, over_limit=False,
        )  # fmt: skip
        async with self._station_lock:
            try:
                await self._station.tell(body)
            except ConnectionResetError:
                return

    async def _row(self, _number: int) -> None:
        label = self._rng.choice(_LABELS)
        async with self._hub_lock:
            if self._rng.random() < 0.2:
                await self._hub.delete(label)
            else:
                await self._hub.put(label, broken=self._rng.random() < 0.5)

    async def _supervise(self) -> None:
        while True:
            await self._station.died.wait()
            await asyncio.sleep(_SUPERVISOR_S)
            async with self._station_lock:
                if self._station.died.is_set():
                    self.figures["deaths"] += 1
                    await self._station_again()

    async def _station_again(self) -> None:
        """Start the station until it stands: it may be struck while it boots."""
        for _ in range(20):
            self._station.died.clear()
            await self._station.restart()
            try:
                await self._station.start()
            except ConnectionResetError:
                await asyncio.sleep(_SUPERVISOR_S)
            else:
                return
        self.ledger.violate("the station cannot be started")

    async def _nemesis(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at_s)
        self._note("fault", fault.kind, fault.detail, round(fault.for_s))
        self.figures[fault.kind.value] += 1
        if fault.kind is FaultKind.STRIKE:
            await self._strike(fault)
        elif fault.kind is FaultKind.SEVER:
            self.loop.net.sever(HOST)
        elif fault.kind is FaultKind.CUT:
            await self._cut(fault.for_s)
        elif fault.kind in (FaultKind.STOP_HUB, FaultKind.RESTORE_HUB):
            await self._hub_cycle(fault)
        else:
            await self._station_cycle(fault)

    async def _cut(self, for_s: float) -> None:
        """Cut the cable; where two cuts meet, the end of the shorter one mends nothing."""
        self._cuts += 1
        self.loop.net.cut(HOST)
        await asyncio.sleep(for_s)
        self._cuts -= 1
        if not self._cuts:
            self.loop.net.heal(HOST)

    async def _strike(self, fault: Fault) -> None:
        def strike() -> None:
            if self._rng.random() < fault.amount:
                self.figures["struck"] += 1
                raise ConnectionResetError("struck")

        arm(fault.detail, strike)
        await asyncio.sleep(fault.for_s)
        arm(fault.detail, _nothing)

    async def _hub_cycle(self, fault: Fault) -> None:
        if fault.kind is FaultKind.RESTORE_HUB:
            async with self._hub_lock:
                self._hub.back_up()
            await asyncio.sleep(self._rng.uniform(600, 7200))  # what comes now, the backup lacks
        async with self._hub_lock:
            self.loop.net.sever(HOST)
            await self._hub.stop()
            if fault.kind is FaultKind.RESTORE_HUB:
                self._hub.put_back()
                self._note("the hub is what it was")
            await asyncio.sleep(fault.for_s)
            await self._hub.start()

    async def _station_cycle(self, fault: Fault) -> None:
        if fault.kind is FaultKind.RESTORE_STATION:
            async with self._station_lock:
                self._station.image()
                self.ledger.image()
            await asyncio.sleep(self._rng.uniform(600, 7200))
        async with self._station_lock:
            if fault.kind is FaultKind.KILL_STATION:
                self.loop.net.sever(HOST)
            await self._station.stop()
            if fault.kind is FaultKind.RESTORE_STATION:
                await self._station.put_back()
                self.ledger.back_to_image()
                self._note("the station is what it was")
            await asyncio.sleep(fault.for_s)
            await self._station_again()

    async def _heal(self) -> None:
        self._note("heal")
        for job in self._jobs:
            job.cancel()
        await asyncio.wait(self._jobs)
        for job in self._jobs:
            if not job.cancelled() and (error := job.exception()) is not None:
                self.ledger.violate(f"a person was thrown out: {error!r}")
        disarm_all()
        self.loop.net.heal(HOST)
        await self._hub.start()
        await self._station_again()

    async def _liveness(self) -> None:
        """Wait until nothing waits; that it comes to this is the second half of the promise."""
        until_s = self.loop.time() + HEALED_S
        while self.loop.time() < until_s:
            await asyncio.sleep(_LOOK_S)
            if self._station.died.is_set():
                self.ledger.violate("the station ended by itself though nobody struck")
                return
            if not await self._station.waiting() and await self._at_head():
                return
        waiting, here, there = await self._station.waiting(), await self._here(), self._hub.head()
        self.ledger.violate(
            f"two hours after the last fault {waiting} events wait, the replica stands at"
            f" {here[:2]}, the hub at {there[:2]}"
        )

    async def _here(self) -> tuple[int, int, bytes]:
        cursor = await self._station.replica.cursor()
        return cursor.gen, cursor.op, bytes(cursor.digest)

    async def _at_head(self) -> bool:
        return await self._here() == self._hub.head()

    async def _reckon(self) -> None:
        ledger, rows = self.ledger, await self._station.rows()
        effects = self._hub.effects()
        ledger.reckon_facts(effects)
        ledger.reckon_rows(self._hub.rows(), rows)
        shown = await self._station.shown()
        if shown != {key.rpartition("/")[2] for key in rows}:
            ledger.violate(f"the rooms see {sorted(shown)}")
        odd = set(self._hub.alarms()) - _EXPECTED_ALARMS
        if self.figures[FaultKind.RESTORE_STATION.value]:
            odd.discard("fork")  # what the image took back
            if self.figures[FaultKind.RESTORE_HUB.value]:
                odd -= {"hole.facts", "hole.telemetry"}  # and the hub alone had, which lost it too
        for kind in sorted(odd):
            ledger.violate(f"alarm {kind}")
        self.figures.update(told=len(ledger.told), effects=len(effects), rows=len(rows))
        self.figures["taken back"] = len(ledger.taken_back)


def _nothing() -> None:
    return
