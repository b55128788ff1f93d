"""Driver of the WKLY lock board: one method per device command, no policy.

The board times its pulse itself; some never answer an opening, so UNCONFIRMED is usual and the contact decides.
"""

from edge.hardware.jobs import Priority
from edge.hardware.self_timed import SelfTimedBoard
from edge.hardware.speech import BoardRule
from firmware_protocols import wkly as wire


class WklyBoard(SelfTimedBoard[wire.Request, wire.Answer]):
    """One board with up to 24 locks."""

    def opening(self, channel: int) -> wire.Request:
        """Return the frame of one lock."""
        return wire.open_one(channel)

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return all contacts, channel 0 first; None where the board cannot tell or has no such channel."""
        answer = await self.look(wire.read_all(), urgent=urgent)
        seen = wire.contacts(answer)
        return seen + (None,) * (wire.CHANNELS - len(seen))

    async def blink(self, channel: int) -> None:
        """Let the LED of a channel blink, for whoever looks for it."""
        await self._bus.call(Priority.SENSOR, self.unit, wire.blink(channel))


def rule() -> BoardRule[wire.Request]:
    """Return the allow-list: one lock's pulse and one channel's LED, never several locks, never for ever."""
    allowed = frozenset(
        make(channel) for make in (wire.open_one, wire.blink) for channel in range(wire.CHANNELS)
    )
    return BoardRule(allowed.__contains__, None)
