"""Driver of the WKLY lock board: one method per device command, no policy.

The board times its pulse itself; some never answer an opening, so UNCONFIRMED is usual and the contact decides.
"""

from edge.hardware.bus import BusOwner
from edge.hardware.jobs import Priority
from edge.hardware.ports import PulseResult
from edge.hardware.pulsing import send_pulse
from edge.hardware.speech import BoardRule
from firmware_protocols import wkly as wire


class WklyBoard:
    """One board with up to 24 locks."""

    def __init__(self, bus: BusOwner[wire.Request, wire.Answer], unit: int) -> None:
        """Talk to board `unit` over `bus`."""
        self.unit = unit
        self._bus = bus

    def expect_pulse(self) -> None:
        """Keep the line free of background reads for a moment."""
        self._bus.expect_pulse()

    async def pulse(self, channel: int, ms: int) -> PulseResult:  # noqa: ARG002 - the board has a length of its own
        """Give lock `channel` the board's own pulse; sent at most once."""
        return await send_pulse(self._bus, self.unit, wire.open_one(channel))

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return all contacts, channel 0 first; None where the board cannot tell or has no such channel."""
        priority = Priority.DOOR if urgent else Priority.SNAPSHOT
        answer = await self._bus.call(priority, self.unit, wire.read_all(), probe=urgent)
        seen = wire.contacts(answer)
        return seen + (None,) * (wire.CHANNELS - len(seen))

    async def blink(self, channel: int) -> None:
        """Let the LED of a channel blink, for whoever looks for it."""
        await self._bus.call(Priority.SENSOR, self.unit, wire.blink(channel))

    async def all_off(self) -> None:
        """Send nothing: no coil stays under current longer than the board's own pulse."""


def rule() -> BoardRule[wire.Request]:
    """Return the allow-list: one lock's pulse and one channel's LED, never several locks, never for ever."""
    allowed = frozenset(
        make(channel) for make in (wire.open_one, wire.blink) for channel in range(wire.CHANNELS)
    )
    return BoardRule(allowed.__contains__, None)
