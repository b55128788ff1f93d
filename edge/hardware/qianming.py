"""Driver of the 千鸣 lock board with goods sensors: one method per device command, no policy.

A line numbers its boxes through all boards: `unit` is the first box of this one, a frame names the box itself.
"""

from edge.hardware.bus import BusOwner
from edge.hardware.jobs import Priority
from edge.hardware.ports import PulseResult
from edge.hardware.pulsing import send_pulse
from edge.hardware.speech import BoardRule
from firmware_protocols import qianming as wire


class QianmingBoard:
    """One board with up to 16 boxes; experimental."""

    def __init__(self, bus: BusOwner[wire.Request, wire.Answer], unit: int) -> None:
        """Talk to the board whose first box is `unit` over `bus`."""
        self.unit = unit
        self._bus = bus

    def expect_pulse(self) -> None:
        """Keep the line free of background reads for a moment."""
        self._bus.expect_pulse()

    async def pulse(self, channel: int, ms: int) -> PulseResult:  # noqa: ARG002 - the board has a length of its own
        """Give the lock of box `unit + channel` the board's own pulse; sent at most once.

        A "no" names no box and hangs on one byte of XOR (two torn frames make one), so it proves nothing: the contact
        decides.
        """
        said = await send_pulse(self._bus, box_of(self.unit, channel), wire.open_box())
        return PulseResult.UNCONFIRMED if said is PulseResult.REJECTED else said

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return all doors, channel 0 first; None for a box that the board does not have."""
        priority = Priority.DOOR if urgent else Priority.SNAPSHOT
        answer = await self._bus.call(priority, self.unit, wire.read_doors(), probe=urgent)
        return wire.of_boxes(answer, self.unit)

    async def read_goods(self) -> tuple[bool | None, ...]:
        """Return whether something lies in each box, channel 0 first; None for a box that the board does not have."""
        answer = await self._bus.call(Priority.SNAPSHOT, self.unit, wire.read_goods())
        return wire.of_boxes(answer, self.unit)

    async def all_off(self) -> None:
        """Send nothing: no coil stays under current longer than the board's own pulse."""


def box_of(unit: int, channel: int) -> int:
    """Return the number of a box on its line: what a frame that opens it is addressed to."""
    return unit + channel


def rule() -> BoardRule[wire.Request]:
    """Return the allow-list of one configured box: its pulse, and never a new range."""
    return BoardRule(wire.open_box().__eq__, None)
