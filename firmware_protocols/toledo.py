"""Mettler Toledo continuous output: a scale that says its weight several times a second without being asked.

Source: reference B.6; the powers of ten of SWA bits 2-0, the units of SWC bits 2-0 and that bit 5 of the three status
bytes is always 1 from general knowledge of the format. 17 bytes, or 18 with a checksum; often 7E1, 300 to 9600 baud:
`02 SWA SWB SWC WWWWWW TTTTTT 0D [CKS]`. Six digits of weight without a point, six of tare, spaces in front.
Trap: with SWB bit 0 the weight is net; gross is net and tare together.
"""

from dataclasses import dataclass
from decimal import Decimal

from firmware_protocols.errors import RangeError
from firmware_protocols.framing import Pieces, split
from firmware_protocols.weights import MG_PER, Flaw, Weight

STX, CR = 0x02, 0x0D
_PLAIN_BYTES = 17
_ALWAYS = 0x20
_NET, _NEGATIVE, _RANGE, _MOTION, _KG = 1, 2, 4, 8, 16
_GRAMS = 1
_DIGITS = 6
_POINT = 2
"""The value of SWA bits 2-0 for whole units; one more is a tenth, one less is ten."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands in one frame."""

    shown: int
    """Six digits without a point, negative when said so."""
    tare: int
    place: int
    """SWA bits 2-0: 2 whole units, 3 tenths, … 7."""
    is_net: bool = False
    is_moving: bool = False
    is_out_of_range: bool = False
    is_kg: bool = True
    unit: int = 0
    """SWC bits 2-0: 0 as `is_kg` says (kg or lb), 1 grams, others are refused."""

    def weight(self) -> Weight:
        """Return the gross weight."""
        unit = "g" if self.unit == _GRAMS else "kg" if self.unit == 0 and self.is_kg else ""
        flaw = Flaw.RANGE if self.is_out_of_range else None if unit else Flaw.UNIT
        digits = self.shown + (self.tare if self.is_net else 0)
        mg = Decimal(digits).scaleb(_POINT - self.place) * MG_PER.get(unit, 0)
        return Weight(int(mg), not self.is_moving, flaw)


class Parser:
    """Finds frames in what a scale says."""

    def __init__(self, *, checksum: bool) -> None:
        """`checksum`: every frame has one, as the scale is set."""
        self._checksum = checksum
        self._rest = b""

    @property
    def pending_bytes(self) -> int:
        """Return how much is kept."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Weight]:
        """Take bytes and return what is whole now; noise is passed over."""
        pieces = frames(self._rest + data, checksum=self._checksum)
        self._rest = pieces.rest
        return [parse(frame).weight() for frame in pieces.frames]


def frames(stream: bytes, *, checksum: bool) -> Pieces:
    """Split a stream into frames."""
    size = _PLAIN_BYTES + checksum
    return split(stream, lambda head: size if head[0] == STX else 0, _is_frame)


def parse(frame: bytes) -> Frame:
    """Return what stands in a frame that `frames` found."""
    swa, swb, swc = frame[1:4]
    shown, tare = (int(frame[at : at + _DIGITS].replace(b" ", b"0")) for at in (4, 10))
    return Frame(
        shown=-shown if swb & _NEGATIVE else shown,
        tare=tare,
        place=swa & 0b111,
        is_net=bool(swb & _NET),
        is_moving=bool(swb & _MOTION),
        is_out_of_range=bool(swb & _RANGE),
        is_kg=bool(swb & _KG),
        unit=swc & 0b111,
    )


def encode(frame: Frame, *, checksum: bool) -> bytes:
    """Return the frame as a scale sends it; a number of more than six digits raises RangeError."""
    if abs(frame.shown) >= 10**_DIGITS or not 0 <= frame.tare < 10**_DIGITS:
        raise RangeError(f"{frame.shown}, {frame.tare}: six digits at most")
    if frame.place not in range(8) or frame.unit not in range(8):
        raise RangeError(f"place {frame.place} or unit {frame.unit} is not in 0..7")
    swb = (
        _NET * frame.is_net
        | _NEGATIVE * (frame.shown < 0)
        | _RANGE * frame.is_out_of_range
        | _MOTION * frame.is_moving
        | _KG * frame.is_kg
    )
    # bits 4-3 of SWA say the increment of the last digit; 01 is one, and nothing here depends on it
    status = bytes([_ALWAYS | 0b01000 | frame.place, _ALWAYS | swb, _ALWAYS | frame.unit])
    digits = f"{abs(frame.shown):6d}{frame.tare:6d}".encode()
    whole = bytes([STX]) + status + digits + bytes([CR])
    return whole + bytes([checksum_of(whole)]) if checksum else whole


def checksum_of(whole: bytes) -> int:
    """Return the byte that makes the sum of all its low seven bits 0."""
    return -sum(whole) & 0x7F


def _is_frame(frame: bytes) -> bool:
    if frame[16] != CR or not all(status & _ALWAYS and status < 0x80 for status in frame[1:4]):
        return False
    if not (_is_number(frame[4:10]) and _is_number(frame[10:16])):
        return False
    return len(frame) == _PLAIN_BYTES or checksum_of(frame[:-1]) == frame[-1] & 0x7F


def _is_number(field: bytes) -> bool:
    digits = field.lstrip(b" ")
    return not digits or digits.isdigit()
