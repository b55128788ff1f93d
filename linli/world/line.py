"""A serial line of the simulated world: bytes reach the cabinet's bus and come back paced, in virtual time."""

import asyncio
from collections.abc import Callable
from typing import Any

from device_sim.bus import Bus


class LineTransport(asyncio.Transport):
    """The station's end of the cable."""

    def __init__(
        self, bus: Bus, protocol: asyncio.Protocol, on_sent: Callable[[bytes], None]
    ) -> None:
        """Stand between `protocol` and `bus`; `on_sent` hears what the station writes."""
        super().__init__()
        self._on_sent = on_sent
        self._loop = asyncio.get_running_loop()
        self._bus = bus
        self._protocol = protocol
        self._closing = False

    def write(self, data: Any) -> None:
        """Put bytes on the wire; what the boards answer arrives when its last byte would."""
        if self._closing:
            return
        self._on_sent(bytes(data))
        for reply in self._bus.feed(bytes(data), self._loop.time()):
            for at_s, piece in reply.bursts():
                self._loop.call_at(at_s, self._arrive, piece)

    def is_closing(self) -> bool:
        """Return whether the port was closed."""
        return self._closing

    def close(self) -> None:
        """Close the port."""
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """Close the port at once."""
        self.close()

    def _arrive(self, data: bytes) -> None:
        if not self._closing:
            self._protocol.data_received(data)


class WorldLine:
    """The port `Line` of edge.hardware, with a simulated cabinet at the other end."""

    def __init__(
        self,
        bus: Bus,
        is_plugged: Callable[[], bool],
        on_sent: Callable[[bytes], None] = lambda _data: None,
    ) -> None:
        """Lead to `bus`; while `is_plugged` is false it cannot be opened. `on_sent` hears the station's frames."""
        self._on_sent = on_sent
        self._bus = bus
        self._is_plugged = is_plugged
        self._open: LineTransport | None = None

    async def connect(
        self, factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:
        """Open the port."""
        if not self._is_plugged():
            raise FileNotFoundError(2, f"the adapter of bus {self._bus.name} is unplugged")
        protocol = factory()
        self._open = LineTransport(self._bus, protocol, self._on_sent)
        protocol.connection_made(self._open)
        return self._open, protocol

    def plug_changed(self) -> None:
        """Lose the open port when the adapter was pulled."""
        if self._open is not None and not self._is_plugged():
            self._open.close()
