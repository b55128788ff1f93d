"""Driver of relay boards that speak Modbus and time their own pulse: one method per device command, no policy.

What differs between boards is their codec. The exact reply check is the bus guard's; how often to read and when to
pulse is decided above.
"""

from typing import Protocol

from edge.hardware.bus import BusOwner
from edge.hardware.jobs import Priority
from edge.hardware.ports import PulseResult
from edge.hardware.pulsing import MAX_PULSE_MS, send_pulse
from edge.hardware.speech import BoardRule
from firmware_protocols.modbus_pdu import Reply, Request
from firmware_protocols.pulses import Pulse


class RelayCodec(Protocol):
    """What a module of `firmware_protocols` offers for a relay board."""

    def pulse(self, channel: int, ms: int) -> Request:
        """Return the request for one pulse; RangeError for what the board cannot do."""

    def as_pulse(self, request: Request) -> Pulse | None:
        """Return the pulse that a request asks for; None when it is anything else."""

    def all_off(self) -> Request:
        """Return the request that drops every relay."""


class InputCodec(RelayCodec, Protocol):
    """And for one with door inputs."""

    def read_inputs(self) -> Request:
        """Return the request for all inputs."""

    def inputs(self, reply: Reply) -> tuple[bool, ...]:
        """Return which doors are open, channel 0 first; WireError for a reply of another shape."""


class ModbusRelays:
    """One board without inputs: another one senses its doors."""

    def __init__(self, bus: BusOwner[Request, Reply], unit: int, codec: RelayCodec) -> None:
        """Talk to `unit` over `bus` in the words of `codec`."""
        self.unit = unit
        self._bus, self._relays = bus, codec

    def expect_pulse(self) -> None:
        """Keep the line free of background reads for a moment."""
        self._bus.expect_pulse()

    async def pulse(self, channel: int, ms: int) -> PulseResult:
        """Let the board switch relay `channel` on for `ms`; sent at most once."""
        return await send_pulse(self._bus, self.unit, self._relays.pulse(channel, ms))

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:  # noqa: ARG002 - the port's
        """Return nothing: it has no inputs."""
        return ()

    async def all_off(self) -> None:
        """Drop every relay; safe at any time."""
        await self._bus.call(Priority.OPEN, self.unit, self._relays.all_off())


class SensingRelays(ModbusRelays):
    """One board with door inputs."""

    def __init__(self, bus: BusOwner[Request, Reply], unit: int, codec: InputCodec) -> None:
        """Talk to `unit` over `bus` in the words of `codec`."""
        super().__init__(bus, unit, codec)
        self._inputs = codec

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return all inputs, channel 0 first; `urgent` goes ahead of scans and asks a resting board too."""
        priority = Priority.DOOR if urgent else Priority.SNAPSHOT
        reply = await self._bus.call(priority, self.unit, self._inputs.read_inputs(), probe=urgent)
        return self._inputs.inputs(reply)


def rule(codec: RelayCodec) -> BoardRule[Request]:
    """Return the allow-list: a pulse of at most MAX_PULSE_MS, and everything off."""

    def allows(request: Request) -> bool:
        pulse = codec.as_pulse(request)
        return request == codec.all_off() or (pulse is not None and pulse.ms <= MAX_PULSE_MS)

    return BoardRule(allows, codec.all_off())
