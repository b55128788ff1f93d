"""WKLY lock board (云川智能): up to 24 locks with a pulse of the board's own, a contact and an LED per channel.

Sources: junerver/LockDemo LockCtlBoardCmdHelper.java, Artcen-Design/Arcen-Locker. RS-485, 9600 8N1.
Frame: 57 4B 4C 59, length of the whole frame, board 0..31, command, data, XOR of every byte before it
(header included; that it covers the payload alone is true only of 9-byte frames). Channels count
from 1 on the wire, from 0 here. Contact: 00 open, 01 shut, FF error. Traps: command 85 (a door
moved) comes unasked, also between a request and its answer; some boards never answer 82, so only
the contact says that a door is open; 88 keeps a coil under current for ever and is never sent.
"""

from dataclasses import dataclass
from enum import IntEnum

from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.framing import Pieces, split, xor_of

HEADER = b"\x57\x4b\x4c\x59"
UNITS = range(32)
CHANNELS = 24
OWN_PULSE_MS = 350
OK, FAILED = 0x00, 0xFF
OPEN_DOOR, SHUT_DOOR, BAD_CONTACT = 0x00, 0x01, 0xFF
_STATES = frozenset({OPEN_DOOR, SHUT_DOOR, BAD_CONTACT})
"""An XOR lets two flipped bits pass; a value that no contact has gives them away."""
_HEAD_BYTES = 7
_SHORTEST = 8
_LONGEST = _SHORTEST + 2 + CHANNELS


class Command(IntEnum):
    """What a board can be told; those that move more than one lock, or for ever, are known to be refused."""

    OPEN_TOGETHER = 0x80
    BLINK = 0x81
    OPEN = 0x82
    READ = 0x83
    READ_ALL = 0x84
    MOVED = 0x85
    OPEN_ALL = 0x86
    OPEN_IN_TURN = 0x87
    KEEP_ON = 0x88
    KEEP_OFF = 0x89


READS = frozenset({Command.READ, Command.READ_ALL})
_PATIENCE_S = {Command.OPEN: 0.7, Command.READ_ALL: 0.4}
_DEFAULT_PATIENCE_S = 0.2
_DATA_BYTES = {Command.BLINK: 2, Command.OPEN: 3, Command.READ: 3}


@dataclass(frozen=True, slots=True)
class Request:
    """What a board is asked; `data` as on the wire."""

    command: Command
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a board said, asked or (MOVED) not."""

    command: Command
    data: bytes


def open_one(channel: int) -> Request:
    """Return the request that gives one lock the board's own pulse."""
    return Request(Command.OPEN, _wire_channel(channel))


def read_one(channel: int) -> Request:
    """Return the request for one contact; see `contact`."""
    return Request(Command.READ, _wire_channel(channel))


def read_all() -> Request:
    """Return the request for all contacts; see `contacts`."""
    return Request(Command.READ_ALL)


def blink(channel: int) -> Request:
    """Return the request that lets the LED of a channel blink."""
    return Request(Command.BLINK, _wire_channel(channel))


def contact(answer: Answer) -> bool | None:
    """Return whether the door of an OPEN, READ or MOVED answer is open; None: the board cannot tell."""
    if answer.command not in (Command.OPEN, Command.READ, Command.MOVED) or not answer.data:
        raise WireError(f"no contact in {answer}")
    return _is_open(answer.data[-1])


def contacts(answer: Answer) -> tuple[bool | None, ...]:
    """Return whether each door is open, channel 0 first; fewer than 24 when the board has fewer."""
    if answer.command is not Command.READ_ALL or not _fits(Request(Command.READ_ALL), answer):
        raise WireError(f"not all contacts: {answer}")
    return tuple(map(_is_open, answer.data[2:]))


def echo_test() -> Request:
    """Return a read for an address that nobody has."""
    return read_all()


def is_read(request: Request) -> bool:
    """Tell whether nothing moves by it."""
    return request.command in READS


def patience_s(request: Request) -> float:
    """Return how long a sound board takes at most (LockDemo's table)."""
    return _PATIENCE_S.get(request.command, _DEFAULT_PATIENCE_S)


def refusal(answer: Answer) -> int | None:
    """Return FF when the board says that it did not do it."""
    return FAILED if answer.data[:1] == bytes([FAILED]) else None


def encode(unit: int, request: Request | Answer) -> bytes:
    """Return the frame; an address that no board has, or too much data, raises RangeError."""
    if unit not in UNITS:
        raise RangeError(f"board {unit} is not in 0..{UNITS[-1]}")
    size = _SHORTEST + len(request.data)
    if size > _LONGEST:
        raise RangeError(f"{len(request.data)} bytes do not fit one frame")
    frame = HEADER + bytes([size, unit, request.command]) + request.data
    return frame + bytes([xor_of(frame)])


def parse_request(frame: bytes) -> tuple[int, Request]:
    """Return board and request of one frame; anything else raises WireError."""
    unit, command, data = _parse(frame)
    return unit, Request(command, data)


def parse_answer(frame: bytes) -> tuple[int, Answer]:
    """Return board and answer of one frame; anything else raises WireError."""
    unit, command, data = _parse(frame)
    return unit, Answer(command, data)


def frames(stream: bytes) -> Pieces:
    """Split a stream, of either direction, into frames."""
    return split(stream, _size, lambda whole: xor_of(whole) == 0)


def pick_answer(sent: bytes, received: bytes) -> tuple[bytes, Answer | None]:
    """Return the frame that answers `sent` and what it says; (b"", None) when there is none yet.

    Board, command, channel and length must agree; a door that moved meanwhile is passed over.
    """
    unit, request = parse_request(sent)
    for frame in frames(received).frames:
        try:
            said_by, answer = parse_answer(frame)
        except WireError:
            continue
        if said_by == unit and _fits(request, answer):
            return frame, answer
    return b"", None


def _fits(request: Request, answer: Answer) -> bool:
    if answer.command is not request.command or answer.data[:1] not in (b"\x00", b"\xff"):
        return False
    if answer.command is Command.READ_ALL:
        whole = len(answer.data) >= 2 and len(answer.data) == 2 + answer.data[1]
        return whole and _STATES.issuperset(answer.data[2:])
    same_channel = answer.data[1:2] == request.data
    states = answer.data[2:]
    whole = len(answer.data) == _DATA_BYTES.get(answer.command, 0)
    return same_channel and whole and _STATES.issuperset(states)


def _parse(frame: bytes) -> tuple[int, Command, bytes]:
    if len(frame) < _SHORTEST or _size(frame) != len(frame) or xor_of(frame):
        raise WireError(f"not a frame: {frame.hex(' ')}")
    try:
        command = Command(frame[6])
    except ValueError:
        raise WireError(f"unknown command 0x{frame[6]:02X}") from None
    return frame[5], command, frame[_HEAD_BYTES:-1]


def _size(head: bytes) -> int | None:
    if not HEADER.startswith(head[: len(HEADER)]):
        return 0
    if len(head) <= len(HEADER):
        return None
    return head[len(HEADER)] if _SHORTEST <= head[len(HEADER)] <= _LONGEST else 0


def _wire_channel(channel: int) -> bytes:
    if not 0 <= channel < CHANNELS:
        raise RangeError(f"channel {channel} is not in 0..{CHANNELS - 1}")
    return bytes([channel + 1])


def _is_open(value: int) -> bool | None:
    return {OPEN_DOOR: True, SHUT_DOOR: False}.get(value)
