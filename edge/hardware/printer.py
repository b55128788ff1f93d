"""Driver of an ESC/POS receipt printer: prints when it can, says when it cannot, never stands in anybody's way.

Whoever wanted a receipt gets an answer within seconds, and shows a QR code instead when it is not PRINTED.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from edge.config import BusSection
from edge.hardware.line import Line
from edge.hardware.ports import DeviceState, PrintResult
from edge.hardware.serial_port import SerialPort
from edge.peripherals import PrinterSection
from firmware_protocols import escpos as wire
from firmware_protocols.errors import WireError
from firmware_protocols.escpos import Paper, Status

LOOK_S = 10.0
ANSWER_S = 0.5
PRINT_S = 5.0
"""Longest that anybody waits for a receipt."""
_BITS_PER_CHARACTER = 10


class _Receipt:
    """One receipt somebody waits for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.is_sent = False
        self.result: asyncio.Future[PrintResult] = asyncio.get_running_loop().create_future()

    def settle(self, result: PrintResult) -> None:
        if not self.result.done():
            self.result.set_result(result)


class EscposPrinter:
    """One printer on a port of its own."""

    def __init__(
        self, settings: PrinterSection, section: BusSection, line: Line, told: Callable[[], None]
    ) -> None:
        """`told()` is called whenever `state` has changed."""
        self._settings = settings
        self._port = SerialPort(section, line, self._port_moved)
        self._told = told
        self._asked: asyncio.Queue[_Receipt] = asyncio.Queue(1)
        self.state = DeviceState(section.name, up=False, sound=False, detail="not tried yet")

    def said(self) -> str:
        """Return how it is doing."""
        return self.state.detail

    async def print(self, lines: Sequence[str]) -> PrintResult:
        """Print a receipt; whatever is wrong is the answer, never an error."""
        if not self.state.up or self._asked.full():
            return PrintResult.AWAY
        settings = self._settings
        data = wire.receipt(lines, encoding=settings.encoding, cut=settings.cuts)
        receipt = _Receipt(data)
        self._asked.put_nowait(receipt)
        try:
            async with asyncio.timeout(PRINT_S):
                return await receipt.result
        except TimeoutError:
            return PrintResult.UNSURE if receipt.is_sent else PrintResult.AWAY

    async def run(self) -> None:
        """Keep the port open, print and look after the paper until cancelled."""
        await self._port.keep(self._serve)

    async def _serve(self) -> None:
        while True:
            await self._look()
            receipt: _Receipt | None = None
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    receipt = await self._asked.get()
            if receipt is not None and not receipt.result.done():
                await self._print(receipt)

    async def _print(self, receipt: _Receipt) -> None:
        result = PrintResult.AWAY
        try:
            before = await self._look()
            if before is None or not before.can_print:
                result = _why(before)
                return
            result = PrintResult.UNSURE
            receipt.is_sent = True
            self._port.write(receipt.data)
            await asyncio.sleep(len(receipt.data) * _BITS_PER_CHARACTER / self._settings.baud)
            after = await self._look()
            result = PrintResult.PRINTED if after and after.can_print else _why(after)
        finally:
            receipt.settle(result)

    async def _look(self) -> Status | None:
        """Ask all four questions, note what is said; None: it does not answer."""
        answers: list[int] = []
        for question in wire.QUESTIONS:
            self._port.write(wire.ask(question))
            # flow control (XON, XOFF) and noise are no answers
            heard = [byte for byte in await self._port.read(ANSWER_S) if wire.is_answer(byte)]
            answers += heard[-1:]
        try:
            found = wire.status(answers)
        except WireError:
            self._say(up=False, sound=False, detail="does not answer; check power, cable and speed")
            return None
        self._say(up=True, sound=found.can_print, detail=_words(found))
        return found

    def _port_moved(self, is_open: bool, detail: str) -> None:
        if not is_open:
            self._say(up=False, sound=False, detail=detail)

    def _say(self, *, up: bool, sound: bool, detail: str) -> None:
        state = DeviceState(self.state.name, up=up, sound=sound, detail=detail)
        if state != self.state:
            self.state = state
            self._told()


def _why(status: Status | None) -> PrintResult:
    if status is None:
        return PrintResult.AWAY
    return PrintResult.NO_PAPER if status.paper is Paper.OUT else PrintResult.NOT_READY


def _words(status: Status) -> str:
    if status.paper is Paper.OUT:
        return "out of paper; put a new roll in"
    if status.is_cover_open:
        return "its cover is open; shut it"
    if status.has_error:
        return "reports an error; switch it off and on, and look at the cutter"
    if status.is_off_line:
        return "is off-line; press its button"
    return "paper is low" if status.paper is Paper.LOW else "ready"
