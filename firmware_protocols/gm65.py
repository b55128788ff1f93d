"""GM65, GM805 and GM812 code scanners on a serial line (or USB as a serial port): codes as lines, settings as zones.

Sources: reference B.7 (frames, CRC-16/CCITT from 0 over what follows the head; `AB CD` stands for "do not check"); the
zone that closes setting codes (0x0003, bit 1) and the bits of the tail (zone 0x0060: bit 0 on, bits 6-5 01 CRLF)
from public drivers of the GM65; the tail of the GM812 (zone 0x000E, 2 CRLF) from its manual. 9600 8N1.
Traps: answers to commands come in between the bytes of codes; a printed code can change every setting
unless that is closed; whatever stands in a code was written by a stranger, also bytes that look like an answer.
"""

from binascii import crc_hqx
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.framing import Pieces, split

ScannerKind = Literal["gm65", "gm805", "gm812"]
LONGEST_CODE_BYTES = 512
IDLE_S = 0.2
"""Silence after which a code counts as whole although no line ended."""
HEAD = b"\x7e\x00"
UNCHECKED = b"\xab\xcd"
_ANSWER, _BEAT_ANSWER = 0x02, 0x03
_LINE_ENDS = b"\r\n"
_PRINTABLE = range(0x20, 0x7F)


class Order(IntEnum):
    """What a scanner can be told."""

    READ = 0x07
    WRITE = 0x08
    SAVE = 0x09
    HEARTBEAT = 0x0A


_ORDERS = frozenset(Order)


class Mode(IntEnum):
    """When it looks for codes: bits 1-0 of zone 0."""

    MANUAL = 0
    COMMAND = 1
    CONTINUOUS = 2
    INDUCTION = 3


@dataclass(frozen=True, slots=True)
class Setting:
    """Some bits of a zone and what they shall be."""

    zone: int
    mask: int
    value: int

    def of(self, present: int) -> int:
        """Return the zone's value with these bits as they shall be."""
        return present & ~self.mask | self.value


@dataclass(frozen=True, slots=True)
class ScannerFacts:
    """What one kind is."""

    name: str
    tail: Setting
    """Lines end with CR LF."""
    closed: Setting | None
    """Printed codes change no setting; None: which zone does that is not known."""
    doubt: str = ""


MODE_ZONE, MODE_MASK = 0x0000, 0b11
_TAIL_60 = Setting(0x0060, 0b0110_0001, 0b0010_0001)
_CLOSED_03 = Setting(0x0003, 0b10, 0b10)
SCANNERS: Mapping[ScannerKind, ScannerFacts] = {
    "gm65": ScannerFacts("GM65", _TAIL_60, _CLOSED_03),
    "gm805": ScannerFacts(
        "GM805", _TAIL_60, _CLOSED_03, doubt="that its zones are those of the GM65"
    ),
    "gm812": ScannerFacts(
        "GM812",
        Setting(0x000E, 0b111, 2),
        None,
        doubt="how setting codes are closed: scan the maker's code for it",
    ),
}


def mode_setting(mode: Mode) -> Setting:
    """Return the setting of a mode; lamps and beeper in the same zone stay as they are."""
    return Setting(MODE_ZONE, MODE_MASK, mode)


@dataclass(frozen=True, slots=True)
class Command:
    """An order to a scanner."""

    order: Order
    zone: int
    data: bytes


def read_zone(zone: int, count: int = 1) -> bytes:
    """Return the frame that asks for `count` zones."""
    return encode(Command(Order.READ, zone, _byte(count)))


def write_zone(zone: int, value: int) -> bytes:
    """Return the frame that sets one zone, until the power goes; see `save`."""
    return encode(Command(Order.WRITE, zone, _byte(value)))


def trigger() -> bytes:
    """Return the frame that starts one look in command mode."""
    return write_zone(0x0002, 1)


def save() -> bytes:
    """Return the frame that keeps the zones beyond the power: a write to flash."""
    return encode(Command(Order.SAVE, 0, b"\x00"))


def heartbeat() -> bytes:
    """Return the frame that asks whether anybody is there; every 10 s is advised."""
    return encode(Command(Order.HEARTBEAT, 0, b"\x00"))


def encode(command: Command) -> bytes:
    """Return the frame with its checksum."""
    if not 0 <= command.zone <= 0xFFFF or not 1 <= len(command.data) <= 0xFF:
        raise RangeError(f"{command} does not fit a frame")
    body = bytes([command.order, len(command.data)]) + command.zone.to_bytes(2, "big")
    return HEAD + _summed(body + command.data)


def commands(stream: bytes) -> Pieces:
    """Split what was sent to a scanner into frames; noise is passed over."""
    return split(stream, _command_size, _is_command)


def parse_command(frame: bytes) -> Command:
    """Return the order of one frame; anything else raises WireError."""
    if len(frame) < 9 or _command_size(frame) != len(frame) or not _is_command(frame):
        raise WireError(f"not a command: {frame.hex(' ')}")
    return Command(Order(frame[2]), int.from_bytes(frame[4:6], "big"), frame[6:-2])


def answer(data: bytes, *, beat: bool = False) -> bytes:
    """Return the frame in which a scanner says `data`; `beat`: to a heartbeat."""
    body = bytes([0x00, len(data)]) + data
    return bytes([_BEAT_ANSWER if beat else _ANSWER, 0x00]) + _summed(body)


@dataclass(frozen=True, slots=True)
class Code:
    """A code that somebody held before the scanner: printable ASCII, and nothing else is certain of it."""

    text: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something was scanned that cannot be for us: too long, or other than printable ASCII."""

    count: int
    """How many bytes; what they were is not kept."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command: the zones read, or 00 for done."""

    data: bytes
    beat: bool = False


Heard = Code | Unreadable | Reply


class Parser:
    """What comes from a scanner, byte by byte: answers are taken out, the rest is lines."""

    def __init__(self) -> None:
        """Start at the beginning of a line."""
        self._line = bytearray()
        self._length = 0
        self._head = b""

    @property
    def pending(self) -> bool:
        """Tell whether something is begun that silence would end."""
        return self._length > 0 or self._head != b""

    def feed(self, data: bytes) -> list[Heard]:
        """Take bytes and return what is whole now."""
        stream, self._head = self._head + data, b""
        found: list[Heard] = []
        place = 0
        while place < len(stream):
            size = _reply_size(stream, place)
            if size is None:
                self._head = stream[place:]
                break
            if size:
                frame = stream[place : place + size]
                found.append(Reply(frame[4:-2], beat=frame[0] == _BEAT_ANSWER))
                place += size
            else:
                found += self._take(stream[place])
                place += 1
        return found

    def idle(self) -> list[Heard]:
        """Say that nothing came for IDLE_S: what is begun is all there will be."""
        begun, self._head = self._head, b""
        return [heard for byte in begun for heard in self._take(byte)] + self._end()

    def _take(self, byte: int) -> list[Heard]:
        if byte in _LINE_ENDS:
            return self._end()
        self._length += 1
        if self._length <= LONGEST_CODE_BYTES:
            self._line.append(byte)
        return []

    def _end(self) -> list[Heard]:
        line, length = bytes(self._line), self._length
        self._line.clear()
        self._length = 0
        if not length:
            return []
        if length > LONGEST_CODE_BYTES or any(byte not in _PRINTABLE for byte in line):
            return [Unreadable(length)]
        return [Code(line.decode("ascii"))]


def _reply_size(stream: bytes, place: int) -> int | None:
    """Return how long the answer is that begins here; 0: none does; None: more bytes are needed."""
    if stream[place] not in (_ANSWER, _BEAT_ANSWER):
        return 0
    head = stream[place + 1 : place + 3]
    if head != b"\x00\x00"[: len(head)]:
        return 0
    if len(stream) < place + 4:
        return None
    size = stream[place + 3] + 6
    if len(stream) < place + size:
        return None
    return size if _is_summed(stream[place + 2 : place + size]) else 0


def _command_size(head: bytes) -> int | None:
    if head[: len(HEAD)] != HEAD[: len(head)]:
        return 0
    if len(head) < 4:
        return None
    return head[3] + 8 if head[2] in _ORDERS and head[3] else 0


def _is_command(frame: bytes) -> bool:
    return frame[-2:] == UNCHECKED or _is_summed(frame[2:])


def _summed(body: bytes) -> bytes:
    return body + crc_hqx(body, 0).to_bytes(2, "big")


def _is_summed(whole: bytes) -> bool:
    return _summed(whole[:-2]) == whole


def _byte(value: int) -> bytes:
    if not 0 <= value <= 0xFF:
        raise RangeError(f"{value} does not fit one byte")
    return bytes([value])
