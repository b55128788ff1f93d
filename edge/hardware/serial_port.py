"""A serial port with one device on it that speaks when it likes: kept open, read patiently, opened again when lost.

Lock boards and probes share lines and have an owner of their own (`bus.py`); scanners, scales, card readers and
printers have this.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

from common.kit.errors import LinliError, detail_of
from common.kit.said import Said
from edge.config import BusSection
from edge.hardware.errors import NotSentError
from edge.hardware.line import Line

FIRST_REOPEN_S = 0.2
LONGEST_REOPEN_S = 2.0
_CONNECT_TIMEOUT_S = 3.0
_MOST_WAITING_BYTES = 4096
"""A device that talks faster than it is read loses its oldest bytes, as on a wire."""
Told = Callable[[bool, str], None]

log = logging.getLogger(__name__)


class SerialPort:
    """The port of one device."""

    def __init__(self, section: BusSection, line: Line, told: Told) -> None:
        """`told(open, detail)` is called whenever the port went away or came back."""
        self.name = section.name
        self._line, self._told = line, told
        self._transport: asyncio.WriteTransport | None = None
        self._waiting = bytearray()
        self._there = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def keep(self, serve: Callable[[], Awaitable[None]]) -> None:
        """Run `serve` whenever the port is open, until cancelled; when it returns the port is opened afresh."""
        delay_s = FIRST_REOPEN_S
        while True:
            try:
                await self._open()
            except (LinliError, OSError) as error:
                self._told(False, detail_of(error))
            else:
                delay_s = FIRST_REOPEN_S
                await self._while_open(serve)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, LONGEST_REOPEN_S)

    async def read(self, timeout_s: float) -> bytes:
        """Return what came since the last call, waiting for the first byte; b"" after `timeout_s` of silence."""
        if not self._waiting:
            self._there.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._there.wait()
        data = bytes(self._waiting)
        self._waiting.clear()
        return data

    def write(self, data: bytes) -> None:
        """Send; NotSentError when the port is away."""
        if self._transport is None:
            raise NotSentError("bus.down", f"{self.name}: its port is away", bus=self.name)
        self._transport.write(data)

    async def _open(self) -> None:
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):  # TimeoutError is an OSError
            transport, _ = await self._line.connect(lambda: _Ear(self))
        self._transport = cast("asyncio.WriteTransport", transport)
        self._waiting.clear()
        self._told(True, "open")

    async def _while_open(self, serve: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._serving = group.create_task(_served(serve), name=f"device {self.name}")
                if self._transport is None:  # lost before it was served
                    self._serving.cancel()
        finally:
            self._serving = None
            self._close()

    def hear(self, data: bytes) -> None:
        """Take bytes off the transport."""
        self._waiting += data
        del self._waiting[:-_MOST_WAITING_BYTES]
        self._there.set()

    def lose(self) -> None:
        """Note that the port went away by itself."""
        if self._transport is None:
            return
        self._transport = None
        said = Said("%(name)s: the port went away; plug it in again", name=self.name)
        self._told(False, said)
        if self._serving is not None:
            self._serving.cancel()

    def _close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            with suppress(OSError):
                transport.close()


async def _served(serve: Callable[[], Awaitable[None]]) -> None:
    with suppress(NotSentError):  # the port went away while something was about to be sent
        await serve()


class _Ear(asyncio.Protocol):
    """What the transport calls."""

    def __init__(self, port: SerialPort) -> None:
        self._port = port

    def data_received(self, data: bytes) -> None:
        self._port.hear(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the port says it
        self._port.lose()
