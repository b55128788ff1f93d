"""The air of one zone: drifts to the outside with a door open and back when all are shut.

First-order (Newton) both ways, solved exactly, so a step of an hour is as true as 3600 of a second.
"""

import math
from dataclasses import dataclass

OPEN_TIME_CONSTANT_S = 900.0
"""One open door of 8: 4 degC rises past 8 degC in about 3 minutes at 24 degC outside."""
SHUT_TIME_CONSTANT_S = 600.0
"""Compressor on, doors shut: the way back takes about half an hour."""


COOLING_W = 180.0
STANDBY_W = 8.0


@dataclass(frozen=True, slots=True)
class Air:
    """Temperature in degC and relative humidity in percent."""

    temperature_c: float
    humidity_pct: float


class Zone:
    """The air behind a group of doors.

    Time is counted in physics seconds (wire seconds x clock factor).
    """

    def __init__(self, name: str, shut: Air, outside: Air) -> None:
        """Start at rest: `shut` is where the air settles with every door closed."""
        self.name = name
        self.air = shut
        self._shut, self._outside = shut, outside

    @property
    def compressor_on(self) -> bool:
        """Tell whether something cools: all the time where the air settles below the outside."""
        return self._shut.temperature_c < self._outside.temperature_c

    @property
    def defrosting(self) -> bool:
        """Tell whether the coil is being heated: never by itself."""
        return False

    @property
    def watts(self) -> float:
        """Return what cooling the zone takes from the mains."""
        return COOLING_W if self.compressor_on else STANDBY_W

    def pass_time(self, seconds: float, open_doors: int) -> None:
        """Let `seconds` go by with `open_doors` doors open."""
        target = self._outside if open_doors else self._shut
        constant_s = OPEN_TIME_CONSTANT_S / open_doors if open_doors else SHUT_TIME_CONSTANT_S
        left = math.exp(-seconds / constant_s)
        self.air = Air(
            target.temperature_c + (self.air.temperature_c - target.temperature_c) * left,
            target.humidity_pct + (self.air.humidity_pct - target.humidity_pct) * left,
        )
