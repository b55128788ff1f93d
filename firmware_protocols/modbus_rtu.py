"""Modbus RTU frames: unit, message, CRC; splitting a stream of bytes into frames, leftovers kept.

Source: "MODBUS over Serial Line V1.02" 2.5.1. Silence (t3.5) also ends a frame; silence is time, so
it is the caller's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from firmware_protocols import modbus_pdu
from firmware_protocols.crc import CRC_BYTES, crc_ok, with_crc
from firmware_protocols.errors import RangeError, WireError

BROADCAST = 0
LAST_UNIT = 247
MIN_FRAME_BYTES = 4
MAX_FRAME_BYTES = 256
_SPEC_CHARACTER_BITS = 11
_FIXED_GAP_S = 0.00175
_FIXED_GAP_FROM_BAUD = 19200


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame whose CRC was right; `pdu` is the message without unit and CRC."""

    unit: int
    pdu: bytes

    @property
    def function(self) -> int:
        """Return the function code without the exception bit."""
        return self.pdu[0] & ~modbus_pdu.EXCEPTION_BIT

    @property
    def is_exception(self) -> bool:
        """Tell whether a device refused."""
        return bool(self.pdu[0] & modbus_pdu.EXCEPTION_BIT)

    def encode(self) -> bytes:
        """Return the bytes on the wire."""
        return encode(self.unit, self.pdu)


@dataclass(frozen=True, slots=True)
class Split:
    """Frames found, the bytes that may be the head of the next one.

    And how many bytes were noise.
    """

    frames: tuple[Frame, ...]
    rest: bytes
    noise_bytes: int


def frame_gap_s(baud: int) -> float:
    """Return t3.5 in seconds: 3.5 characters of 11 bits, 1.75 ms from 19200 baud up."""
    if baud > _FIXED_GAP_FROM_BAUD:
        return _FIXED_GAP_S
    return 3.5 * _SPEC_CHARACTER_BITS / baud


def encode(unit: int, pdu: bytes) -> bytes:
    """Return the frame.

    Unit outside 0..255 or a message that is empty or too long raises RangeError.
    """
    if not 0 <= unit <= 0xFF:
        raise RangeError(f"unit {unit} is not in 0..255")
    if not 0 < len(pdu) <= modbus_pdu.MAX_PDU_BYTES:
        raise RangeError(f"{len(pdu)} bytes are no message")
    return with_crc(bytes([unit]) + pdu)


def decode(frame: bytes) -> Frame:
    """Return the one frame that `frame` is; too short or wrong CRC raises WireError."""
    if len(frame) < MIN_FRAME_BYTES or not crc_ok(frame):
        raise WireError(f"not a frame: {frame.hex(' ')}")
    return Frame(frame[0], frame[1:-CRC_BYTES])


def split_requests(stream: bytes) -> Split:
    """Split what a client sent.

    Noise before, between and behind is skipped, an unfinished head is kept.
    """
    return _split(stream, modbus_pdu.request_bytes)


def split_replies(stream: bytes) -> Split:
    """Split what devices sent.

    Noise before, between and behind is skipped, an unfinished head is kept.
    """
    return _split(stream, modbus_pdu.reply_bytes)


def pick_reply(request: bytes, received: bytes) -> bytes:
    """Return the frame in `received` that answers the frame `request`.

    Or b"" when there is none (yet).

    Unit, function, address, value and count must agree, so a late answer to an older request is
    passed over. A local echo of a read is passed over too; the echo of a write *is* its reply:
    strip it before.
    """
    asked = decode(request)
    wanted = modbus_pdu.parse_request(asked.pdu)
    for start in range(len(received)):
        try:
            size = modbus_pdu.reply_bytes(received[start + 1 :])
        except WireError:
            continue
        whole = received[start : start + 1 + (size or 0) + CRC_BYTES]
        if (
            size is None
            or received[start] != asked.unit
            or len(whole) != size + 1 + CRC_BYTES
            or not crc_ok(whole)
        ):
            continue
        if modbus_pdu.answers(wanted, modbus_pdu.parse_reply(whole[1:-CRC_BYTES])):
            return whole
    return b""


def _split(stream: bytes, pdu_bytes: Callable[[bytes], int | None]) -> Split:
    frames: list[Frame] = []
    done = noise = 0
    keep: int | None = None  # the first place where an unfinished frame may begin
    place = 0
    while place < len(stream):
        size, open_end = _frame_at(stream, place, pdu_bytes, within=keep is not None)
        if size:
            frames.append(Frame(stream[place], stream[place + 1 : place + size - CRC_BYTES]))
            noise += place - done
            done = place = place + size
            keep = None
            continue
        if open_end and keep is None:
            keep = place
        place += 1
    rest_from = len(stream) if keep is None else keep
    rest_from = max(rest_from, len(stream) - MAX_FRAME_BYTES)
    return Split(tuple(frames), stream[rest_from:], noise + rest_from - done)


def _frame_at(
    stream: bytes, place: int, pdu_bytes: Callable[[bytes], int | None], *, within: bool
) -> tuple[int, bool]:
    """Return the length of the frame that begins here (or 0), and whether more bytes could make one.

    `within`: an unfinished frame may already have begun before `place`.
    """
    try:
        size = pdu_bytes(stream[place + 1 : place + MAX_FRAME_BYTES])
    except WireError:
        # A function we do not know has no known length: it must fill the burst. Inside another
        # frame's first bytes that would be a CRC met by chance (one tail in 65,536), so not there.
        whole = stream[place:]
        fills = MIN_FRAME_BYTES <= len(whole) <= MAX_FRAME_BYTES and crc_ok(whole)
        return (len(whole) if fills and not within else 0), False
    if size is None:
        return 0, True
    end = place + 1 + size + CRC_BYTES
    if end > len(stream):
        return 0, True
    return (end - place, False) if crc_ok(stream[place:end]) else (0, False)
