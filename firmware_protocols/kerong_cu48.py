"""KERONG CU48 lock board: 48 locks with a hook contact each. Experimental: one TypeScript module is the only source.

RS-485; 19200 8N1 is assumed from the CU16. Request: 02, address, lock, command, 03, low byte of the
sum of all before. Status is answered with 02, address, 00, 75, 06, six bytes of bits (1 = locked,
lock 0 is bit 0 of the first), sum; an opening with 02, address, lock, 75, one byte, sum.
"""

from dataclasses import dataclass
from enum import IntEnum

from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.framing import Pieces, split, sum_of

UNITS = range(248)
CHANNELS = 48
OWN_PULSE_MS = 500
"""Not documented."""
STX, ETX, SUCCESS = 0x02, 0x03, 0x75
_REQUEST_BYTES = 6
_STATE_BYTES = CHANNELS // 8
_STATUS_BYTES = 5 + _STATE_BYTES + 1


class Command(IntEnum):
    """What a board can be asked."""

    STATUS = 0x60
    OPEN = 0x61


@dataclass(frozen=True, slots=True)
class Request:
    """What a board is asked."""

    command: Command
    lock: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a board said: six bytes of bits to STATUS, one byte that is not looked at to OPEN."""

    command: Command
    lock: int
    data: bytes


def open_one(channel: int) -> Request:
    """Return the request that gives one lock the board's own pulse."""
    if not 0 <= channel < CHANNELS:
        raise RangeError(f"channel {channel} is not in 0..{CHANNELS - 1}")
    return Request(Command.OPEN, channel)


def read_all() -> Request:
    """Return the request for all hooks; see `doors`."""
    return Request(Command.STATUS, 0)


def doors(answer: Answer) -> tuple[bool, ...]:
    """Return whether each door is open (its hook is not locked), channel 0 first."""
    if answer.command is not Command.STATUS or len(answer.data) != _STATE_BYTES:
        raise WireError(f"no status in {answer}")
    packed = int.from_bytes(answer.data, "little")
    return tuple(not packed >> channel & 1 for channel in range(CHANNELS))


def echo_test() -> Request:
    """Return a read for an address that nobody has."""
    return read_all()


def is_read(request: Request) -> bool:
    """Tell whether nothing moves by it."""
    return request.command is Command.STATUS


def patience_s(request: Request) -> float:  # noqa: ARG001 - asked of every protocol
    """Leave it to the settings of the line."""
    return 0.0


def refusal(answer: Answer) -> int | None:  # noqa: ARG001 - asked of every protocol
    """Return None: only success is documented, the rest counts as silence."""
    return None


def encode(unit: int, request: Request) -> bytes:
    """Return the frame; an address or a lock that cannot be raises RangeError."""
    if unit not in UNITS or not 0 <= request.lock < CHANNELS:
        raise RangeError(f"board {unit}, lock {request.lock} is no address")
    return _closed(bytes([STX, unit, request.lock, request.command, ETX]))


def encode_answer(unit: int, answer: Answer) -> bytes:
    """Return the frame in which a board says `answer`."""
    count = bytes([_STATE_BYTES]) if answer.command is Command.STATUS else b""
    return _closed(bytes([STX, unit, answer.lock, SUCCESS]) + count + answer.data)


def parse_request(frame: bytes) -> tuple[int, Request]:
    """Return board and request of one frame; anything else raises WireError."""
    if len(frame) != _REQUEST_BYTES or not _is_request(frame):
        raise WireError(f"not a request: {frame.hex(' ')}")
    return frame[1], Request(Command(frame[3]), frame[2])


def requests(stream: bytes) -> Pieces:
    """Split what was sent to boards."""
    return split(stream, lambda head: _REQUEST_BYTES if head[0] == STX else 0, _is_request)


def pick_answer(sent: bytes, received: bytes) -> tuple[bytes, Answer | None]:
    """Return the frame that answers `sent` and what it says; (b"", None) when there is none yet."""
    unit, request = parse_request(sent)
    wants_all = request.command is Command.STATUS
    head = bytes([STX, unit, request.lock, SUCCESS]) + (bytes([_STATE_BYTES]) if wants_all else b"")
    size = _STATUS_BYTES if wants_all else _REQUEST_BYTES
    for place in range(len(received) - size + 1):
        frame = received[place : place + size]
        if frame.startswith(head) and frame[-1] == sum_of(frame[:-1]):
            return frame, Answer(request.command, request.lock, frame[len(head) : -1])
    return b"", None


def _is_request(frame: bytes) -> bool:
    known = frame[3] in tuple(Command) and frame[4] == ETX
    return known and frame[-1] == sum_of(frame[:-1])


def _closed(body: bytes) -> bytes:
    return body + bytes([sum_of(body)])
