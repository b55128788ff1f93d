"""One seed: two boards of one kind, people at their doors, a rogue driver, a line on which all goes wrong."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from common.kit.chance import seeded_chance
from common.kit.errors import LinliError
from device_sim.faults import NoAnswer
from device_sim.wire_faults import LocalEcho
from edge.hardware.errors import FrameRefusedError
from edge.hardware.jobs import Priority
from firmware_protocols.errors import WireError
from firmware_protocols.lock_boards import LOCK_BOARDS, LockKind
from linli.drill.busnoise.duty import wear_out
from linli.drill.busnoise.oracle import Ask, Oracle
from linli.drill.busnoise.rogue import rogue_requests
from linli.drill.busnoise.stand import LINE, Stand, units_of
from linli.drill.busnoise.weather import next_fault
from linli.world.loop import VirtualLoop
from linli.world.trace import Trace

KINDS: tuple[LockKind, ...] = tuple(LOCK_BOARDS)
ECHO_SHARE = 0.25
_DEAD_FOR_S, _DEAD_MAY_TAKE_S = 60.0, 20.0
_REST_S = 10.0
"""The duty of a coil is the doors' business (see `duty.py`); people here keep it by themselves."""
_LOOKS_AFTER_A_PULSE = 6


def kind_of(seed: int) -> LockKind:
    """Return the kind of board of a seed: they take turns."""
    return KINDS[seed % len(KINDS)]


class Case:
    """One seed's stand and everybody around it."""

    def __init__(self, loop: VirtualLoop, seed: int, frames: int, folder: Path) -> None:
        """Go on until the daemon has sent `frames` frames; `folder` takes the database of a daemon's doors."""
        self._loop, self._frames, self._folder = loop, frames, folder
        self._draw: random.Random = seeded_chance(f"{seed}|bus-noise").jitter
        self._stand = Stand(loop, seed, kind_of(seed))
        self._oracle = Oracle(self._stand)
        self.trace = Trace()
        self.figures: Counter[str] = Counter()
        self._rested_s = dict.fromkeys(self._stand.wires, 0.0)

    async def run(self) -> list[str]:
        """Live through it; return the violations."""
        if self._draw.random() < ECHO_SHARE:
            self._stand.cabinet.lay(LocalEcho(kind="local_echo", target=LINE))
            self.figures["echoing_lines"] += 1
        hardware = asyncio.create_task(self._stand.hardware.run())
        people = [
            asyncio.create_task(self._for_ever(act))
            for act in (
                self._scan, self._look, self._open, self._open, self._by_hand, self._measure,
                self._weather, self._rogue, self._shut,
            )
        ]  # fmt: skip
        async with asyncio.TaskGroup() as group:
            group.create_task(self._until_enough())
        for task in people:
            task.cancel()
        done = await asyncio.gather(*people, return_exceptions=True)
        await self._end(done)
        await self._dead_board()
        hardware.cancel()
        await asyncio.gather(hardware, return_exceptions=True)
        for sentence in await wear_out(self._stand, self._folder):
            self._oracle.say(sentence)
        return self._oracle.found

    async def _end(self, done: list[BaseException | None]) -> None:
        for error in done:
            if error is not None and not isinstance(error, asyncio.CancelledError):
                raise error
        await self._stand.settle()
        for ask in self._oracle.asks:  # its caller was sent away
            ask.until_s = self._loop.time() if ask.until_s is None else ask.until_s
        self._oracle.judge()

    async def _until_enough(self) -> None:
        while self.figures["frames"] < self._frames and not self._oracle.found:
            await asyncio.sleep(5)
            self._oracle.judge()
            self.figures["frames"] = sum(len(tap.sent) for tap in self._stand.taps.values())
        self.figures["hit"] = sum(bus.hits for bus in self._stand.cabinet.buses)

    async def _for_ever(self, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await act()
            except WireError as error:
                self._oracle.say(f"a driver was given what is no answer to its question: {error}")

    async def _scan(self) -> None:
        await asyncio.sleep(self._draw.uniform(0.1, 0.6))
        since_s = self._loop.time()
        for label, said in (await self._stand.hardware.door_bus.read_doors()).items():
            self._oracle.door_read(label, said, since_s)

    async def _look(self) -> None:
        await asyncio.sleep(self._draw.uniform(0.05, 0.3))
        await self._look_at(self._draw.choice(tuple(self._stand.wires)))

    async def _look_at(self, label: str) -> None:
        part = next(one for one in self._stand.station.compartment if one.label == label)
        called_s = self._loop.time()
        doors = await self._stand.hardware.door_bus.read_doors(urgent=label)
        since_s = self._oracle.asked_at(part.sensed_by[0], called_s)
        for one, said in doors.items():
            self.figures["door_states"] += said is not None
            self._oracle.door_read(one, said, since_s)

    async def _open(self) -> None:
        await asyncio.sleep(self._draw.uniform(0.2, 3))
        now_s = self._loop.time()
        rested = [one for one, at_s in self._rested_s.items() if at_s <= now_s]
        if not rested:
            return
        ask = Ask(self._draw.choice(rested), now_s)
        self._rested_s[ask.label] = now_s + _REST_S
        self._oracle.asks.append(ask)
        ask.result = await self._stand.hardware.door_bus.pulse(ask.label)
        ask.until_s = self._loop.time()
        self.trace.note(f"{ask.until_s:.4f}", ask.label, ask.result)
        self.figures["asked"] += 1
        self.figures[f"said_{ask.result}"] += 1
        for _ in range(_LOOKS_AFTER_A_PULSE):
            await self._look_at(ask.label)
            await asyncio.sleep(0.1)

    async def _shut(self) -> None:
        await asyncio.sleep(self._draw.uniform(0.2, 1))
        label = self._draw.choice(tuple(self._stand.wires))
        if self._stand.is_open(label):
            self._stand.cabinet.push(label)

    async def _by_hand(self) -> None:
        await asyncio.sleep(self._draw.uniform(0.5, 3))
        self._stand.cabinet.pull(self._draw.choice(tuple(self._stand.wires)))

    async def _measure(self) -> None:
        zone = self._stand.cabinet.physics.zones["air"]
        if self._draw.random() < 0.5:
            zone.bring_to(round(self._draw.uniform(-30, 50), 1))
            self._oracle.air.append((self._loop.time(), zone.air.temperature_c))
        since_s = self._loop.time()
        (probe,) = self._stand.hardware.probes
        reading = await probe.read()
        self.figures["readings"] += reading.temperature_c is not None
        self._oracle.air_read(reading, since_s)
        await asyncio.sleep(self._draw.uniform(0.2, 1.5))

    async def _weather(self) -> None:
        await asyncio.sleep(self._draw.uniform(0.1, 4))
        if (fault := next_fault(self._stand, self._draw)) is not None:
            self._stand.cabinet.lay(fault)
            self.figures["faults"] += 1
            self.trace.note(f"{self._loop.time():.4f}", fault)

    async def _rogue(self) -> None:
        """A driver that has lost its mind asks for what must never leave."""
        await asyncio.sleep(self._draw.uniform(5, 20))
        unit, request = self._draw.choice(rogue_requests(self._stand.kind))
        with suppress(FrameRefusedError, WireError, LinliError):
            await self._stand.owner.call(Priority.SENSOR, unit, request)
        self.figures["rogue_requests"] += 1

    async def _dead_board(self) -> None:
        """One board off for a minute: the other keeps its share of the line."""
        cabinet = self._stand.cabinet
        cabinet.lift_all()
        await self._stand.settle()
        part = next(
            one for one in self._stand.station.compartment
            if one.unit == units_of(self._stand.kind)[1]
        )  # fmt: skip
        dead = part.sensed_by[0]
        cabinet.lay(NoAnswer(kind="no_answer", target=dead, for_s=_DEAD_FOR_S))
        began, until_s = len(self._stand.taps[LINE].sent), self._loop.time() + _DEAD_FOR_S
        while self._loop.time() < until_s:
            since_s = self._loop.time()
            doors = await self._stand.hardware.door_bus.read_doors()
            for label, said in doors.items():
                self._oracle.door_read(label, said, since_s)
            await asyncio.sleep(0.25)
        sent = [frame for _, frame in self._stand.taps[LINE].sent[began:]]
        asked = sum(self._oracle.is_for(frame, dead) for frame in sent)
        took_s = asked * (self._stand.station.bus[0].timeout_s + 0.3)
        if took_s > _DEAD_MAY_TAKE_S:
            self._oracle.say(f"a dead board took {took_s:.0f} s of a minute of the line")
