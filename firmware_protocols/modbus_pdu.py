"""Modbus requests and replies without their envelope: what RTU and TCP have in common.

Source: "MODBUS Application Protocol V1.1b3". Addresses are wire addresses (0-based), values
unsigned 16-bit.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from firmware_protocols.errors import RangeError, WireError

MAX_PDU_BYTES = 253
EXCEPTION_BIT = 0x80
COIL_ON = 0xFF00
COIL_OFF = 0x0000
_MAX_U16 = 0xFFFF
_HEAD_BYTES = 5  # function, address, count or value
_MANY_HEAD_BYTES = 6  # the same and the byte count


class Function(IntEnum):
    """The function codes that our boards know."""

    READ_COILS = 0x01
    READ_DISCRETE_INPUTS = 0x02
    READ_HOLDING_REGISTERS = 0x03
    READ_INPUT_REGISTERS = 0x04
    WRITE_SINGLE_COIL = 0x05
    WRITE_SINGLE_REGISTER = 0x06
    WRITE_MULTIPLE_COILS = 0x0F
    WRITE_MULTIPLE_REGISTERS = 0x10


class ExceptionCode(IntEnum):
    """Why a device says no."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_DATA_ADDRESS = 2
    ILLEGAL_DATA_VALUE = 3
    DEVICE_FAILURE = 4
    ACKNOWLEDGE = 5
    DEVICE_BUSY = 6
    GATEWAY_PATH_UNAVAILABLE = 10
    GATEWAY_NO_RESPONSE = 11


BIT_READS = frozenset({Function.READ_COILS, Function.READ_DISCRETE_INPUTS})
REGISTER_READS = frozenset({Function.READ_HOLDING_REGISTERS, Function.READ_INPUT_REGISTERS})
READS = BIT_READS | REGISTER_READS
SINGLE_WRITES = frozenset({Function.WRITE_SINGLE_COIL, Function.WRITE_SINGLE_REGISTER})
MULTIPLE_WRITES = frozenset({Function.WRITE_MULTIPLE_COILS, Function.WRITE_MULTIPLE_REGISTERS})
KNOWN = READS | SINGLE_WRITES | MULTIPLE_WRITES


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """FC 01, 02, 03 or 04: give me `count` bits or registers from `address`."""

    function: Function
    address: int
    count: int

    def pdu(self) -> bytes:
        """Return the bytes; a number that does not fit raises RangeError."""
        return _head(self.function, self.address, self.count)


@dataclass(frozen=True, slots=True)
class WriteOneRequest:
    """FC 05 or 06: set one coil or register.

    Some boards read FC 05's value as a number (see waveshare_relay).
    """

    function: Function
    address: int
    value: int

    def pdu(self) -> bytes:
        """Return the bytes; a number that does not fit raises RangeError."""
        return _head(self.function, self.address, self.value)


@dataclass(frozen=True, slots=True)
class WriteManyRequest:
    """FC 0F or 10: set `count` coils (LSB first) or registers (big endian) to `data`."""

    function: Function
    address: int
    count: int
    data: bytes

    def pdu(self) -> bytes:
        """Return the bytes; a number or length that does not fit raises RangeError."""
        if len(self.data) != _many_bytes(self.function, self.count):
            raise RangeError(
                f"{self.count} values of {self.function.name} do not fill {len(self.data)} bytes"
            )
        if _MANY_HEAD_BYTES + len(self.data) > MAX_PDU_BYTES:
            raise RangeError(f"{self.count} values do not fit one message")
        return _head(self.function, self.address, self.count) + bytes([len(self.data)]) + self.data


Request = ReadRequest | WriteOneRequest | WriteManyRequest


@dataclass(frozen=True, slots=True)
class DataReply:
    """The answer to a read: the bytes as they came, see `bits` and `registers`."""

    function: Function
    data: bytes

    def pdu(self) -> bytes:
        """Return the bytes; more than 250 data bytes raise RangeError."""
        if len(self.data) > MAX_PDU_BYTES - 2:
            raise RangeError(f"{len(self.data)} bytes do not fit one message")
        return bytes([self.function, len(self.data)]) + self.data


@dataclass(frozen=True, slots=True)
class EchoReply:
    """The answer to a write: address and value (or count) come back as they were sent."""

    function: Function
    address: int
    value: int

    def pdu(self) -> bytes:
        """Return the bytes; a number that does not fit raises RangeError."""
        return _head(self.function, self.address, self.value)


@dataclass(frozen=True, slots=True)
class ExceptionReply:
    """The device refused.

    `function` is the plain code (any, also one we do not know), `code` its reason.
    """

    function: int
    code: int

    def pdu(self) -> bytes:
        """Return the two bytes."""
        return bytes([self.function | EXCEPTION_BIT, self.code])


Reply = DataReply | EchoReply | ExceptionReply


def request_bytes(head: bytes) -> int | None:
    """Return how long the request that begins with `head` is; None: more bytes needed.

    Unknown function: WireError.
    """
    if not head:
        return None
    function = head[0]
    if function in MULTIPLE_WRITES:
        return (
            None if len(head) < _MANY_HEAD_BYTES else _MANY_HEAD_BYTES + head[_MANY_HEAD_BYTES - 1]
        )
    if function in KNOWN:
        return _HEAD_BYTES
    raise WireError(f"unknown function 0x{function:02X}")


def reply_bytes(head: bytes) -> int | None:
    """Return how long the reply that begins with `head` is; None: more bytes needed.

    Unknown function: WireError.
    """
    if not head:
        return None
    function = head[0]
    if function & EXCEPTION_BIT:
        return 2
    if function in READS:
        return None if len(head) < 2 else 2 + head[1]
    if function in KNOWN:
        return _HEAD_BYTES
    raise WireError(f"unknown function 0x{function:02X}")


def parse_request(pdu: bytes) -> Request:
    """Return the request; wrong length or unknown function raises WireError.

    Counts are not judged here.
    """
    if request_bytes(pdu) != len(pdu):
        raise WireError(f"not a request: {pdu.hex(' ')}")
    function = Function(pdu[0])
    address, value = struct.unpack(">HH", pdu[1:_HEAD_BYTES])
    if function in READS:
        return ReadRequest(function, address, value)
    if function in SINGLE_WRITES:
        return WriteOneRequest(function, address, value)
    data = pdu[_MANY_HEAD_BYTES:]
    if len(data) != _many_bytes(function, value):
        raise WireError(f"{value} values do not fill {len(data)} bytes")
    return WriteManyRequest(function, address, value, data)


def parse_reply(pdu: bytes) -> Reply:
    """Return the reply; wrong length or unknown function raises WireError."""
    if reply_bytes(pdu) != len(pdu):
        raise WireError(f"not a reply: {pdu.hex(' ')}")
    if pdu[0] & EXCEPTION_BIT:
        return ExceptionReply(pdu[0] & ~EXCEPTION_BIT, pdu[1])
    function = Function(pdu[0])
    if function in READS:
        return DataReply(function, pdu[2:])
    address, value = struct.unpack(">HH", pdu[1:])
    return EchoReply(function, address, value)


def answers(request: Request, reply: Reply) -> bool:
    """Tell whether `reply` can be the answer to `request`: function, address.

    Value and length agree.

    Trap: a late reply of the same shape (another register, same count) cannot be told apart; after
    a time-out keep the bus silent before the next request.
    """
    if isinstance(reply, ExceptionReply):
        return reply.function == request.function
    if isinstance(request, ReadRequest):
        return isinstance(reply, DataReply) and (
            reply.function is request.function and len(reply.data) == _read_bytes(request)
        )
    value = request.count if isinstance(request, WriteManyRequest) else request.value
    return reply == EchoReply(request.function, request.address, value)


def pack_bits(values: tuple[bool, ...]) -> bytes:
    """Return the bits LSB first, the last byte filled up with zeros."""
    packed = sum(1 << place for place, value in enumerate(values) if value)
    return packed.to_bytes((len(values) + 7) // 8, "little")


def bits(data: bytes, count: int) -> tuple[bool, ...]:
    """Return the first `count` bits of `data`, LSB first; too few bytes raise WireError."""
    if len(data) * 8 < count:
        raise WireError(f"{len(data)} bytes hold no {count} bits")
    packed = int.from_bytes(data, "little")
    return tuple(bool(packed >> place & 1) for place in range(count))


def pack_registers(values: tuple[int, ...]) -> bytes:
    """Return the registers big endian; a value outside 0..0xFFFF raises RangeError."""
    for value in values:
        _fits(value)
    return b"".join(value.to_bytes(2, "big") for value in values)


def registers(data: bytes) -> tuple[int, ...]:
    """Return the unsigned registers; an odd number of bytes raises WireError."""
    if len(data) % 2:
        raise WireError(f"{len(data)} bytes are no whole registers")
    return tuple(int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data), 2))


def signed(register: int) -> int:
    """Return the two's complement meaning of a register, -32768..32767."""
    return register - 0x10000 if register & 0x8000 else register


def _head(function: Function, address: int, value: int) -> bytes:
    _fits(address)
    _fits(value)
    return struct.pack(">BHH", function, address, value)


def _fits(value: int) -> None:
    if not 0 <= value <= _MAX_U16:
        raise RangeError(f"{value} is not in 0..65535")


def _read_bytes(request: ReadRequest) -> int:
    return (request.count + 7) // 8 if request.function in BIT_READS else request.count * 2


def _many_bytes(function: Function, count: int) -> int:
    return (count + 7) // 8 if function is Function.WRITE_MULTIPLE_COILS else count * 2
