"""LC Modbus relay board (8R-D7 and its kin): 8 relays with a hardware-timed pulse, 8 inputs.

Source: mbmap-library and register maps seen on GitHub. Modbus RTU, 9600 8N1, unit 255 or 1 from the
factory (register 0 sets it; 255 is outside what a master may use, so change it). FC 10 at
3 + 5 x channel: 0002 (on, then off) and the time in 100 ms. Trap: the registers differ between
revisions of the board; try every door before use.
"""

from firmware_protocols.errors import WireError
from firmware_protocols.modbus_pdu import (
    DataReply,
    Function,
    ReadRequest,
    Reply,
    Request,
    WriteManyRequest,
    bits,
    pack_bits,
    pack_registers,
    registers,
)
from firmware_protocols.pulses import Pulse, known_channel, whole_ticks

CHANNELS = 8
TICK_MS = 100
MAX_TICKS = 0xFFFF
FIRST_FLASH = 3
FLASH_STEP = 5
FLASH_ON = 0x0002
FLASH_OFF = 0x0004
"""Off, then on: never for a lock."""
_FLASH_REGISTERS = 2


def pulse(channel: int, ms: int) -> WriteManyRequest:
    """Return the request for a pulse of `ms` milliseconds (100..6553500, whole 100s), else RangeError."""
    ticks = whole_ticks(ms, TICK_MS, MAX_TICKS)
    return flash(known_channel(channel, CHANNELS), FLASH_ON, ticks)


def flash(channel: int, mode: int, ticks: int) -> WriteManyRequest:
    """Return the request that writes a channel's two timer registers."""
    return WriteManyRequest(
        Function.WRITE_MULTIPLE_REGISTERS,
        FIRST_FLASH + FLASH_STEP * channel,
        _FLASH_REGISTERS,
        pack_registers((mode, ticks)),
    )


def as_pulse(request: Request) -> Pulse | None:
    """Return the pulse that `request` asks for, or None when it is something else (also: 0 ticks)."""
    if (
        not isinstance(request, WriteManyRequest)
        or request.function is not Function.WRITE_MULTIPLE_REGISTERS
        or request.count != _FLASH_REGISTERS
    ):
        return None
    channel, off_place = divmod(request.address - FIRST_FLASH, FLASH_STEP)
    mode, ticks = registers(request.data)
    if off_place or not 0 <= channel < CHANNELS or mode != FLASH_ON or not ticks:
        return None
    return Pulse(channel, ticks * TICK_MS)


def all_off() -> WriteManyRequest:
    """Return the request that drops every relay."""
    off = pack_bits((False,) * CHANNELS)
    return WriteManyRequest(Function.WRITE_MULTIPLE_COILS, 0, CHANNELS, off)


def read_inputs() -> ReadRequest:
    """Return the request for all inputs; see `inputs`."""
    return ReadRequest(Function.READ_DISCRETE_INPUTS, 0, CHANNELS)


def inputs(reply: Reply) -> tuple[bool, ...]:
    """Return which inputs are 1, channel 0 first; wired as we do, 1 means the door is open."""
    if not isinstance(reply, DataReply) or reply.function is not Function.READ_DISCRETE_INPUTS:
        raise WireError(f"expected the answer to READ_DISCRETE_INPUTS, got {reply}")
    return bits(reply.data, CHANNELS)
