"""A bus inside one process: the asyncio transport that a client gets instead of a serial port.

For the simulated world and for tests; the loop's own time is the wire's time, so nothing waits for real.
"""

import asyncio
from collections.abc import Callable

from common.kit.clock import Clock
from device_sim.bus import Bus
from device_sim.cabinet import Cabinet


class MemoryPort:
    """The socket an adapter stands in; `connect` has the shape of the station's `Line`."""

    def __init__(self, cabinet: Cabinet, bus: Bus, clock: Clock) -> None:
        """Every connection shares the one line, as on a real adapter."""
        self._cabinet, self._bus, self._clock = cabinet, bus, clock

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol]
    ) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:
        """Open the port; FileNotFoundError while the adapter is unplugged."""
        self._cabinet.settle_now()
        if not self._cabinet.is_plugged(self._bus):
            raise FileNotFoundError(2, "No such file or directory", self._bus.name)
        protocol = factory()
        transport = MemoryTransport(self._cabinet, self._bus, self._clock, protocol)
        protocol.connection_made(transport)
        return transport, protocol


class MemoryTransport(asyncio.Transport):
    """One open port: each reply is delivered whole when its last byte is complete."""

    def __init__(
        self, cabinet: Cabinet, bus: Bus, clock: Clock, protocol: asyncio.BaseProtocol
    ) -> None:
        """See MemoryPort."""
        super().__init__()
        self._cabinet, self._bus, self._clock = cabinet, bus, clock
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._is_closed = False
        cabinet.on_plug.append(self._check_plug)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Put `data` on the line."""
        if self._is_closed:
            return
        now_s = self._clock.monotonic_s()
        for reply in self._bus.feed(bytes(data), now_s):
            self._loop.call_later(max(0.0, reply.ends_s - now_s), self._deliver, reply.data)
        self._check_plug()

    def close(self) -> None:
        """Close the port."""
        self._end(None)

    def abort(self) -> None:
        """Close the port; nothing is buffered."""
        self._end(None)

    def is_closing(self) -> bool:
        """Tell whether the port is closed."""
        return self._is_closed

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return who reads here."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let somebody else read here."""
        self._protocol = protocol

    def _deliver(self, data: bytes) -> None:
        if not self._is_closed and isinstance(self._protocol, asyncio.Protocol):
            self._protocol.data_received(data)

    def _check_plug(self) -> None:
        if not self._cabinet.is_plugged(self._bus):
            self._end(OSError(5, "Input/output error", self._bus.name))

    def _end(self, reason: Exception | None) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._cabinet.on_plug.remove(self._check_plug)
        self._loop.call_soon(self._protocol.connection_lost, reason)
