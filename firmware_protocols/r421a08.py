"""R421A08 relay board (Eletechsup): 8 relays that time their own pulse in whole seconds, no inputs.

Source: Erriez/R421A08-rs485-8ch-relay-board. Modbus RTU, 9600 8N1, address by DIP 0..63 (0 is
everybody's elsewhere, so not ours), no broadcast, all relays off at power-up. FC 06: register =
relay from 1 (0 = all), value = command << 8 | seconds. Trap: the shortest pulse is about one
second; many 12 V latches are made for 0.3 to 0.5 s.
"""

from enum import IntEnum

from firmware_protocols.modbus_pdu import Function, ReadRequest, Request, WriteOneRequest
from firmware_protocols.pulses import Pulse, known_channel, whole_ticks

UNITS = range(1, 64)
CHANNELS = 8
TICK_MS = 1000
MAX_SECONDS = 255
ALL = 0


class Command(IntEnum):
    """High byte of what is written."""

    ON = 0x01
    OFF = 0x02
    TOGGLE = 0x03
    LATCH = 0x04
    """On, and every other one off."""
    MOMENTARY = 0x05
    DELAY = 0x06
    ALL_ON = 0x07
    ALL_OFF = 0x08


def pulse(channel: int, ms: int) -> WriteOneRequest:
    """Return the request for a pulse of `ms` milliseconds (1000..255000, whole 1000s), else RangeError."""
    return _write(_register(channel), Command.DELAY, whole_ticks(ms, TICK_MS, MAX_SECONDS))


def momentary(channel: int) -> WriteOneRequest:
    """Return the request for the board's own pulse of about a second."""
    return _write(_register(channel), Command.MOMENTARY)


def switch_on(channel: int) -> WriteOneRequest:
    """Return the request that switches a relay on for good; never for a lock."""
    return _write(_register(channel), Command.ON)


def all_off() -> WriteOneRequest:
    """Return the request that drops every relay."""
    return _write(ALL, Command.ALL_OFF)


def read_relay(channel: int) -> ReadRequest:
    """Return the request for the state of one relay: register 1 on, 0 off."""
    return ReadRequest(Function.READ_HOLDING_REGISTERS, _register(channel), 1)


def as_pulse(request: Request) -> Pulse | None:
    """Return the pulse that `request` asks for, or None when it is something else."""
    if (
        not isinstance(request, WriteOneRequest)
        or request.function is not Function.WRITE_SINGLE_REGISTER
        or not 1 <= request.address <= CHANNELS
    ):
        return None
    command, seconds = divmod(request.value, 0x100)
    if command == Command.MOMENTARY and not seconds:
        return Pulse(request.address - 1, TICK_MS)
    if command == Command.DELAY and seconds:
        return Pulse(request.address - 1, seconds * TICK_MS)
    return None


def _write(register: int, command: Command, seconds: int = 0) -> WriteOneRequest:
    return WriteOneRequest(Function.WRITE_SINGLE_REGISTER, register, command << 8 | seconds)


def _register(channel: int) -> int:
    return known_channel(channel, CHANNELS) + 1
