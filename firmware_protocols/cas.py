"""CAS scales: ENQ is answered with ACK, then DC1 with one frame of weight.

Source: reference B.6 (`SOH STX S/U … LRC ETX EOT`); what lies between (sign, six characters with a point,
two of unit, LRC the exclusive or of status to unit) from one public driver: experimental.
9600 8N1. S stable, U moving, F out of range.
"""

from firmware_protocols.framing import split, xor_of
from firmware_protocols.weights import MG_PER, Flaw, Weight, milligrams

ENQ, ACK, DC1 = b"\x05", b"\x06", b"\x11"
_HEAD, _END = b"\x01\x02", b"\x03\x04"
_FRAME_BYTES = 15
_STABLE, _MOVING, _RANGE = b"S"[0], b"U"[0], b"F"[0]
_STATES = frozenset({_STABLE, _MOVING, _RANGE})


class Parser:
    """Finds ACK and frames in what a scale says."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._rest = b""

    @property
    def pending_bytes(self) -> int:
        """Return how much is kept."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Weight]:
        """Take bytes and return the weights that are whole now; noise is passed over."""
        pieces = split(self._rest + data, _size, _is_frame)
        self._rest = pieces.rest
        return [_parse(frame) for frame in pieces.frames]


def encode(weight: Weight) -> bytes:
    """Return the frame in which a scale says `weight` in kg."""
    status = _RANGE if weight.flaw is Flaw.RANGE else _STABLE if weight.is_stable else _MOVING
    unit = b"lb" if weight.flaw is Flaw.UNIT else b"kg"
    sign = b"-" if weight.gross_mg < 0 else b" "
    digits = b"%6.3f" % (abs(weight.gross_mg) / MG_PER["kg"])
    body = bytes([status]) + sign + digits[:6] + unit
    return _HEAD + body + bytes([xor_of(body)]) + _END


def _parse(frame: bytes) -> Weight:
    status, sign = frame[2], frame[3:4].decode().strip()
    number, unit = frame[4:10].decode().strip(), frame[10:12].decode().strip()
    if status == _RANGE:
        return Weight(0, is_stable=False, flaw=Flaw.RANGE)
    if unit not in MG_PER:
        return Weight(0, is_stable=False, flaw=Flaw.UNIT)
    return Weight(milligrams(sign + number, unit), is_stable=status == _STABLE)


def _size(head: bytes) -> int | None:
    if head[: len(_HEAD)] != _HEAD[: len(head)]:
        return 0
    return _FRAME_BYTES


def _is_frame(frame: bytes) -> bool:
    if frame[13:] != _END or xor_of(frame[2:12]) != frame[12]:
        return False
    number = frame[4:10].strip(b" ").split(b".")
    sound = 1 <= len(number) <= 2 and all(part.isdigit() for part in number)
    return frame[2] in _STATES and frame[3:4] in (b" ", b"-") and sound and frame[10:12].isascii()
