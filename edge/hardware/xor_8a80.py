"""Driver of the generic 8A/80 lock board: one method per device command, no policy.

The board answers an opening about a second later and its line is taken as long; nothing else is asked meanwhile.
"""

from edge.hardware.bus import BusOwner
from edge.hardware.jobs import Priority
from edge.hardware.ports import PulseResult
from edge.hardware.pulsing import send_pulse
from edge.hardware.speech import BoardRule
from firmware_protocols import xor_8a80 as wire


class Xor8a80Board:
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
        """Return all contacts, channel 0 first."""
        priority = Priority.DOOR if urgent else Priority.SNAPSHOT
        answer = await self._bus.call(priority, self.unit, wire.read_all(), probe=urgent)
        return wire.contacts(answer)

    async def all_off(self) -> None:
        """Send nothing: no coil stays under current longer than the board's own pulse."""


def rule() -> BoardRule[wire.Request]:
    """Return the allow-list: one lock's pulse, never lock 00, which is all of them."""
    allowed = frozenset(wire.open_one(channel) for channel in range(wire.CHANNELS))
    return BoardRule(allowed.__contains__, None)
