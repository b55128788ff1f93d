"""Driver of the Waveshare Modbus RTU Relay 8CH (D): one method per device command, no policy.

The exact reply check is the bus guard's; how often to read and when to pulse is decided above.
"""

from edge.hardware.bus import BusOwner
from edge.hardware.errors import DeviceRefusedError, NoReplyError, NotSentError
from edge.hardware.jobs import Priority
from edge.hardware.ports import PulseResult
from firmware_protocols import waveshare_relay as wire


class WaveshareRelay:
    """One board: eight relays, eight inputs."""

    def __init__(self, bus: BusOwner, unit: int) -> None:
        """Talk to `unit` over `bus`."""
        self.unit = unit
        self._bus = bus

    def expect_pulse(self) -> None:
        """Keep the line free of background reads for a moment."""
        self._bus.expect_pulse()

    async def pulse(self, channel: int, ms: int) -> PulseResult:
        """Let the board switch relay `channel` on for `ms` (whole 100s); sent at most once."""
        request = wire.pulse(channel, ms)
        try:
            await self._bus.call(Priority.OPEN, self.unit, request)
        except NotSentError:
            return PulseResult.NOT_SENT
        except NoReplyError:
            return PulseResult.UNCONFIRMED
        except DeviceRefusedError:
            return PulseResult.REJECTED
        return PulseResult.ACKED

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """Return all inputs, channel 0 first; `urgent` goes ahead of scans and asks a resting board too."""
        priority = Priority.DOOR if urgent else Priority.SNAPSHOT
        reply = await self._bus.call(priority, self.unit, wire.read_inputs(), probe=urgent)
        return wire.inputs(reply)

    async def all_off(self) -> None:
        """Drop every relay; safe at any time."""
        await self._bus.call(Priority.OPEN, self.unit, wire.all_off())
