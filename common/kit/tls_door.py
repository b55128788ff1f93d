"""The handshake of one TLS connection, before anything is HTTP: bounded in time and number, failures told in a line.

asyncio's own TLS servers say nothing of a handshake that failed: neither who came nor why he was sent away.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable

from common.kit.clock import Clock

HANDSHAKE_S = 10.0
_SHUTDOWN_S = 3.0
_QUIET_S = 60.0
_MOST_KNOWN = 256
_log = logging.getLogger(__name__)


class Complaints:
    """Tells of failed handshakes, for each address at most once a minute; the next one counts the others."""

    def __init__(self, clock: Clock) -> None:
        """Start with nobody known."""
        self._clock = clock
        self._told: dict[str, tuple[float, int]] = {}
        self.count = 0

    def failed(self, address: str, why: str) -> None:
        """Note that a handshake with `address` failed."""
        self.count += 1
        now_s = self._clock.monotonic_s()
        last_s, unsaid = self._told.get(address, (-_QUIET_S, 0))
        if now_s - last_s < _QUIET_S:
            self._told[address] = (last_s, unsaid + 1)
            return
        if address not in self._told and len(self._told) >= _MOST_KNOWN:
            self._told.pop(next(iter(self._told)))
        self._told[address] = (now_s, 0)
        more = f", {unsaid} more in the last minutes" if unsaid else ""
        _log.warning("no TLS with %s: %s%s", address, why, more)


class Porch:
    """Where connections stand until their handshake is done; shared by a listener."""

    def __init__(self, context: ssl.SSLContext, complaints: Complaints) -> None:
        """Shake hands by `context`."""
        self.context, self.complaints = context, complaints
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Return how many stand there."""
        return len(self._tasks)

    def door(self, inside: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """Return the protocol of a connection that has just come; `inside` makes the one behind the handshake."""
        return _Door(self, inside)

    def greet(self, door: "_Door", transport: asyncio.Transport) -> None:
        """Begin the handshake."""
        task = asyncio.get_running_loop().create_task(door.shake(transport), name="tls handshake")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Send away who stands there."""
        for task in self._tasks:
            task.cancel()


class _Door(asyncio.Protocol):
    """Keeps what arrives right behind the handshake, for a turn or two of the loop, for the protocol inside."""

    def __init__(self, porch: Porch, inside: Callable[[], asyncio.Protocol]) -> None:
        self._porch, self._inside = porch, inside
        self._early: list[bytes] = []
        self._ended = False
        self._gone: list[Exception | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()  # not a byte before the handshake reads them
        self._porch.greet(self, transport)

    def data_received(self, data: bytes) -> None:
        self._early.append(data)

    def eof_received(self) -> bool:
        self._ended = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.append(exc)

    async def shake(self, transport: asyncio.Transport) -> None:
        """Shake hands and hand the connection over, or say who failed and why."""
        address = _address(transport)
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                transport, self, self._porch.context, server_side=True,
                ssl_handshake_timeout=HANDSHAKE_S, ssl_shutdown_timeout=_SHUTDOWN_S,
            )  # fmt: skip
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            self._porch.complaints.failed(address, reason(error))
            return
        if secured is None or self._gone:
            return
        self._hand_over(secured)

    def _hand_over(self, secured: asyncio.Transport) -> None:
        inside = self._inside()
        secured.set_protocol(inside)
        inside.connection_made(secured)
        if self._early:
            inside.data_received(b"".join(self._early))
        if self._ended:
            inside.eof_received()


def reason(error: BaseException) -> str:
    """Return in a few words why a handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error).lower().replace("_", " ")
    if isinstance(error, ConnectionResetError) or not str(error):
        return "it hung up: it may not believe this server's certificate"
    return str(error)


def _address(transport: asyncio.Transport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else "somebody"
