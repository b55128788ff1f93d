"""A simulated receipt printer: answers at once, and keeps what it cannot print for later."""

from device_sim.board import Answer
from firmware_protocols import escpos as wire
from firmware_protocols.escpos import Paper, Status

ANSWERS_S = 0.005
_ASK_BYTES = 3


class PrinterDevice:
    """One printer with a roll of paper."""

    unit = -1
    """Alone on its line: it has no address that a fault could name."""

    def __init__(self) -> None:
        """Be ready."""
        self.status = Status(
            is_off_line=False, is_cover_open=False, has_error=False, paper=Paper.OK
        )
        self.printed = b""
        self._heard = self._kept = b""

    def feed(self, data: bytes, at_s: float) -> list[Answer]:  # noqa: ARG002 - it has no clock
        """Answer questions wherever they stand, print the rest or keep it."""
        self._heard += data
        said: list[Answer] = []
        while (place := self._heard.find(b"\x10\x04")) >= 0:
            if len(self._heard) < place + _ASK_BYTES:
                return said
            number = self._heard[place + 2]
            self._kept += self._heard[:place]
            self._heard = self._heard[place + _ASK_BYTES :]
            if number in range(1, 5):
                said.append(Answer(ANSWERS_S, wire.answers(self.status)[number - 1 : number]))
        whole = len(self._heard) - self._heard.endswith(b"\x10")
        self._kept, self._heard = self._kept + self._heard[:whole], self._heard[whole:]
        self._print()
        return said

    def silence(self) -> None:
        """Forget nothing: it is a stream."""

    def become(self, status: Status) -> None:
        """Be in another state from now; with paper again it prints what it kept."""
        self.status = status
        self._print()

    def _print(self) -> None:
        if self.status.can_print:
            self.printed, self._kept = self.printed + self._kept, b""
