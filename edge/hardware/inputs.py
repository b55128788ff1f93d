"""Inputs of lock boards that are no compartment's door: the flap of a recycling box, and whether a box is full."""

from dataclasses import dataclass

from edge.hardware.errors import DeviceRefusedError, NoReplyError, NotSentError
from edge.hardware.ports import LockBoard


@dataclass(frozen=True, slots=True)
class BoardInput:
    """One input."""

    name: str
    board: LockBoard
    channel: int
    level: int
    """The input when it is so: the flap open, the box full."""

    async def read(self) -> bool | None:
        """Return whether it is so; None: the board cannot tell now."""
        try:
            said = (await self.board.read_doors())[self.channel]
        except (NotSentError, NoReplyError, DeviceRefusedError):
            return None
        return None if said is None else said == bool(self.level)
