"""The refrigeration of a zone: a thermostat with a band, a compressor that rests, defrosts by the clock, a door switch.

Pure: it is handed moments and the course of the air, and tells when it will act next.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from device_sim.thermal import Trajectory

STANDBY_W = 3.0
"""What a controller draws with nothing running."""
DEFROST_TO_AIR = 0.15
"""Share of a defrost heater's heat that warms the air; the rest melts frost and leaves as water."""


@dataclass(frozen=True, slots=True)
class Cooling:
    """The figures of a zone's machine."""

    set_point_c: float
    band_c: float
    cooling_w: float
    compressor_w: float
    fan_w: float
    min_off_s: float
    door_pause_s: float
    defrost_every_s: float
    """Infinity: never."""
    defrost_for_s: float
    defrost_w: float


class Turn(StrEnum):
    """What the controller does next."""

    START = "start"
    STOP = "stop"
    DEFROST = "defrost"
    DEFROST_OVER = "defrost_over"
    NOTHING = "nothing"


class Refrigeration:
    """What runs now; every call is handed the moment in the zone's own seconds."""

    def __init__(self, model: Cooling) -> None:
        """Start at rest: the compressor may start at once, a whole interval lies before the first defrost."""
        self.model = model
        self.compressor_on = self.defrosting = False
        self.powered = True
        self._broken = self._stuck = self._door_open = False
        self._may_start_s = self._pause_ends_s = -math.inf
        self._due_s = model.defrost_every_s
        self._defrost_ends_s = math.inf

    @property
    def fan_on(self) -> bool:
        """Tell whether air is moved: with the compressor, and where a defrost has no heater of its own."""
        return self.compressor_on or (self.defrosting and not self.model.defrost_w)

    @property
    def to_air_w(self) -> float:
        """Return the heat put into the air; what the compressor takes out is negative."""
        model = self.model
        return (
            self.fan_on * model.fan_w
            + self.defrosting * model.defrost_w * DEFROST_TO_AIR
            - self.compressor_on * model.cooling_w
        )

    @property
    def watts(self) -> float:
        """Return the electricity drawn."""
        model = self.model
        running = self.compressor_on * model.compressor_w + self.fan_on * model.fan_w
        return self.powered * (STANDBY_W + running + self.defrosting * model.defrost_w)

    def next_turn(self, course: Trajectory, now_s: float) -> tuple[float, Turn]:
        """Return when the controller acts next if nobody interferes, and what it does."""
        if not self.powered:
            return math.inf, Turn.NOTHING
        if self.defrosting:
            return math.inf if self._stuck else self._defrost_ends_s, Turn.DEFROST_OVER
        turns = [(self._due_s, Turn.DEFROST)]
        half_k = self.model.band_c / 2
        if self.compressor_on:
            stop_c = self.model.set_point_c - half_k
            turns.append((now_s + course.air_reaches_s(stop_c, rising=False), Turn.STOP))
        elif not self._broken:
            rest_s = max(0.0, max(self._may_start_s, self._pause_ends_s) - now_s)
            start_c = self.model.set_point_c + half_k
            starts_s = course.air_reaches_s(start_c, rising=True, from_s=rest_s)
            turns.append((now_s + starts_s, Turn.START))
        return min(turns)

    def act(self, turn: Turn, now_s: float) -> None:
        """Do what was due."""
        match turn:
            case Turn.START:
                self.compressor_on = True
            case Turn.STOP:
                self._stop(now_s)
            case Turn.DEFROST:
                self._start_defrost(now_s)
            case Turn.DEFROST_OVER:
                self._end_defrost(now_s)
            case Turn.NOTHING:
                pass

    def door(self, *, is_open: bool, now_s: float) -> None:
        """Feel the door switch: an open door stops the machine, one left open only for a while."""
        if is_open is not self._door_open:
            self._door_open = is_open
            self._pause_ends_s = now_s + self.model.door_pause_s if is_open else now_s
            self._stop(now_s)

    def set_point(self, celsius: float) -> None:
        """Hold another temperature from now on."""
        self.model = replace(self.model, set_point_c=celsius)

    def defrost(self, now_s: float) -> None:
        """Start a defrost because somebody asks for one; a running one goes on, without mains nothing happens."""
        if self.powered and not self.defrosting:
            self._start_defrost(now_s)

    def set_power(self, *, on: bool, now_s: float) -> None:
        """Lose the mains or get them back; the controller then starts its rest and its interval anew."""
        if on is not self.powered:
            self._stop(now_s)
            self._end_defrost(now_s)
            self.powered = on
            self._may_start_s = now_s + self.model.min_off_s
            self._start_stuck_defrost(now_s)

    def set_broken(self, *, broken: bool, now_s: float) -> None:
        """Break the compressor, or mend it."""
        self._broken = broken
        if broken:
            self._stop(now_s)

    def set_stuck(self, *, stuck: bool, now_s: float) -> None:
        """Let a defrost start that does not end by itself, or let it end."""
        if stuck is not self._stuck:
            self._stuck = stuck
            self._start_stuck_defrost(now_s)
            if not stuck and self.defrosting:
                self._end_defrost(now_s)

    def _stop(self, now_s: float) -> None:
        if self.compressor_on:
            self.compressor_on = False
            self._may_start_s = now_s + self.model.min_off_s

    def _start_stuck_defrost(self, now_s: float) -> None:
        if self._stuck and self.powered:
            self._start_defrost(now_s)

    def _start_defrost(self, now_s: float) -> None:
        self._stop(now_s)
        self.defrosting = True
        self._defrost_ends_s = now_s + self.model.defrost_for_s

    def _end_defrost(self, now_s: float) -> None:
        self.defrosting = False
        self._due_s = now_s + self.model.defrost_every_s
