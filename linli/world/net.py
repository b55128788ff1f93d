"""The simulated network: in-memory TCP with seeded latency; a cut cable holds bytes as TCP would.

Bytes arrive in order in each direction. Hosts are names; `cut(host)` stops all traffic from and to it.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

Address = tuple[str, int]
_MIN_LATENCY_S = 0.005
_LATENCY_SPREAD_S = 0.05
_RETRANSMIT_S = 1.0  # first bytes flow this long after a cut heals


class Pipe(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, net: "Net", me: Address, peer: Address) -> None:
        """Stand at `me` and face `peer`; `other` is set by the network."""
        super().__init__({"peername": peer, "sockname": me, "socket": None})
        self._net = net
        self.hosts = (me[0], peer[0])
        self.other: Pipe
        self.protocol: Any = None
        self._closing = False
        self._reading = True
        self._sent: deque[bytes | None] = deque()
        self._arrived: deque[bytes | None] = deque()
        self._last_arrival_s = 0.0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return who listens."""
        return self.protocol  # type: ignore[no-any-return]

    def is_closing(self) -> bool:
        """Return whether this end has closed."""
        return self._closing

    def is_reading(self) -> bool:
        """Return whether bytes are handed on."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Hold what arrives."""
        self._reading = False

    def resume_reading(self) -> None:
        """Hand on what was held."""
        self._reading = True
        self._hand_on()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Accept any limit: the wire here never fills."""

    def get_write_buffer_size(self) -> int:
        """Return zero: bytes leave at once."""
        return 0

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return asyncio's usual limits."""
        return (16384, 65536)

    def can_write_eof(self) -> bool:
        """Return False: half-closed connections are not simulated."""
        return False

    def write(self, data: Any) -> None:
        """Send bytes."""
        if data and not self._closing:
            self._send(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        """Send several buffers as one."""
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        """Close both directions once what was sent has arrived."""
        if self._closing:
            return
        self._send(None)
        self._closing = True
        self._net.loop.call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        """Close; nothing is thrown away on this wire."""
        self.close()

    def reset(self) -> None:
        """Break off: nothing that was sent arrives any more."""
        if self._closing:
            return
        self._closing = True
        self._sent.clear()
        self._arrived.clear()
        error = ConnectionResetError(104, "the connection was reset")
        self._net.loop.call_soon(self.protocol.connection_lost, error)

    def _send(self, item: bytes | None) -> None:
        loop = self._net.loop
        due = max(self._last_arrival_s, loop.time() + self._net.latency_s())
        self._last_arrival_s = due
        self._net.bytes_sent += len(item or b"")
        self._sent.append(item)
        loop.call_at(
            due, self.deliver
        )  # pops the queue: equal times may be shuffled, the order stays

    def deliver(self) -> None:
        """Let the oldest item reach the other end, unless the cable is cut."""
        if self._net.is_cut(*self.hosts):
            self._net.held.append(self)
            return
        if not self._sent:  # reset meanwhile
            return
        item = self._sent.popleft()
        if not self.other.is_closing():
            self.other.take(item)

    def take(self, item: bytes | None) -> None:
        """Receive one item from the other end."""
        self._arrived.append(item)
        self._hand_on()

    def _hand_on(self) -> None:
        while self._arrived and self.is_reading():
            item = self._arrived.popleft()
            if item is None:
                self._closing = True
                self.protocol.connection_lost(None)
                return
            self.protocol.data_received(item)


class _Server(asyncio.AbstractServer):
    sockets: tuple[Any, ...] = ()

    def __init__(self, net: "Net", address: Address) -> None:
        self._net = net
        self._address = address

    def close(self) -> None:
        self._net.listeners.pop(self._address[1], None)

    async def wait_closed(self) -> None:
        return

    def is_serving(self) -> bool:
        return self._address[1] in self._net.listeners

    async def start_serving(self) -> None:
        return

    async def serve_forever(self) -> None:
        await asyncio.get_running_loop().create_future()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._net.loop


class Net:
    """All listeners and cables of one world; ports are unique in the world."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rng: random.Random) -> None:
        """Start with every cable whole."""
        self.loop = loop
        self._rng = rng
        self.listeners: dict[int, tuple[str, Callable[[], Any]]] = {}
        self.held: list[Pipe] = []
        self.pipes: list[Pipe] = []
        self.bytes_sent = 0
        self.connections = 0
        self._down: set[str] = set()
        self._waiting: list[asyncio.Future[None]] = []

    def latency_s(self) -> float:
        """Return the next one-way delay."""
        return _MIN_LATENCY_S + self._rng.random() * _LATENCY_SPREAD_S

    def is_cut(self, *hosts: str) -> bool:
        """Return whether any of `hosts` is off the network."""
        return not self._down.isdisjoint(hosts)

    def sever(self, host: str) -> None:
        """Reset every connection with `host`: what is on its way is lost, both ends are told."""
        pipes, self.pipes = self.pipes, [one for one in self.pipes if host not in one.hosts]
        self.held = [one for one in self.held if host not in one.hosts]
        for pipe in pipes:
            if host in pipe.hosts:
                pipe.reset()

    def cut(self, host: str) -> None:
        """Pull the cable of `host`."""
        self._down.add(host)

    def heal(self, host: str) -> None:
        """Plug it back in; held bytes arrive after a retransmission delay."""
        self._down.discard(host)
        held, self.held = self.held, []
        for pipe in held:
            self.loop.call_later(_RETRANSMIT_S, pipe.deliver)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def listen(self, factory: Callable[[], Any], address: Address) -> _Server:
        """Let `factory` answer on `address`."""
        if address[1] in self.listeners:
            raise OSError(98, f"port {address[1]} is taken")
        self.listeners[address[1]] = (address[0], factory)
        return _Server(self, address)

    async def connect(self, factory: Callable[[], Any], address: Address) -> tuple[Pipe, Any]:
        """Open a connection; into a cut cable it waits, and the caller's time-out decides."""
        await asyncio.sleep(2 * self.latency_s())
        while self.is_cut(address[0]):
            future: asyncio.Future[None] = self.loop.create_future()
            self._waiting.append(future)
            await future
        if address[1] not in self.listeners:
            raise ConnectionRefusedError(111, f"nobody listens on {address[0]}:{address[1]}")
        self.connections += 1
        me = ("client", 40_000 + self.connections)
        here, there = Pipe(self, me, address), Pipe(self, address, me)
        here.other, there.other = there, here
        self.pipes = [one for one in self.pipes if not one.is_closing()] + [here, there]
        there.protocol = self.listeners[address[1]][1]()
        there.protocol.connection_made(there)
        here.protocol = factory()
        here.protocol.connection_made(here)
        return here, here.protocol
