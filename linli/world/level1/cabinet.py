"""A cabinet without wires: latches, sensors and one bus that fails in the ways a bus fails; it keeps its own record.

What lies behind a door only the oracle knows; here is how it moves.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from common.contract.words import Quality
from edge.config import StationConfig
from edge.hardware import ProbeReading, PulseResult
from edge.hardware.build import BusState
from edge.hardware.bus import BusListener
from edge.hardware.ports import Instrument
from linli.world.level1.life import Life

FRAME_S = 0.03
LATCH_S = 0.06
_ENOUGH = 3  # equal samples after which a reader is kept waiting for news
_LOOK_AT_LEAST_EVERY_S = 3.0
_ENOUGH_ROUNDS = 3  # looks at all doors after which their reader is kept waiting
_ROUND_AT_LEAST_EVERY_S = 6 * 3600.0
_WHILE_OPEN_S = 15.0  # somebody has to be reminded of an open door
_WHILE_FLAPPING_S = 300.0


class BusMood(StrEnum):
    """How the bus behaves."""

    WELL = "well"
    MUTE = "mute"
    """Frames arrive and are obeyed, no answer comes back."""
    LOST = "lost"
    """Frames do not arrive."""
    AWAY = "away"
    """The port is gone: nothing leaves the machine."""
    REFUSING = "refusing"
    """The boards answer with an exception."""


class SensorMood(StrEnum):
    """How one door's contact behaves."""

    WELL = "well"
    ABSENT = "absent"
    FLAPPING = "flapping"
    """Single wrong samples, never two in a row."""


@dataclass(slots=True)
class Door:
    """One door as it physically is."""

    label: str
    open: bool = False
    jammed: bool = False
    late_s: float = 0.0
    sensor: SensorMood = SensorMood.WELL
    lied: bool = False


@dataclass(frozen=True, slots=True)
class Pulse:
    """A pulse that reached the coil, as the cabinet's own log has it."""

    at_s: float
    label: str


class Cabinet:
    """All doors; `on_pulse` and `on_move` hear of everything that physically happens."""

    def __init__(self, labels: tuple[str, ...], rng: random.Random) -> None:
        """Start with every door shut and empty."""
        self.doors = {label: Door(label) for label in labels}
        self.mood = BusMood.WELL
        self.pulses: list[Pulse] = []
        self.on_pulse: list[Callable[[Pulse], None]] = []
        self.on_move: list[Callable[[Door], None]] = []
        self.on_mood: list[Callable[[BusMood], None]] = []
        self.rng = rng
        self.moved = asyncio.Event()

    def news(self) -> None:
        """Wake whoever looks at the sensors."""
        self.moved.set()
        self.moved = asyncio.Event()

    def pulse(self, label: str) -> None:
        """Send current through a coil."""
        loop, door = asyncio.get_running_loop(), self.doors[label]
        pulse = Pulse(loop.time(), label)
        self.pulses.append(pulse)
        for told in self.on_pulse:
            told(pulse)
        if not door.jammed:
            loop.call_later(LATCH_S + door.late_s, self._spring, door)

    def push(self, label: str) -> None:
        """Push a door shut."""
        self._move(self.doors[label], open_=False)

    def set_mood(self, mood: BusMood) -> None:
        """Let the bus fail, or work again."""
        self.mood = mood
        for told in self.on_mood:
            told(mood)
        self.news()

    def is_mood(self, mood: BusMood) -> bool:
        """Return whether the bus is in `mood` now."""
        return self.mood is mood

    def sample(self, label: str) -> bool | None:
        """Return what the contact says now; None when nothing can be read."""
        door = self.doors[label]
        if self.mood is not BusMood.WELL or door.sensor is SensorMood.ABSENT:
            return None
        lies = door.sensor is SensorMood.FLAPPING and not door.lied and self.rng.random() < 0.3
        door.lied = lies
        return door.open is not lies

    def _spring(self, door: Door) -> None:
        self._move(door, open_=True)

    def _move(self, door: Door, *, open_: bool) -> None:
        if door.open is open_:
            return
        door.open = open_
        for told in self.on_move:
            told(door)
        self.news()


class CabinetBus:
    """The port `DoorBus` of one life of the daemon, with the cabinet behind it."""

    def __init__(self, cabinet: Cabinet, config: StationConfig, life: Life) -> None:
        """Lead to `cabinet`."""
        self._cabinet, self._life = cabinet, life
        self._gap_s = config.doors.pulse_gap_ms / 1000
        self._pulse_s = {part.label: part.pulse_ms / 1000 for part in config.compartment}
        self._supply = asyncio.Lock()
        self._given: dict[str, tuple[bool | None, int]] = {}
        self._looked_since, self._rounds = cabinet.moved, 0

    @property
    def labels(self) -> tuple[str, ...]:
        """Return every door."""
        return tuple(self._pulse_s)

    def supply_of(self, label: str) -> str:  # noqa: ARG002 - one for all
        """Return the one power supply there is."""
        return "main"

    def pulse_s(self, label: str) -> float:
        """Return how long one pulse lasts."""
        return self._pulse_s[label]

    def expect_pulse(self) -> None:
        """Have no frame that another could wait for."""

    async def pulse(self, label: str) -> PulseResult:
        """Send one pulse; what becomes of it is the bus's mood."""
        async with self._supply:
            await self._life.check()
            mood = self._cabinet.mood
            if mood is BusMood.AWAY:
                return PulseResult.NOT_SENT
            if mood in (BusMood.WELL, BusMood.MUTE):
                self._cabinet.pulse(label)
            await asyncio.sleep(self._pulse_s[label] + self._gap_s)
        if mood is BusMood.REFUSING:
            return PulseResult.REJECTED
        return PulseResult.ACKED if mood is BusMood.WELL else PulseResult.UNCONFIRMED

    async def read_doors(self, *, urgent: str | None = None) -> Mapping[str, bool | None]:
        """Return the samples; whoever has had enough equal ones waits for news instead of asking on."""
        await asyncio.sleep(FRAME_S)
        if urgent is not None and self._has_seen(urgent):
            await self._news(_LOOK_AT_LEAST_EVERY_S)
        elif urgent is None and self._has_seen_all():
            await self._news(self._longest_s())
        await self._life.check()
        labels = self.labels if urgent is None else (urgent,)
        return {label: self._sample(label) for label in labels}

    async def all_off(self) -> None:
        """Have no relay that could stay on."""

    async def _news(self, at_most_s: float) -> None:
        """Wait until something moves or changes its mood."""
        moved = self._cabinet.moved
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await moved.wait()

    def _has_seen(self, label: str) -> bool:
        """Return whether this reader knows the door as it is; a contact that flaps is never known."""
        door = self._cabinet.doors[label]
        silent = self._cabinet.mood is not BusMood.WELL or door.sensor is SensorMood.ABSENT
        last, times = self._given.get(label, (None, 0))
        if not silent and door.sensor is SensorMood.FLAPPING:
            return False
        return times >= _ENOUGH and last is (None if silent else door.open)

    def _has_seen_all(self) -> bool:
        """Return whether all doors were looked at often enough since the last news."""
        if self._looked_since is not self._cabinet.moved:
            self._looked_since, self._rounds = self._cabinet.moved, 0
        self._rounds += 1
        return self._rounds > _ENOUGH_ROUNDS

    def _longest_s(self) -> float:
        doors = self._cabinet.doors.values()
        if any(door.open for door in doors):
            return _WHILE_OPEN_S
        if any(door.sensor is SensorMood.FLAPPING for door in doors):
            return _WHILE_FLAPPING_S
        return _ROUND_AT_LEAST_EVERY_S

    def _sample(self, label: str) -> bool | None:
        sample = self._cabinet.sample(label)
        last, times = self._given.get(label, (None, 0))
        self._given[label] = (sample, times + 1 if sample is last else 1)
        return sample


class SteadyProbe:
    """A probe in a zone that keeps its temperature."""

    def __init__(self, zone: str, temperature_c: float) -> None:
        """Hang in `zone`."""
        self.zone = zone
        self._reading = ProbeReading(temperature_c, 60.0, Quality.GOOD)

    async def read(self) -> ProbeReading:
        """Measure."""
        await asyncio.sleep(FRAME_S)
        return self._reading


class CabinetHardware:
    """What `edge.hardware.Hardware` is in production, without owners of ports."""

    def __init__(self, cabinet: Cabinet, config: StationConfig, life: Life) -> None:
        """Serve one life of the daemon."""
        self.door_bus = CabinetBus(cabinet, config, life)
        self.probes = tuple(
            SteadyProbe(zone.name, (zone.min_c + zone.max_c) / 2) for zone in config.zone
        )
        self.instruments: tuple[Instrument, ...] = ()
        self.scale = None
        self._cabinet, self._bus, self._life = cabinet, config.bus[0].name, life
        self._listeners: list[BusListener] = []

    @property
    def bus_state(self) -> dict[str, BusState]:
        """Return how the one bus is doing."""
        up = self._cabinet.mood is not BusMood.AWAY
        return {self._bus: BusState(up, self._cabinet.mood.value, ())}

    def on_bus_change(self, listener: BusListener) -> None:
        """Call `listener` when the port goes away or comes back."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Tell of the bus's moods until cancelled."""
        self._cabinet.on_mood.append(self._tell)
        try:
            await self._life.over.wait()
        finally:
            self._cabinet.on_mood.remove(self._tell)

    def _tell(self, mood: BusMood) -> None:
        for listener in self._listeners:
            listener(self._bus, None, mood is BusMood.WELL, mood.value)
