"""ESC/POS receipt printers: lines of text out, one byte of status back.

Source: reference B.9 (`10 04 n` asks: 1 printer, 2 why off-line, 3 error, 4 paper; `1B 40` begins anew); the bits
of the answers (bits 7 and 0 are 0, 4 and 1 are 1) and `1D 56 01` (partial cut) are the general ones of ESC/POS.
Traps: an answer does not say which question it answers, so only one is asked at a time; a printer without paper keeps
what it was told and prints it later; text may carry bytes that are commands, so nothing but text is ever passed on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Literal

from firmware_protocols.errors import WireError

BEGIN = b"\x1b@"
CUT = b"\x1dV\x01"
_ASK = b"\x10\x04"
_FEED_LINES = 4
"""So that the last line is past the edge where the paper is torn."""
_FIXED, _FIXED_VALUE = 0b1001_0011, 0b0001_0010
Encoding = Literal["gb18030", "cp437"]


class Question(IntEnum):
    """What may be asked."""

    PRINTER = 1
    OFF_LINE = 2
    ERROR = 3
    PAPER = 4


QUESTIONS: Sequence[Question] = tuple(Question)


class Paper(StrEnum):
    """What the paper sensor says."""

    OK = "ok"
    LOW = "low"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Status:
    """All four answers together."""

    is_off_line: bool
    is_cover_open: bool
    has_error: bool
    paper: Paper

    @property
    def can_print(self) -> bool:
        """Tell whether what is sent now comes out now."""
        return not (
            self.is_off_line or self.is_cover_open or self.has_error or self.paper is Paper.OUT
        )


def ask(question: Question) -> bytes:
    """Return the request; it is answered at once, also while a receipt is printed."""
    return _ASK + bytes([question])


def is_answer(byte: int) -> bool:
    """Tell whether a byte can be an answer at all."""
    return byte & _FIXED == _FIXED_VALUE


def status(answers: Sequence[int]) -> Status:
    """Return what the answers to QUESTIONS, in that order, mean; a byte that is no answer raises WireError."""
    if len(answers) != len(QUESTIONS) or not all(map(is_answer, answers)):
        raise WireError("not four answers of a printer")
    printer, off_line, error, paper = answers
    is_out = paper & 0b0110_0000 or off_line & 0b0010_0000
    return Status(
        is_off_line=bool(printer & 0b1000),
        is_cover_open=bool(off_line & 0b100),
        has_error=bool(off_line & 0b0100_0000 or error & 0b0110_1000),
        paper=Paper.OUT if is_out else Paper.LOW if paper & 0b1100 else Paper.OK,
    )


def answers(of: Status) -> bytes:
    """Return the four bytes in which a printer says its status."""
    paper = {Paper.OK: 0, Paper.LOW: 0b0000_1100, Paper.OUT: 0b0110_1100}[of.paper]
    off_line = 0b100 * of.is_cover_open | 0b0010_0000 * (of.paper is Paper.OUT)
    bits = (
        0b1000 * (not of.can_print),
        off_line | 0b0100_0000 * of.has_error,
        0b0010_0000 * of.has_error,
        paper,
    )
    return bytes(_FIXED_VALUE | one for one in bits)


def receipt(lines: Iterable[str], *, encoding: Encoding, cut: bool) -> bytes:
    """Return what prints `lines`; signs that are no text or not in `encoding` become a question mark."""
    text = "\n".join(_plain(line) for line in lines).encode(encoding, errors="replace")
    return BEGIN + text + b"\n" * (1 + _FEED_LINES) + (CUT if cut else b"")


def _plain(line: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in line)
