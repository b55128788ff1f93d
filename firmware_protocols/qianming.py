"""千鸣 (QianMing) lock board: up to 16 boxes with a door contact and a goods sensor each. Experimental.

Source: RepentanceYYY/smart-locker QianMingLockDevice.java. RS-485; the speed is not written
anywhere, 9600 is a guess. Frame: 5A, function, data, XOR of all before. Boxes are numbered through
all boards of a line; a board's first box is its address here, and a question about any of its boxes
is answered for all of them. Door bit 1 = open, goods bit 1 = something lies there. Traps: the XOR
cannot tell where a frame ends, the function must; the answer to an opening names no box, so after
a silence the line must rest; function 23 (the range of a board) waits for a button on the board.
"""

from dataclasses import dataclass
from enum import IntEnum

from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.framing import Pieces, split, xor_of
from firmware_protocols.modbus_pdu import bits

UNITS = range(1, 248)
CHANNELS = 16
OWN_PULSE_MS = 500
"""Not documented."""
HEAD = 0x5A
ANSWER_BIT = 0x80
_SHORT_ANSWER_BYTES = 4
_BITS_HEAD_BYTES = 6


class Function(IntEnum):
    """What a board can be asked."""

    OPEN = 0x21
    DOORS = 0x22
    RANGE = 0x23
    GOODS = 0x25


_DATA_BYTES = {Function.OPEN: 2, Function.DOORS: 2, Function.RANGE: 4, Function.GOODS: 2}
_READS = frozenset({Function.DOORS, Function.GOODS})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a box (its address on the line); RANGE carries the last box of the board too."""

    function: Function
    last_box: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`result` of an opening or a range (0 = done), or the bits of the boxes from `first_box` on."""

    function: Function
    result: int = 0
    first_box: int = 0
    states: tuple[bool, ...] = ()


def open_box() -> Request:
    """Return the request that gives the lock of the box it is sent to the board's own pulse."""
    return Request(Function.OPEN)


def read_doors() -> Request:
    """Return the request for the doors of the board that has the box; see `of_boxes`."""
    return Request(Function.DOORS)


def read_goods() -> Request:
    """Return the request for the goods sensors of the board that has the box; see `of_boxes`."""
    return Request(Function.GOODS)


def of_boxes(answer: Answer, first_box: int) -> tuple[bool | None, ...]:
    """Return the states of 16 boxes from `first_box` on; None for a box that the board does not have."""
    if answer.function not in _READS:
        raise WireError(f"no states in {answer}")
    said = dict(enumerate(answer.states, answer.first_box))
    return tuple(said.get(box) for box in range(first_box, first_box + CHANNELS))


def echo_test() -> Request:
    """Return a read for a box that nobody has."""
    return read_doors()


def is_read(request: Request) -> bool:
    """Tell whether nothing moves or changes by it."""
    return request.function in _READS


def patience_s(request: Request) -> float:  # noqa: ARG001 - asked of every protocol
    """Leave it to the settings of the line."""
    return 0.0


def refusal(answer: Answer) -> int | None:
    """Return the board's reason when it did not obey."""
    return answer.result or None


def encode(unit: int, request: Request) -> bytes:
    """Return the frame to box `unit`; a box that does not fit raises RangeError."""
    boxes = (unit,) if request.last_box is None else (unit, request.last_box)
    if (request.function is Function.RANGE) is not (len(boxes) == 2):
        raise RangeError(f"{request} names {len(boxes)} boxes")
    if any(not 0 < box <= 0xFFFF for box in boxes):
        raise RangeError(f"boxes {boxes} are not in 1..65535")
    return _closed(request.function, b"".join(box.to_bytes(2, "big") for box in boxes))


def encode_answer(answer: Answer) -> bytes:
    """Return the frame in which a board says `answer`."""
    function = answer.function | ANSWER_BIT
    if answer.function not in _READS:
        return _closed(function, bytes([answer.result]))
    last_box = answer.first_box + len(answer.states) - 1
    packed = sum(state << place for place, state in enumerate(answer.states))
    size = (len(answer.states) + 7) // 8
    head = answer.first_box.to_bytes(2, "big") + last_box.to_bytes(2, "big")
    return _closed(function, head + packed.to_bytes(size, "little"))


def parse_request(frame: bytes) -> tuple[int, Request]:
    """Return box and request of one frame; anything else raises WireError."""
    if not _is_request(frame):
        raise WireError(f"not a request: {frame.hex(' ')}")
    function, box = Function(frame[1]), int.from_bytes(frame[2:4], "big")
    last_box = int.from_bytes(frame[4:6], "big") if function is Function.RANGE else None
    return box, Request(function, last_box)


def requests(stream: bytes) -> Pieces:
    """Split what was sent to boards."""
    return split(stream, _request_size, _is_request)


def pick_answer(sent: bytes, received: bytes) -> tuple[bytes, Answer | None]:
    """Return the frame that answers `sent` and what it says; (b"", None) when there is none yet.

    The function must agree, and the box that was asked about must be among those answered for.
    """
    box, request = parse_request(sent)
    head = bytes([HEAD, request.function | ANSWER_BIT])
    for place in range(len(received)):
        if not received.startswith(head, place):
            continue
        frame = received[place : place + _answer_size(received[place:])]
        if len(frame) < _SHORT_ANSWER_BYTES or xor_of(frame):
            continue
        answer = _answer(request.function, frame)
        first, count = answer.first_box, len(answer.states)
        if request.function not in _READS or first <= box < first + count:
            return frame, answer
    return b"", None


def _answer(function: Function, frame: bytes) -> Answer:
    if function not in _READS:
        return Answer(function, result=frame[2])
    first, last = _boxes(frame)
    return Answer(
        function, first_box=first, states=bits(frame[_BITS_HEAD_BYTES:-1], last - first + 1)
    )


def _answer_size(head: bytes) -> int:
    """Return how long the answer that begins with `head` is; 0: that cannot be told yet, or not at all."""
    if head[1] & ~ANSWER_BIT not in _READS:
        return _SHORT_ANSWER_BYTES
    if len(head) < _BITS_HEAD_BYTES:
        return 0
    first, last = _boxes(head)
    if not 0 <= last - first < 0x100:
        return 0
    size = _BITS_HEAD_BYTES + (last - first + 8) // 8 + 1
    return size if len(head) >= size else 0


def _boxes(frame: bytes) -> tuple[int, int]:
    return int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")


def _request_size(head: bytes) -> int | None:
    if head[0] != HEAD:
        return 0
    if len(head) < 2:
        return None
    return 3 + _DATA_BYTES[Function(head[1])] if head[1] in _DATA_BYTES else 0


def _is_request(frame: bytes) -> bool:
    return len(frame) > 2 and _request_size(frame) == len(frame) and not xor_of(frame)


def _closed(function: int, data: bytes) -> bytes:
    frame = bytes([HEAD, function]) + data
    return frame + bytes([xor_of(frame)])
