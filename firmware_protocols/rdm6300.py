"""RDM6300 reader of 125 kHz cards: says the number of a card again and again while it is held.

Source: reference B.8. 9600 8N1; 14 bytes `02`, ten hex digits, two of checksum (exclusive or of the five bytes), `03`.
Traps: such a number can be copied by anybody onto another card, so it is a hint who somebody is and never an authority;
a clone of the reader (D302) with another checksum is known only by name and is not read.
"""

from firmware_protocols.errors import RangeError
from firmware_protocols.framing import split, xor_of

STX, ETX = 0x02, 0x03
_FRAME_BYTES = 14
_NUMBER_BYTES = 5
_HEX = frozenset(b"0123456789ABCDEFabcdef")


class Parser:
    """Finds card numbers in what a reader says."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._rest = b""

    @property
    def pending_bytes(self) -> int:
        """Return how much is kept."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """Take bytes and return the cards seen, ten hex digits each; noise is passed over."""
        pieces = split(
            self._rest + data, lambda head: _FRAME_BYTES if head[0] == STX else 0, _is_frame
        )
        self._rest = pieces.rest
        return [frame[1:11].decode().upper() for frame in pieces.frames]


def encode(card: str) -> bytes:
    """Return the frame in which a reader says a card; other than ten hex digits raises RangeError."""
    if len(card) != 2 * _NUMBER_BYTES or not _HEX.issuperset(card.encode()):
        raise RangeError("a card number has ten hex digits")
    check = xor_of(bytes.fromhex(card))
    return bytes([STX]) + f"{card.upper()}{check:02X}".encode() + bytes([ETX])


def _is_frame(frame: bytes) -> bool:
    if frame[-1] != ETX or not _HEX.issuperset(frame[1:-1]):
        return False
    return xor_of(bytes.fromhex(frame[1:-1].decode())) == 0
