"""Driver of the generic 8A/80 lock board: one method per device command, no policy.

The board answers an opening about a second later and its line is taken as long; nothing else is asked meanwhile.
"""

from edge.hardware.self_timed import SelfTimedBoard
from edge.hardware.speech import BoardRule
from firmware_protocols import xor_8a80 as wire


class Xor8a80Board(SelfTimedBoard[wire.Request, wire.Answer]):
    """One board with up to 24 locks."""

    def opening(self, channel: int) -> wire.Request:
        """Return the frame of one lock."""
        return wire.open_one(channel)

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return all contacts, channel 0 first."""
        answer = await self.look(wire.read_all(), urgent=urgent)
        return wire.contacts(answer)


def rule() -> BoardRule[wire.Request]:
    """Return the allow-list: one lock's pulse, never lock 00, which is all of them."""
    allowed = frozenset(wire.open_one(channel) for channel in range(wire.CHANNELS))
    return BoardRule(allowed.__contains__, None)
