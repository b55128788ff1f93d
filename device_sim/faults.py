"""Faults a tester can lay on the cabinet; each acts on the wire or on the iron.

Kinds: no_answer (a unit), adapter_unplugged (a bus); those of `wire_faults.py` damage what is said on
a line, those of `iron_faults.py` are in the cabinet itself, those of `camera_faults.py` in its camera.
"""

import math
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from device_sim.camera_faults import CameraFault
from device_sim.fault_base import FaultBase, Unit
from device_sim.iron_faults import IronFault, Jam, PowerCut, StuckRelay
from device_sim.wire_faults import LateAnswer, WireFault

__all__ = [
    "AdapterUnplugged", "Fault", "FaultBook", "Jam", "LateAnswer", "NoAnswer", "StuckRelay",
]  # fmt: skip

F = TypeVar("F", bound=FaultBase)


class NoAnswer(FaultBase):
    """A unit that cannot be heard: switched off (`deaf`), or acting while its answers get lost."""

    kind: Literal["no_answer"]
    target: Unit
    deaf: bool = True


class AdapterUnplugged(FaultBase):
    """The USB adapter of a bus is gone: the port disappears, an open one ends; it comes back under another number."""

    kind: Literal["adapter_unplugged"]
    target: str = Field(max_length=20)


Fault = Annotated[
    NoAnswer | AdapterUnplugged | IronFault | WireFault | CameraFault,
    Field(discriminator="kind"),
]


class FaultBook:
    """Which faults lie on the cabinet and until when."""

    def __init__(self) -> None:
        """Start with none."""
        self._until_s: dict[Fault, float] = {}

    def lay(self, fault: Fault, at_s: float) -> None:
        """Lay a fault on; the same one again only changes its end."""
        self._until_s[fault] = math.inf if fault.for_s is None else at_s + fault.for_s

    def active(self) -> tuple[Fault, ...]:
        """Return the faults in the order they were laid on."""
        return tuple(self._until_s)

    def next_end_s(self) -> float:
        """Return when the next fault ends, or infinity."""
        return min(self._until_s.values(), default=math.inf)

    def take_ended(self, at_s: float) -> tuple[Fault, ...]:
        """Remove and return the faults whose time is over at `at_s`."""
        ended = tuple(fault for fault, until_s in self._until_s.items() if until_s <= at_s)
        for fault in ended:
            del self._until_s[fault]
        return ended

    def remove(self, fault: Fault) -> None:
        """Take one fault off; one that is not there is no error."""
        self._until_s.pop(fault, None)

    def on(self, kind: type[F], target: int | str) -> list[F]:
        """Return the faults of one kind that lie on a target, in the order they were laid on."""
        return [
            one
            for one in self._until_s
            if isinstance(one, kind) and getattr(one, "target", None) == target
        ]

    def is_deaf(self, unit: int) -> bool:
        """Tell whether a unit hears nothing."""
        return self.is_dark() or any(
            isinstance(one, NoAnswer) and one.target == unit and one.deaf for one in self._until_s
        )

    def is_mute(self, unit: int) -> bool:
        """Tell whether a unit's answers get lost."""
        return self.is_dark() or any(
            isinstance(one, NoAnswer) and one.target == unit for one in self._until_s
        )

    def is_dark(self) -> bool:
        """Tell whether the cabinet has no mains."""
        return bool(self._until_s) and any(isinstance(one, PowerCut) for one in self._until_s)

    def is_unplugged(self, bus: str) -> bool:
        """Tell whether a bus has lost its adapter."""
        return any(isinstance(one, AdapterUnplugged) and one.target == bus for one in self._until_s)
