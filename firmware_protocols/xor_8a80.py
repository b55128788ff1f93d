"""The generic 8A/80 lock board (锁控板): up to 24 locks, a pulse and a contact each.

Source: qiwenming/QwmLockDemo README (= CSDN 50717517). RS-485, 9600 8N1, board 01..C8 by eight DIP
switches (SW1 lowest bit). Requests are 5 bytes, the last is the XOR of the others; locks count from
1 on the wire, from 0 here. Traps: the answer to an opening comes about a second later, says open
(11) or still shut (00) and, when open, is byte for byte the request, so an adapter that echoes
makes a dead board look obedient; the answers to the two status reads share a head and differ in
length; lock 00 means all locks, and an opening of it is never sent. That a set bit in the status of
all locks means open follows the rule for a single lock but is not documented: try it.
"""

from dataclasses import dataclass
from enum import IntEnum

from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.framing import Pieces, split, xor_of

UNITS = range(1, 0xC9)
CHANNELS = 24
OWN_PULSE_MS = 500
"""Not documented; what such boards are sold with."""
ANSWERS_AFTER_S = 1.0
OPEN_DOOR, SHUT_DOOR = 0x11, 0x00
ALL = 0
_OPEN_HEAD, _READ_HEAD = 0x8A, 0x80
_REQUEST_BYTES = 5
_STATES = frozenset({bytes([OPEN_DOOR]), bytes([SHUT_DOOR])})
_ALL_BYTES = 4


class Command(IntEnum):
    """What a board can be told, by the fourth byte of the request."""

    OPEN = 0x11
    READ = 0x33
    ADDRESS = 0x99
    """Asks every board on the wire for its address: for one board alone, never sent by the station."""


_HEADS = {Command.OPEN: _OPEN_HEAD, Command.READ: _READ_HEAD, Command.ADDRESS: _READ_HEAD}


@dataclass(frozen=True, slots=True)
class Request:
    """What a board is asked; `lock` as on the wire, 0 is all."""

    command: Command
    lock: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a board said about `lock`: one state, or four bytes of bits for all."""

    command: Command
    lock: int
    state: bytes


def open_one(channel: int) -> Request:
    """Return the request that gives one lock the board's own pulse."""
    return Request(Command.OPEN, _wire_lock(channel))


def read_one(channel: int) -> Request:
    """Return the request for one contact; see `contact`."""
    return Request(Command.READ, _wire_lock(channel))


def read_all() -> Request:
    """Return the request for all contacts; see `contacts`."""
    return Request(Command.READ, ALL)


def contact(answer: Answer) -> bool:
    """Return whether the door of an answer about one lock is open."""
    if answer.lock == ALL or answer.state not in _STATES:
        raise WireError(f"no contact in {answer}")
    return answer.state == bytes([OPEN_DOOR])


def contacts(answer: Answer) -> tuple[bool, ...]:
    """Return whether each of 24 doors is open, channel 0 first: bit 0 of the last byte is lock 1."""
    if answer.lock != ALL or len(answer.state) != _ALL_BYTES:
        raise WireError(f"not all contacts: {answer}")
    packed = int.from_bytes(answer.state, "big")
    return tuple(bool(packed >> channel & 1) for channel in range(CHANNELS))


def echo_test() -> Request:
    """Return a read for an address that nobody has."""
    return read_one(0)


def is_read(request: Request) -> bool:
    """Tell whether nothing moves by it and one board alone answers it."""
    return request.command is Command.READ


def patience_s(request: Request) -> float:
    """Return how long a sound board takes at most: the answer to an opening comes after a second."""
    return 1.5 if request.command is Command.OPEN else 0.0


def refusal(answer: Answer) -> int | None:  # noqa: ARG001 - asked of every protocol
    """Return None: the board has no way to say no."""
    return None


def encode(unit: int, request: Request) -> bytes:
    """Return the frame; an address or a lock that no board has raises RangeError."""
    if unit not in UNITS:
        raise RangeError(f"board {unit} is not in 1..{UNITS[-1]}")
    if not 0 <= request.lock <= CHANNELS:
        raise RangeError(f"lock {request.lock} is not in 0..{CHANNELS}")
    return _closed(bytes([_HEADS[request.command], unit, request.lock, request.command]))


def encode_answer(unit: int, answer: Answer) -> bytes:
    """Return the frame in which a board says `answer`; the states of all locks carry a tail of their own."""
    tail = bytes([Command.READ]) if answer.lock == ALL else b""
    middle = b"" if answer.lock == ALL else bytes([answer.lock])
    return _closed(bytes([_HEADS[answer.command], unit]) + middle + answer.state + tail)


def parse_request(frame: bytes) -> tuple[int, Request]:
    """Return board and request of one frame; anything else raises WireError."""
    if not _is_request(frame):
        raise WireError(f"not a request: {frame.hex(' ')}")
    return frame[1], Request(Command(frame[3]), frame[2])


def requests(stream: bytes) -> Pieces:
    """Split what was sent to boards."""
    return split(stream, _request_size, _is_request)


def pick_answer(sent: bytes, received: bytes) -> tuple[bytes, Answer | None]:
    """Return the frame that answers `sent` and what it says; (b"", None) when there is none yet.

    Head, board and lock must agree; the length follows from the request.
    """
    unit, request = parse_request(sent)
    wants_all = request.lock == ALL
    head = bytes([_HEADS[request.command], unit]) + (b"" if wants_all else bytes([request.lock]))
    size = len(head) + (_ALL_BYTES + 2 if wants_all else 2)
    for place in range(len(received) - size + 1):
        frame = received[place : place + size]
        state = frame[len(head) : len(head) + (_ALL_BYTES if wants_all else 1)]
        fits = frame[-2] == Command.READ if wants_all else state in _STATES
        if frame.startswith(head) and fits and not xor_of(frame):
            return frame, Answer(request.command, request.lock, state)
    return b"", None


def _is_request(frame: bytes) -> bool:
    if len(frame) != _REQUEST_BYTES or xor_of(frame):
        return False
    return any(frame[0] == head and frame[3] == command for command, head in _HEADS.items())


def _request_size(head: bytes) -> int:
    return _REQUEST_BYTES if head[0] in (_OPEN_HEAD, _READ_HEAD) else 0


def _closed(body: bytes) -> bytes:
    return body + bytes([xor_of(body)])


def _wire_lock(channel: int) -> int:
    if not 0 <= channel < CHANNELS:
        raise RangeError(f"channel {channel} is not in 0..{CHANNELS - 1}")
    return channel + 1
