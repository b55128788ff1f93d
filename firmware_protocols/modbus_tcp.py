"""Modbus TCP frames: the MBAP header (transaction, protocol 0, length, unit) and a message.

Leftovers are kept. Source: "MODBUS Messaging on TCP/IP Implementation Guide V1.0b" 3.1.3.
"""

import struct
from dataclasses import dataclass

from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_pdu import MAX_PDU_BYTES

HEADER_BYTES = 7
_HEADER = struct.Struct(">HHHB")


@dataclass(frozen=True, slots=True)
class TcpFrame:
    """One message with the transaction id that its answer must carry."""

    transaction: int
    unit: int
    pdu: bytes

    def encode(self) -> bytes:
        """Return the bytes; ids or a message that do not fit raise RangeError."""
        if not (0 <= self.transaction <= 0xFFFF and 0 <= self.unit <= 0xFF):
            raise RangeError(f"transaction {self.transaction} or unit {self.unit} does not fit")
        if not 0 < len(self.pdu) <= MAX_PDU_BYTES:
            raise RangeError(f"{len(self.pdu)} bytes are no message")
        return _HEADER.pack(self.transaction, 0, len(self.pdu) + 1, self.unit) + self.pdu


def split(stream: bytes) -> tuple[tuple[TcpFrame, ...], bytes]:
    """Return the whole frames and the leftover.

    A header that cannot be Modbus raises WireError: TCP loses no bytes, so there is nothing to wait
    for.
    """
    frames: list[TcpFrame] = []
    while len(stream) >= HEADER_BYTES:
        transaction, protocol, length, unit = _HEADER.unpack_from(stream)
        if protocol or not 2 <= length <= MAX_PDU_BYTES + 1:
            raise WireError(f"not a Modbus TCP header: {stream[:HEADER_BYTES].hex(' ')}")
        end = HEADER_BYTES - 1 + length
        if len(stream) < end:
            break
        frames.append(TcpFrame(transaction, unit, stream[HEADER_BYTES:end]))
        stream = stream[end:]
    return tuple(frames), stream
