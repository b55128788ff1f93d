"""What the elements behind the probe boards say: the truth, or what is wrong with them.

A board asks with its unit, the number of the probe and the true value, and encodes what it is told.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

WRONG_PCT = 110.0
"""More humidity than there is: how a broken SHT20 shows itself."""


class Shows(StrEnum):
    """A wrong value that a device is known to put on the wire."""

    POWER_ON = "85.0"
    UNDER_POWERED = "127.9"
    GONE = "-127"
    NO_SENSOR = "0x8000"
    ERROR_STATUS = "error_status"
    HUMIDITY = "humidity"


SHOWN_C = {
    Shows.POWER_ON: 85.0,
    Shows.UNDER_POWERED: 127.9,
    Shows.GONE: -127.0,
    Shows.NO_SENSOR: -3276.8,  # 0x8000 in tenths
}
"""What of these is a temperature in the register."""


@runtime_checkable
class HasProbes(Protocol):
    """A board that sensor faults can be laid on."""

    probes: int
    """How many it has."""
    can_show: frozenset[Shows]
    """The wrong values that such a device can say."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one probe, or with all of a board (`probe` None)."""

    probe: int | None = None
    shows: Shows | None = None
    jumps_k: float = 0.0
    offset_k: float | None = None
    """No `shows`, no `jumps_k`, no `offset_k`: the last value is said for ever."""


@dataclass(frozen=True, slots=True)
class Sensed:
    """What the electronics of a board get from an element."""

    temperature_c: float
    is_error: bool = False
    """The device knows it and says so in a status of its own."""
    is_false: bool = False
    """The value is none of the element's measurements: corrections do not reach it."""
    humidity_pct: float | None = None
    """None: the element's own."""


class Sensors:
    """The elements of all boards and their troubles."""

    def __init__(self) -> None:
        """Start with every element sound."""
        self._troubles: dict[int, Sequence[Trouble]] = {}
        self._last_c: dict[tuple[int, int], float] = {}

    def set_troubles(self, unit: int, troubles: Sequence[Trouble]) -> None:
        """Say everything that is wrong at a unit now; where two troubles meet the later one is seen."""
        self._troubles[unit] = tuple(troubles)

    def sense(self, unit: int, probe: int, measured_c: float, chance: random.Random) -> Sensed:
        """Return what `probe` (from 0) of `unit` says when it would measure `measured_c`."""
        lying = [one for one in self._troubles.get(unit, ()) if one.probe in (None, probe)]
        if not lying:
            self._last_c[unit, probe] = measured_c
            return Sensed(measured_c)
        trouble = lying[-1]
        if trouble.jumps_k:
            return Sensed(measured_c + chance.choice((-1, 1)) * trouble.jumps_k)
        if trouble.offset_k is not None:
            return Sensed(measured_c + trouble.offset_k)
        if trouble.shows is None:
            return Sensed(self._last_c.setdefault((unit, probe), measured_c))
        if trouble.shows is Shows.HUMIDITY:
            return Sensed(measured_c, is_false=True, humidity_pct=WRONG_PCT)
        if trouble.shows is Shows.ERROR_STATUS:
            return Sensed(measured_c, is_error=True, is_false=True)
        return Sensed(SHOWN_C[trouble.shows], is_false=True)
