"""Waveshare Modbus RTU Relay: 8 (D), 16 or 32 relays with a hardware-timed pulse; (D): 8 door inputs.

Source: maker's "Development Protocol V2", Open-Locker WAVESHARE_INTEGRATION.md, eformLockerRoom
(16CH). 9600 8N1, unit 1 from the factory. 16CH and 32CH speak the same with more channels and no
inputs; a 16CH has no DIP switches, its address is a register. Traps: FC 05 carries the pulse
*length*, not FF00; (D) may arrive in linkage mode, where an input drives its relay: write NORMAL to
every mode register and read it back; firmware before September 2021 is not Modbus.
"""

from dataclasses import dataclass
from enum import IntEnum

from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_pdu import (
    COIL_OFF,
    DataReply,
    Function,
    ReadRequest,
    Reply,
    Request,
    WriteManyRequest,
    WriteOneRequest,
    bits,
    pack_registers,
)
from firmware_protocols.pulses import Pulse, known_channel, whole_ticks

CHANNELS = 8
DEFAULT_UNIT = 1
TICK_MS = 100
MAX_TICKS = 0x7FFF

# coils (FC 01, 05, 0F)
ALL_RELAYS = 0x00FF
FLASH_ON = 0x0200  # + channel: on for value x 100 ms, then off by the board's own timer
FLASH_OFF = 0x0400  # + channel: off for value x 100 ms, then on; never for a lock
COIL_TOGGLE = 0x5500
# registers (FC 03, 06, 10)
MODE = 0x1000  # + channel
UART = 0x2000  # parity << 8 | baud index; parity 1 and 2 contradict each other between documents: only ever write 0
ADDRESS = 0x4000  # written through unit 0: every board on the bus takes it, so one board alone on the wire
VERSION = 0x8000  # value / 100
BAUDS = (4800, 9600, 19200, 38400, 57600, 115200, 128000, 256000)


class Mode(IntEnum):
    """What an input does to the relay of the same channel."""

    NORMAL = 0
    LINKAGE = 1
    TOGGLE = 2
    EDGE = 3


def pulse(channel: int, ms: int, channels: int = CHANNELS) -> WriteOneRequest:
    """Return the request for a pulse of `ms` milliseconds (100..3276700, whole 100s), else RangeError.

    `channels`: how many the board has. 0 ms is refused: the document does not say what the board does with it.
    """
    ticks = whole_ticks(ms, TICK_MS, MAX_TICKS)
    coil = FLASH_ON + known_channel(channel, channels)
    return WriteOneRequest(Function.WRITE_SINGLE_COIL, coil, ticks)


def as_pulse(request: Request, channels: int = CHANNELS) -> Pulse | None:
    """Return the pulse that `request` asks for, or None when it is something else (also: 0 ticks)."""
    if (
        not isinstance(request, WriteOneRequest)
        or request.function is not Function.WRITE_SINGLE_COIL
    ):
        return None
    channel = request.address - FLASH_ON
    if not (0 <= channel < channels and 1 <= request.value <= MAX_TICKS):
        return None
    return Pulse(channel, request.value * TICK_MS)


def all_off() -> WriteOneRequest:
    """Return the request that drops every relay: the first frame to every board after a start."""
    return WriteOneRequest(Function.WRITE_SINGLE_COIL, ALL_RELAYS, COIL_OFF)


def read_relays(channels: int = CHANNELS) -> ReadRequest:
    """Return the request for the state of all relays; see `relays`."""
    return ReadRequest(Function.READ_COILS, 0, channels)


def read_inputs() -> ReadRequest:
    """Return the request for all inputs; see `inputs`."""
    return ReadRequest(Function.READ_DISCRETE_INPUTS, 0, CHANNELS)


def read_version() -> ReadRequest:
    """Return the request for the firmware version; see `version`."""
    return ReadRequest(Function.READ_HOLDING_REGISTERS, VERSION, 1)


def read_modes() -> ReadRequest:
    """Return the request for the control mode of every channel of a (D)."""
    return ReadRequest(Function.READ_HOLDING_REGISTERS, MODE, CHANNELS)


def set_all_modes(mode: Mode) -> WriteManyRequest:
    """Return the request that puts every channel into `mode`."""
    values = pack_registers((mode,) * CHANNELS)
    return WriteManyRequest(Function.WRITE_MULTIPLE_REGISTERS, MODE, CHANNELS, values)


def set_address(unit: int) -> WriteOneRequest:
    """Return the request that gives a board the unit 1..247.

    Send it to unit 0 with one board alone on the wire: every board that hears it takes it.
    """
    if not 1 <= unit <= 247:
        raise RangeError(f"unit {unit} is not in 1..247")
    return WriteOneRequest(Function.WRITE_SINGLE_REGISTER, ADDRESS, unit)


def set_baud(baud: int) -> WriteOneRequest:
    """Return the request that sets the speed without parity; an unknown speed raises RangeError."""
    if baud not in BAUDS:
        raise RangeError(f"{baud} baud is not one of {', '.join(map(str, BAUDS))}")
    return WriteOneRequest(Function.WRITE_SINGLE_REGISTER, UART, BAUDS.index(baud))


def relays(reply: Reply, channels: int = CHANNELS) -> tuple[bool, ...]:
    """Return which relays are energised, channel 0 first.

    A reply of another kind raises WireError.
    """
    return _bits(reply, Function.READ_COILS, channels)


def inputs(reply: Reply) -> tuple[bool, ...]:
    """Return which inputs are 1, channel 0 first; wired as we do, 1 means the door is open."""
    return _bits(reply, Function.READ_DISCRETE_INPUTS, CHANNELS)


def version(register: int) -> str:
    """Return the firmware version, e.g. 200 is "2.00"."""
    return f"{register // 100}.{register % 100:02d}"


def _bits(reply: Reply, function: Function, count: int) -> tuple[bool, ...]:
    if not isinstance(reply, DataReply) or reply.function is not function:
        raise WireError(f"expected the answer to {function.name}, got {reply}")
    return bits(reply.data, count)


@dataclass(frozen=True, slots=True)
class Relays:
    """The codec of a kind with so many relays; a (D) has the inputs too."""

    channels: int

    def pulse(self, channel: int, ms: int) -> WriteOneRequest:
        """As `pulse`."""
        return pulse(channel, ms, self.channels)

    def as_pulse(self, request: Request) -> Pulse | None:
        """As `as_pulse`."""
        return as_pulse(request, self.channels)

    def all_off(self) -> WriteOneRequest:
        """As `all_off`."""
        return all_off()

    def read_inputs(self) -> ReadRequest:
        """As `read_inputs`."""
        return read_inputs()

    def inputs(self, reply: Reply) -> tuple[bool, ...]:
        """As `inputs`."""
        return inputs(reply)
