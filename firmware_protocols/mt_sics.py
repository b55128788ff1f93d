"""Mettler Toledo MT-SICS: a scale that answers commands in lines of text.

Source: the commands from reference B.6; the layout of answers (`S S     100.00 g` stable, `S D …` moving,
`S I` not now, `S +` and `S -` out of range, `ES` not understood) is general knowledge: experimental.
8N1, 9600 baud. Only `S S` is a weight that stands still.
"""

from dataclasses import dataclass

from firmware_protocols.errors import WireError
from firmware_protocols.weights import MG_PER, Flaw, Weight, milligrams

NOW = b"SI\r\n"
"""Weigh at once, moving or not."""
STABLE = b"S\r\n"
ZERO = b"Z\r\n"
TARE = b"T\r\n"
LONGEST_LINE_BYTES = 64
_RANGE = ("+", "-")


@dataclass(frozen=True, slots=True)
class Answer:
    """One line: which command it answers, its status letter, and the weight if it carries one."""

    command: str
    status: str
    weight: Weight | None = None


class Parser:
    """Finds lines in what a scale says."""

    def __init__(self) -> None:
        """Start at the beginning of a line."""
        self._line = bytearray()
        self._too_long = False

    @property
    def pending_bytes(self) -> int:
        """Return how much is kept."""
        return len(self._line)

    def feed(self, data: bytes) -> list[Answer]:
        """Take bytes and return the answers that are whole now; other lines are passed over."""
        return [answer for byte in data for answer in self._take(byte)]

    def _take(self, byte: int) -> list[Answer]:
        if byte not in b"\r\n":
            self._too_long = self._too_long or len(self._line) == LONGEST_LINE_BYTES
            if not self._too_long:
                self._line.append(byte)
            return []
        line, bad = bytes(self._line), self._too_long
        self._line.clear()
        self._too_long = False
        try:
            return [] if bad else [parse(line)]
        except WireError:
            return []


def parse(line: bytes) -> Answer:
    """Return what a line says; one that is no answer raises WireError."""
    try:
        words = line.decode("ascii").split()
    except UnicodeDecodeError as error:
        raise WireError("not ASCII") from error
    match words:
        case [("ES" | "ET" | "EL") as error_word]:
            return Answer("", error_word)
        case ["S" | "SI", ("S" | "D") as status, number, unit]:
            return Answer("S", status, _weighed(status, number, unit))
        case ["S" | "SI", "I"]:
            return Answer("S", "I", Weight(0, is_stable=False, flaw=Flaw.BUSY))
        case ["S" | "SI", status] if status in _RANGE:
            return Answer("S", status, Weight(0, is_stable=False, flaw=Flaw.RANGE))
        case [("Z" | "T") as command, ("A" | "I" | "S" | "D" | "+" | "-") as status, *_]:
            return Answer(command, status)
        case _:
            raise WireError("not an answer")


def encode(weight: Weight) -> bytes:
    """Return the line in which a scale says `weight` in grams."""
    if weight.flaw in (Flaw.RANGE, Flaw.BUSY):
        return b"S +\r\n" if weight.flaw is Flaw.RANGE else b"S I\r\n"
    status = b"S" if weight.is_stable else b"D"
    unit = b"lb" if weight.flaw is Flaw.UNIT else b"g"
    return b"S %s %10.2f %s\r\n" % (status, weight.gross_mg / 1000, unit)


def _weighed(status: str, number: str, unit: str) -> Weight:
    if unit not in MG_PER:
        return Weight(0, is_stable=False, flaw=Flaw.UNIT)
    return Weight(milligrams(number, unit), is_stable=status == "S")
