"""Lines whose boards have frames of their own: bytes over a Line, a codec of `firmware_protocols` says what they mean.

The owner above keeps the rules of the wire and the guard judges the bytes, both exactly as for Modbus.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol

from edge.config import BusSection
from edge.hardware.errors import NoReplyError, NotSentError
from edge.hardware.guard import WireGuard
from edge.hardware.line import Line
from edge.hardware.speech import A, Q, Rules, may_leave

_CONNECT_TIMEOUT_S = 3.0
_MOST_HEARD_BYTES = 1024
"""More than any answer; a line that babbles must not fill the memory."""


class Codec(Protocol[Q, A]):
    """A protocol as pure functions; the module of a protocol in `firmware_protocols` is one."""

    UNITS: range

    def echo_test(self) -> Q:
        """Return a read for an address that nobody has."""

    def encode(self, unit: int, request: Q, /) -> bytes:
        """Return the frame."""

    def parse_request(self, frame: bytes, /) -> tuple[int, Q]:
        """Return unit and request of a frame."""

    def pick_answer(self, sent: bytes, received: bytes, /) -> tuple[bytes, A | None]:
        """Return the frame that answers `sent` and what it says; (b"", None): none yet."""

    def is_read(self, request: Q, /) -> bool:
        """Tell whether nothing moves by it."""

    def patience_s(self, request: Q, /) -> float:
        """Return how long a sound board takes at most."""

    def refusal(self, answer: A, /) -> int | None:
        """Return the reason of a board that did not obey."""


class FramedSpeech(Generic[Q, A]):
    """The speech of a line whose protocol is a codec."""

    def __init__(self, codec: Codec[Q, A], *, openings_look_like_reads: bool = False) -> None:
        """Speak `codec`."""
        self._codec = codec
        self.openings_look_like_reads = openings_look_like_reads
        self.units = codec.UNITS
        self.echo_test = codec.echo_test()

    def is_read(self, request: Q) -> bool:
        """Tell whether nothing moves by it."""
        return self._codec.is_read(request)

    def patience_s(self, request: Q) -> float:
        """Return how long a sound board takes at most."""
        return self._codec.patience_s(request)

    def refusal(self, answer: A) -> int | None:
        """Return the reason of a board that did not obey."""
        return self._codec.refusal(answer)

    def link(
        self,
        section: BusSection,
        line: Line,
        rules: Rules[Q],
        *,
        on_bytes: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> "FramedLink[Q, A]":
        """Return the link, not yet open."""

        def allowed(unit: int, request: Q) -> bool:
            return may_leave(self, rules, unit, request)

        guard = WireGuard(self._codec, allowed, on_bytes, local_echo=section.local_echo)
        return FramedLink(section.name, line, self._codec, guard, on_lost)


class FramedLink(Generic[Q, A]):
    """One opened line: request in, its checked answer out."""

    def __init__(
        self,
        name: str,
        line: Line,
        codec: Codec[Q, A],
        guard: WireGuard[Q, A],
        on_lost: Callable[[], None],
    ) -> None:
        """`on_lost` is called when the port goes away by itself."""
        self._name, self._line, self._codec, self._guard = name, line, codec, guard
        self._on_lost = on_lost
        self._transport: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[A] | None = None
        self._heard = b""

    @property
    def connected(self) -> bool:
        """Tell whether the line is open."""
        return self._transport is not None

    @property
    def echoed(self) -> bool:
        """Tell whether the last request came straight back."""
        return self._guard.echoed

    @property
    def stray_bytes(self) -> int:
        """Return how much was heard that is neither echo nor answer."""
        return self._guard.stray_bytes

    def expect_echo(self) -> None:
        """Treat the adapter as one that hears itself."""
        self._guard.local_echo = True

    async def open(self) -> None:
        """Open the line; LinliError or OSError says why not."""
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):  # TimeoutError is an OSError
            transport, _ = await self._line.connect(lambda: _Ear(self._hear, self._lose))
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    async def transact(self, unit: int, request: Q, timeout_s: float) -> A:
        """Send once and return the answer; NotSentError, NoReplyError, FrameRefusedError."""
        if self._transport is None:
            raise NotSentError("bus.down", f"bus {self._name} is down", bus=self._name)
        frame = self._guard(True, self._codec.encode(unit, request))
        self._heard = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(frame)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._answer
        except (TimeoutError, ConnectionError) as error:
            raise NoReplyError(
                "bus.no_reply",
                f"bus {self._name}: unit {unit} does not answer",
                bus=self._name,
                unit=unit,
            ) from error
        finally:
            self._guard.forget()
            self._answer = None

    def close(self) -> None:
        """Close the line."""
        transport, self._transport = self._transport, None
        if transport is not None:
            with suppress(OSError):
                transport.close()

    def _hear(self, data: bytes) -> None:
        self._heard = (self._heard + data)[-_MOST_HEARD_BYTES:]
        self._guard(False, self._heard)
        answer, said = self._answer, self._guard.reply
        if answer is not None and said is not None and not answer.done():
            answer.set_result(said)

    def _lose(self) -> None:
        if self._transport is None:
            return
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the port went away"))
        self._on_lost()


class _Ear(asyncio.Protocol):
    """What the transport calls."""

    def __init__(self, on_data: Callable[[bytes], None], on_lost: Callable[[], None]) -> None:
        self._on_data, self._on_lost = on_data, on_lost

    def data_received(self, data: bytes) -> None:
        self._on_data(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the owner says it, with the port
        self._on_lost()
