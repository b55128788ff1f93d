"""Driver of the RDM6300 card reader: hands over the number of every card once while it is held.

A number is a hint who stands there, nothing more: anybody can copy it.
"""

import asyncio
from collections.abc import Callable

from common.kit.said import Said
from edge.config import BusSection
from edge.hardware.debounce import Debounce
from edge.hardware.line import Line
from edge.hardware.ports import DeviceState
from edge.hardware.serial_port import SerialPort
from edge.peripherals import CardReaderSection
from firmware_protocols import rdm6300 as wire

_MOST_WAITING = 4
_FOR_EVER_S = 3600.0


class Rdm6300Reader:
    """One reader on a port of its own; it cannot be asked, so an open port is all that is known of it."""

    def __init__(
        self, settings: CardReaderSection, section: BusSection, line: Line, told: Callable[[], None]
    ) -> None:
        """`told()` is called whenever `state` has changed."""
        self._port = SerialPort(section, line, self._port_moved)
        self._told = told
        self._same = Debounce(settings.same_card_s)
        self._cards: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)
        self.state = DeviceState(section.name, up=False, sound=False, detail="not tried yet")

    def said(self) -> str:
        """Return how it is doing."""
        if not self.state.up:
            return self.state.detail
        return Said("%(detail)s; hold a card before it to try it", detail=self.state.detail)

    async def next(self) -> str:
        """Return the next card, ten hex digits."""
        return await self._cards.get()

    async def run(self) -> None:
        """Keep the port open and listen until cancelled."""
        await self._port.keep(self._serve)

    async def _serve(self) -> None:
        parser, loop = wire.Parser(), asyncio.get_running_loop()
        while True:
            for card in parser.feed(await self._port.read(_FOR_EVER_S)):
                if self._same.is_new(card, loop.time()) and not self._cards.full():
                    self._cards.put_nowait(card)

    def _port_moved(self, is_open: bool, detail: str) -> None:
        state = DeviceState(self.state.name, up=is_open, sound=is_open, detail=detail)
        if state != self.state:
            self.state = state
            self._told()
