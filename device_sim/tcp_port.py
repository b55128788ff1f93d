"""A bus over TCP: a gateway that puts each Modbus message on the same line and sends back what a board answers.

A unit that is not there does not answer, as on the line; a client's own time-out says so. A line that does not speak
Modbus passes bare bytes, as a serial server does.
"""

import asyncio
import logging
import os

from common.kit.clock import Clock
from common.kit.errors import UnavailableError
from device_sim.bus import Bus, Reply
from firmware_protocols import modbus_rtu, modbus_tcp
from firmware_protocols.errors import WireError
from firmware_protocols.modbus_tcp import TcpFrame

_READ_BYTES = 1024

_log = logging.getLogger(__name__)


class TcpPort:
    """Serves one bus at (host, port) until cancelled."""

    speaks = "Modbus TCP"

    def __init__(self, bus: Bus, host: str, port: int, clock: Clock) -> None:
        """Port 0 takes a free one; see `port` once `listen` is done."""
        self.host, self.port = host, port
        self._bus, self._clock = bus, clock
        self._server: asyncio.Server | None = None
        self._clients: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        self._clients = asyncio.Queue()

    async def listen(self) -> None:
        """Take the port; UnavailableError says when it is in use."""

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._clients.put_nowait((reader, writer))

        try:
            self._server = await asyncio.start_server(accept, self.host, self.port)
        except OSError as error:
            detail = (
                f"{self.speaks} port {self.port} cannot be opened ({os.strerror(error.errno or 0)}): "
                "stop the program that has it or choose another with --modbus-port"
            )
            raise UnavailableError("sim.port_taken", detail, port=self.port) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def run(self) -> None:
        """Serve every client until cancelled."""
        if self._server is None:
            await self.listen()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    reader, writer = await self._clients.get()
                    group.create_task(self._serve(reader, writer), name="modbus-tcp-client")
        finally:
            if self._server is not None:
                self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one client's messages on, one after the other as a gateway does."""
        heard = b""
        try:
            while data := await reader.read(_READ_BYTES):
                frames, heard = modbus_tcp.split(heard + data)
                for frame in frames:
                    await self._transact(frame, writer)
        except WireError as error:
            _log.info("Modbus TCP client sent something else: %s", error)
        except ConnectionError:
            _log.debug("Modbus TCP client went away")
        finally:
            writer.close()

    async def _transact(self, frame: TcpFrame, writer: asyncio.StreamWriter) -> None:
        request = modbus_rtu.encode(frame.unit, frame.pdu)
        replies = self._bus.feed(request, self._clock.monotonic_s())
        for reply in replies:
            await self._until(reply.ends_s)
            if (pdu := _passed_on(reply, frame.unit)) is not None:
                writer.write(TcpFrame(frame.transaction, frame.unit, pdu).encode())
                await writer.drain()
        if not replies:
            now_s = self._clock.monotonic_s()
            await self._until(now_s + self._bus.ahead_s(now_s))

    async def _until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - self._clock.monotonic_s()))


class BareTcpPort(TcpPort):
    """The same line as a serial server offers it: bytes in, bytes out, paced."""

    speaks = "bytes over TCP"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()

        def send(reply: Reply) -> None:
            now_s = self._clock.monotonic_s()
            for at_s, piece in reply.bursts():
                loop.call_later(max(0.0, at_s - now_s), _write, writer, piece)

        self._bus.listeners.append(send)
        try:
            while data := await reader.read(_READ_BYTES):
                now_s = self._clock.monotonic_s()
                for reply in self._bus.feed(data, now_s):
                    send(reply)
                await self._until(now_s + self._bus.ahead_s(now_s))
        except ConnectionError:
            _log.debug("TCP client went away")
        finally:
            self._bus.listeners.remove(send)
            writer.close()


def _passed_on(reply: Reply, unit: int) -> bytes | None:
    """Return the message that a gateway takes from what it heard: the first sound frame of the unit it asked."""
    if reply.is_echo:
        return None
    frames = modbus_rtu.split_replies(reply.data).frames
    return next((frame.pdu for frame in frames if frame.unit == unit), None)


def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    if not writer.is_closing():
        writer.write(data)
