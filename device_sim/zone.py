"""The air of one zone: it leaks, doors let it out, goods hold it, a machine cools it.

Between two turns of the machine and two movements of doors the course is known in closed form (`thermal.py`), so that
time only has to be counted: a step of a day costs what its turns cost and is as true as many small ones.
"""

import math
from dataclasses import dataclass

from device_sim.cooling import Cooling, Refrigeration
from device_sim.thermal import Masses, Mode, Trajectory

OPEN_HUMIDITY_S = 900.0
SHUT_HUMIDITY_S = 600.0
"""Time constants of the humidity: with one door open towards outside, with all shut back."""


@dataclass(frozen=True, slots=True)
class Air:
    """Temperature in degC and relative humidity in percent."""

    temperature_c: float
    humidity_pct: float


@dataclass(frozen=True, slots=True)
class ZoneModel:
    """The figures of a zone; without `cooling` it only follows the outside."""

    masses: Masses
    leak_w_per_k: float
    door_w_per_k: float
    cooling: Cooling | None


class Zone:
    """The air behind a group of doors.

    Time is counted in physics seconds (wire seconds x clock factor).
    """

    def __init__(self, name: str, shut: Air, outside: Air, model: ZoneModel) -> None:
        """Start at rest: air and goods as in `shut`, every door closed, the machine off."""
        self.name, self.model = name, model
        self._machine = None if model.cooling is None else Refrigeration(model.cooling)
        self._shut, self._outside = shut, outside
        self._open_doors, self._gaps = 0, 0.0
        self._now_s = 0.0
        self.energy_j = 0.0
        """The electricity that the machine has taken so far."""
        self._anchor(shut.temperature_c, shut.temperature_c, shut.humidity_pct)

    @property
    def air(self) -> Air:
        """Return the true air, which a probe sees with its noise."""
        air_c, _goods_c = self._course.at(self._since_s)
        return Air(air_c, self._humidity_pct())

    @property
    def goods_c(self) -> float:
        """Return how warm the goods are."""
        return self._course.at(self._since_s)[1]

    @property
    def outside(self) -> Air:
        """Return the air around the cabinet."""
        return self._outside

    @property
    def door_open(self) -> bool:
        """Tell whether a door stands open; one that is not quite shut does not count."""
        return self._open_doors > 0

    @property
    def compressor_on(self) -> bool:
        """Tell whether the compressor runs."""
        return self._machine is not None and self._machine.compressor_on

    @property
    def defrosting(self) -> bool:
        """Tell whether the evaporator is being defrosted."""
        return self._machine is not None and self._machine.defrosting

    @property
    def fan_on(self) -> bool:
        """Tell whether the evaporator's fan turns."""
        return self._machine is not None and self._machine.fan_on

    @property
    def watts(self) -> float:
        """Return the electricity that the zone's machine draws now."""
        return 0.0 if self._machine is None else self._machine.watts

    def pass_time(self, seconds: float, open_doors: int, gaps: float = 0.0) -> None:
        """Let `seconds` go by with `open_doors` doors open and `gaps` doors' worth of gaps at others."""
        if (open_doors, gaps) != (self._open_doors, self._gaps):
            self._open_doors, self._gaps = open_doors, gaps
            if self._machine is not None:
                self._machine.door(is_open=open_doors > 0, now_s=self._now_s)
            self._changed()
        ends_s = self._now_s + seconds
        while self._turns_s <= ends_s:
            self._go_on_to(max(self._now_s, self._turns_s))
            if self._machine is not None:
                self._machine.act(self._turn, self._now_s)
            self._changed()
        self._go_on_to(ends_s)

    def bring_to(self, temperature_c: float) -> None:
        """Put air, goods and outside at a temperature at once, and there it stays: a tester's hand, no physics."""
        self._outside = Air(temperature_c, self._outside.humidity_pct)
        self._anchor(temperature_c, temperature_c, self._humidity_pct())

    def set_outside(self, outside: Air) -> None:
        """Change the weather."""
        self._outside = outside
        self._changed()

    def set_power(self, *, on: bool) -> None:
        """Cut the mains of the zone's machine or give them back."""
        if self._machine is not None:
            self._machine.set_power(on=on, now_s=self._now_s)
            self._changed()

    @property
    def set_point_c(self) -> float | None:
        """Return what the machine holds; None: there is no machine."""
        return None if self._machine is None else self._machine.model.set_point_c

    def change_set_point(self, celsius: float) -> None:
        """Let the machine hold another temperature, as an operator's command does."""
        if self._machine is not None:
            self._machine.set_point(celsius)
            self._changed()

    def start_defrost(self) -> None:
        """Let a defrost begin now, as an operator's command does; it ends by itself."""
        if self._machine is not None:
            self._machine.defrost(self._now_s)
            self._changed()

    def set_compressor_broken(self, broken: bool) -> None:
        """Break the compressor or mend it."""
        if self._machine is not None:
            self._machine.set_broken(broken=broken, now_s=self._now_s)
            self._changed()

    def set_defrost_stuck(self, stuck: bool) -> None:
        """Start a defrost that does not end, or end it."""
        if self._machine is not None:
            self._machine.set_stuck(stuck=stuck, now_s=self._now_s)
            self._changed()

    def _go_on_to(self, now_s: float) -> None:
        self.energy_j += self.watts * (now_s - self._now_s)
        self._now_s = now_s

    @property
    def _since_s(self) -> float:
        return self._now_s - self._anchored_s

    def _changed(self) -> None:
        """Something else drives the air from now on."""
        air_c, goods_c = self._course.at(self._since_s)
        self._anchor(air_c, goods_c, self._humidity_pct())

    def _anchor(self, air_c: float, goods_c: float, humidity_pct: float) -> None:
        model, machine = self.model, self._machine
        exchange = self._open_doors + self._gaps
        leak = model.leak_w_per_k + exchange * model.door_w_per_k
        machine_w = 0.0 if machine is None else machine.to_air_w
        mode = Mode(self._outside.temperature_c, leak, machine_w)
        self._course = Trajectory(model.masses, mode, air_c, goods_c)
        self._anchored_s, self._anchor_pct = self._now_s, humidity_pct
        self._turns_s = math.inf
        if machine is not None:
            self._turns_s, self._turn = machine.next_turn(self._course, self._now_s)

    def _humidity_pct(self) -> float:
        exchange = self._open_doors + self._gaps
        target = (self._outside if exchange else self._shut).humidity_pct
        constant_s = OPEN_HUMIDITY_S / exchange if exchange else SHUT_HUMIDITY_S
        left = math.exp(-self._since_s / constant_s)
        return target + (self._anchor_pct - target) * left
