"""Drivers of the Modbus relay boards R421A08 and LC: one method per device command, no policy.

The exact reply check is the bus guard's; how often to read and when to pulse is decided above.
"""

from edge.hardware.bus import BusOwner
from edge.hardware.jobs import Priority
from edge.hardware.ports import PulseResult
from edge.hardware.pulsing import MAX_PULSE_MS, send_pulse
from edge.hardware.speech import BoardRule
from firmware_protocols import lc_relay, r421a08
from firmware_protocols.modbus_pdu import Reply, Request


class R421a08Relay:
    """Eight relays that time whole seconds; another board senses its doors."""

    def __init__(self, bus: BusOwner[Request, Reply], unit: int) -> None:
        """Talk to `unit` over `bus`."""
        self.unit = unit
        self._bus = bus

    def expect_pulse(self) -> None:
        """Keep the line free of background reads for a moment."""
        self._bus.expect_pulse()

    async def pulse(self, channel: int, ms: int) -> PulseResult:
        """Let the board switch relay `channel` on for `ms` (whole 1000s); sent at most once."""
        return await send_pulse(self._bus, self.unit, r421a08.pulse(channel, ms))

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:  # noqa: ARG002 - the port's
        """Return nothing: it has no inputs."""
        return ()

    async def all_off(self) -> None:
        """Drop every relay; safe at any time."""
        await self._bus.call(Priority.OPEN, self.unit, r421a08.all_off())


class LcRelay:
    """Eight relays, eight inputs."""

    def __init__(self, bus: BusOwner[Request, Reply], unit: int) -> None:
        """Talk to `unit` over `bus`."""
        self.unit = unit
        self._bus = bus

    def expect_pulse(self) -> None:
        """Keep the line free of background reads for a moment."""
        self._bus.expect_pulse()

    async def pulse(self, channel: int, ms: int) -> PulseResult:
        """Let the board switch relay `channel` on for `ms` (whole 100s); sent at most once."""
        return await send_pulse(self._bus, self.unit, lc_relay.pulse(channel, ms))

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return all inputs, channel 0 first; `urgent` goes ahead of scans and asks a resting board too."""
        priority = Priority.DOOR if urgent else Priority.SNAPSHOT
        reply = await self._bus.call(priority, self.unit, lc_relay.read_inputs(), probe=urgent)
        return lc_relay.inputs(reply)

    async def all_off(self) -> None:
        """Drop every relay; safe at any time."""
        await self._bus.call(Priority.OPEN, self.unit, lc_relay.all_off())


def r421a08_rule() -> BoardRule[Request]:
    """Return the allow-list: a pulse of at most MAX_PULSE_MS, and everything off."""

    def allows(request: Request) -> bool:
        pulse = r421a08.as_pulse(request)
        return request == r421a08.all_off() or (pulse is not None and pulse.ms <= MAX_PULSE_MS)

    return BoardRule(allows, r421a08.all_off())


def lc_rule() -> BoardRule[Request]:
    """Return the allow-list: a pulse of at most MAX_PULSE_MS, and everything off."""

    def allows(request: Request) -> bool:
        pulse = lc_relay.as_pulse(request)
        return request == lc_relay.all_off() or (pulse is not None and pulse.ms <= MAX_PULSE_MS)

    return BoardRule(allows, lc_relay.all_off())
