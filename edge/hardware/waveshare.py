"""Driver of the Waveshare Modbus RTU Relay boards: one method per device command, no policy.

The exact reply check is the bus guard's; how often to read and when to pulse is decided above.
"""

from edge.hardware.bus import BusOwner
from edge.hardware.jobs import Priority
from edge.hardware.ports import PulseResult
from edge.hardware.pulsing import MAX_PULSE_MS, send_pulse
from edge.hardware.speech import BoardRule
from firmware_protocols import waveshare_relay as wire
from firmware_protocols.modbus_pdu import Reply, Request


class WaveshareRelay:
    """One board: eight, sixteen or thirty-two relays; a (D) has eight inputs too."""

    def __init__(self, bus: BusOwner[Request, Reply], unit: int, channels: int) -> None:
        """Talk to `unit` over `bus`."""
        self.unit = unit
        self._bus = bus
        self._channels = channels

    def expect_pulse(self) -> None:
        """Keep the line free of background reads for a moment."""
        self._bus.expect_pulse()

    async def pulse(self, channel: int, ms: int) -> PulseResult:
        """Let the board switch relay `channel` on for `ms` (whole 100s); sent at most once."""
        return await send_pulse(self._bus, self.unit, wire.pulse(channel, ms, self._channels))

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return all inputs of a (D), channel 0 first; `urgent` goes ahead of scans and asks a resting board too."""
        priority = Priority.DOOR if urgent else Priority.SNAPSHOT
        reply = await self._bus.call(priority, self.unit, wire.read_inputs(), probe=urgent)
        return wire.inputs(reply)

    async def all_off(self) -> None:
        """Drop every relay; safe at any time."""
        await self._bus.call(Priority.OPEN, self.unit, wire.all_off())


def rule(channels: int) -> BoardRule[Request]:
    """Return the allow-list of a board: a pulse of at most MAX_PULSE_MS, and everything off."""

    def allows(request: Request) -> bool:
        pulse = wire.as_pulse(request, channels)
        return request == wire.all_off() or (pulse is not None and pulse.ms <= MAX_PULSE_MS)

    return BoardRule(allows, wire.all_off())
