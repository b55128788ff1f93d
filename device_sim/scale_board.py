"""A weighing transmitter on a bus: its profile's registers over a plate; and every scale of a cabinet by its name."""

import random
from collections.abc import Mapping

from common.kit.errors import NotFoundError
from device_sim.load import Load
from device_sim.physics import Physics
from device_sim.profile_board import ProfileBoard
from firmware_protocols.profile import Point, Profile, Role
from firmware_protocols.profile_codec import Value
from firmware_protocols.weights import Flaw


class ScaleBoard(ProfileBoard):
    """A scale at its unit; it is set as its profile demands."""

    def __init__(
        self, unit: int, profile: Profile, load: Load, physics: Physics, jitter: random.Random
    ) -> None:
        """Weigh what lies on `load`."""
        super().__init__(unit, profile, (), physics, jitter, set_point_c=0.0)
        self.load = load

    def value(self, point: Point) -> Value | None:
        """Return what a point says now; overload is said by every flag that can."""
        now = self.load.weight(self.physics.now_s)
        match point.role:
            case Role.GROSS_WEIGHT:
                return now.gross_mg / 1000
            case Role.STABLE:
                return now.is_stable
            case Role.OVERLOAD:
                return now.flaw is Flaw.RANGE
            case _:
                return super().value(point)


class Scales:
    """Every scale of a cabinet: those with a port by its name, those on a bus by their unit."""

    def __init__(self, serial: Mapping[str, object], boards: Mapping[int, object]) -> None:
        """Look through what hangs on ports and buses."""
        self._loads = {name: one for name, one in serial.items() if isinstance(one, Load)}
        self._loads |= {
            str(unit): one.load for unit, one in boards.items() if isinstance(one, ScaleBoard)
        }

    def find(self, name: str | None = None) -> Load:
        """Return a scale's plate by its name, or the first; NotFoundError when there is none."""
        found = next((load for key, load in self._loads.items() if name in (None, key)), None)
        if found is None:
            detail = f"no scale {name!r}" if name else "the cabinet has no scale"
            raise NotFoundError("sim.unknown_device", detail)
        return found
