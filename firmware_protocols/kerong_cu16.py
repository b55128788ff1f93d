"""KERONG KR-CU16 lock board: 16 locks with a hook contact and, if fitted, an infrared beam each.

Sources: jin0949/KR-CU16_locker, a TypeScript module (its layout of nine bytes), CartWise notes.
RS-485, **19200** 8N1 from the factory. Request: 02, address, command, data, 03, low byte of the sum
of all before. The address is board << 4 | lock, both from 0; boards 0..14, F. is everybody. Hook bit
**1 = locked**. Traps: an opening is answered with a status, with "busy", or not at all although the
lock opened; the length of the pulse is a setting of up to 60 s; 33 opens everything. How the answer
to the question for that setting looks (38) is taken from one list of names only.
"""

from dataclasses import dataclass
from enum import IntEnum

from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.framing import Pieces, split, sum_of

UNITS = range(15)
CHANNELS = 16
OWN_PULSE_MS = 500
"""Not the factory's word: a setting, see TIME."""
TICK_MS = 10
MAX_TICKS = 6000
STX, ETX = 0x02, 0x03
EVERYBODY = 0xF0
"""The address that every board answers; never sent by the station."""
_STATUS_BYTES = 9
_TIME_BYTES = 7


class Command(IntEnum):
    """What is asked and (STATUS_SAID, TIME_SAID) answered."""

    STATUS = 0x30
    OPEN = 0x31
    STATUS_OF_ALL = 0x32
    OPEN_ALL = 0x33
    STATUS_SAID = 0x35
    TIME = 0x37
    TIME_SAID = 0x38
    OPEN_LATER = 0x39


_DATA_BYTES = {
    Command.STATUS: (0,),
    Command.OPEN: (0,),
    Command.STATUS_OF_ALL: (0,),
    Command.OPEN_ALL: (0,),
    Command.TIME: (0, 2),
    Command.OPEN_LATER: (1,),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What a board is asked; `lock` is the low half of the address."""

    command: Command
    lock: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a board said: STATUS_SAID with four bytes, or TIME_SAID with two."""

    command: Command
    data: bytes


def open_one(channel: int) -> Request:
    """Return the request that gives one lock the board's own pulse."""
    return Request(Command.OPEN, _lock(channel))


def read_all() -> Request:
    """Return the request for all hooks and beams of a board; see `doors` and `goods`."""
    return Request(Command.STATUS)


def read_pulse() -> Request:
    """Return the request for the length of the board's pulse; see `pulse_ms`."""
    return Request(Command.TIME)


def doors(answer: Answer) -> tuple[bool, ...]:
    """Return whether each door is open (its hook is not locked), channel 0 first."""
    return tuple(not locked for locked in _bits(answer, 0))


def goods(answer: Answer) -> tuple[bool, ...]:
    """Return whether each beam is broken; without beams fitted it means nothing."""
    return _bits(answer, 2)


def pulse_ms(answer: Answer) -> int:
    """Return the length of the board's pulse."""
    if answer.command is not Command.TIME_SAID:
        raise WireError(f"no time in {answer}")
    return int.from_bytes(answer.data, "big") * TICK_MS


def echo_test() -> Request:
    """Return a read for an address that nobody has."""
    return read_all()


def is_read(request: Request) -> bool:
    """Tell whether nothing moves or changes by it, and one board alone answers it."""
    return request in (read_all(), read_pulse())


def patience_s(request: Request) -> float:  # noqa: ARG001 - asked of every protocol
    """Leave it to the settings of the line."""
    return 0.0


def refusal(answer: Answer) -> int | None:  # noqa: ARG001 - asked of every protocol
    """Return None: what a busy board says is not documented, so it counts as silence."""
    return None


def encode(unit: int, request: Request) -> bytes:
    """Return the frame; an address or a length that cannot be raises RangeError."""
    if unit not in UNITS or not 0 <= request.lock < CHANNELS:
        raise RangeError(f"board {unit}, lock {request.lock} is no address")
    if len(request.data) not in _DATA_BYTES.get(request.command, ()):
        raise RangeError(f"{request.command.name} does not carry {len(request.data)} bytes")
    return _closed(bytes([STX, unit << 4 | request.lock, request.command]) + request.data)


def encode_answer(unit: int, answer: Answer) -> bytes:
    """Return the frame in which a board says `answer`."""
    return _closed(bytes([STX, unit << 4, answer.command]) + answer.data)


def parse_request(frame: bytes) -> tuple[int, Request]:
    """Return board and request of one frame; anything else raises WireError."""
    if not _is_request(frame):
        raise WireError(f"not a request: {frame.hex(' ')}")
    return frame[1] >> 4, Request(Command(frame[2]), frame[1] & 0xF, frame[3:-2])


def requests(stream: bytes) -> Pieces:
    """Split what was sent to boards."""
    return split(stream, _request_size, _is_request)


def pick_answer(sent: bytes, received: bytes) -> tuple[bytes, Answer | None]:
    """Return the frame that answers `sent` and what it says; (b"", None) when there is none yet.

    The board, the kind of answer and its length must agree; the lock in its address is not compared, for the
    sources differ in what stands there.
    """
    unit, request = parse_request(sent)
    about_time = request.command is Command.TIME
    said = Command.TIME_SAID if about_time else Command.STATUS_SAID
    size = _TIME_BYTES if about_time else _STATUS_BYTES
    for place in range(len(received) - size + 1):
        frame = received[place : place + size]
        fits = frame[0] == STX and frame[1] >> 4 == unit and frame[2] == said
        if fits and _is_closed(frame):
            return frame, Answer(said, frame[3:-2])
    return b"", None


def _bits(answer: Answer, first: int) -> tuple[bool, ...]:
    if answer.command is not Command.STATUS_SAID or len(answer.data) != _STATUS_BYTES - 5:
        raise WireError(f"no status in {answer}")
    packed = int.from_bytes(answer.data[first : first + 2], "little")
    return tuple(bool(packed >> channel & 1) for channel in range(CHANNELS))


def _request_size(head: bytes) -> int | None:
    if head[0] != STX:
        return 0
    if len(head) < 4:
        return None
    if head[2] not in _DATA_BYTES:
        return 0
    sizes = [5 + count for count in _DATA_BYTES[Command(head[2])]]
    # TIME asks with nothing and sets with two bytes: the end mark says which
    return sizes[0] if head[3] == ETX else sizes[-1]


def _is_request(frame: bytes) -> bool:
    return len(frame) > 3 and _request_size(frame) == len(frame) and _is_closed(frame)


def _is_closed(frame: bytes) -> bool:
    return frame[-2] == ETX and frame[-1] == sum_of(frame[:-1])


def _closed(body: bytes) -> bytes:
    whole = body + bytes([ETX])
    return whole + bytes([sum_of(whole)])


def _lock(channel: int) -> int:
    if not 0 <= channel < CHANNELS:
        raise RangeError(f"channel {channel} is not in 0..{CHANNELS - 1}")
    return channel
