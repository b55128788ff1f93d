"""Driver of the 千鸣 lock board with goods sensors: one method per device command, no policy.

A line numbers its boxes through all boards: `unit` is the first box of this one, a frame names the box itself.
"""

from edge.hardware.ports import PulseResult
from edge.hardware.self_timed import SelfTimedBoard
from edge.hardware.speech import BoardRule
from firmware_protocols import qianming as wire


class QianmingBoard(SelfTimedBoard[wire.Request, wire.Answer]):
    """One board with up to 16 boxes; experimental."""

    def addressed(self, channel: int) -> int:
        """Return the number of the box."""
        return box_of(self.unit, channel)

    def opening(self, channel: int) -> wire.Request:  # noqa: ARG002 - the address says which
        """Return the frame of one box."""
        return wire.open_box()

    async def pulse(self, channel: int, ms: int) -> PulseResult:
        """Give the lock of box `unit + channel` the board's own pulse; sent at most once.

        A "no" names no box and hangs on one byte of XOR (two torn frames make one), so it proves nothing: the contact
        decides.
        """
        said = await super().pulse(channel, ms)
        return PulseResult.UNCONFIRMED if said is PulseResult.REJECTED else said

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return all doors, channel 0 first; None for a box that the board does not have."""
        answer = await self.look(wire.read_doors(), urgent=urgent)
        return wire.of_boxes(answer, self.unit)

    async def read_goods(self) -> tuple[bool | None, ...]:
        """Return whether something lies in each box, channel 0 first; None for a box that the board does not have."""
        answer = await self.look(wire.read_goods(), urgent=False)
        return wire.of_boxes(answer, self.unit)


def box_of(unit: int, channel: int) -> int:
    """Return the number of a box on its line: what a frame that opens it is addressed to."""
    return unit + channel


def rule() -> BoardRule[wire.Request]:
    """Return the allow-list of one configured box: its pulse, and never a new range."""
    return BoardRule(wire.open_box().__eq__, None)
