"""A line to look at: one question, what came back within its time, and whether rubbish came instead.

Only reads leave, and at most the one write that a step was made for: the guard judges the bytes as the daemon's does.
"""

import asyncio
from dataclasses import dataclass
from typing import Generic

from common.kit.errors import UnavailableError
from common.kit.said import Said
from edge.config import BusSection
from edge.hardware.framed import Codec
from edge.hardware.guard import WireGuard
from edge.hardware.line import Line
from edge.hardware.modbus_framing import RtuFraming, TcpFraming
from edge.hardware.speech import A, Q
from firmware_protocols import modbus_pdu, modbus_rtu, modbus_tcp
from firmware_protocols.lock_boards import MODBUS_UNITS
from firmware_protocols.modbus_pdu import READS, Function, ReadRequest, Reply, Request

_CONNECT_S = 3.0
_MOST_BYTES = 1024


class ModbusCodec:
    """Modbus as a codec, on a serial line or behind a gateway."""

    UNITS = MODBUS_UNITS

    def __init__(self, *, tcp: bool) -> None:
        """Frame for a gateway with `tcp`."""
        self._tcp = tcp
        self._framing = TcpFraming() if tcp else RtuFraming()
        self._transaction = 0

    def echo_test(self) -> Request:
        """Return a read for an address that nobody has."""
        return ReadRequest(Function.READ_HOLDING_REGISTERS, 0, 1)

    def encode(self, unit: int, request: Request, /) -> bytes:
        """Return the frame."""
        if not self._tcp:
            return modbus_rtu.encode(unit, request.pdu())
        self._transaction = self._transaction % 0xFFFF + 1
        return modbus_tcp.TcpFrame(self._transaction, unit, request.pdu()).encode()

    def parse_request(self, frame: bytes, /) -> tuple[int, Request]:
        """Return unit and request of a frame."""
        return self._framing.parse_request(frame)

    def pick_answer(self, sent: bytes, received: bytes, /) -> tuple[bytes, Reply | None]:
        """Return the frame that answers `sent` and what it says."""
        return self._framing.pick_answer(sent, received)

    def is_read(self, request: Request, /) -> bool:
        """Tell whether it is one of the four functions that read."""
        return isinstance(request, ReadRequest) and request.function in READS

    def patience_s(self, request: Request, /) -> float:  # noqa: ARG002 - asked of every protocol
        """Leave it to the caller."""
        return 0.0

    def refusal(self, answer: Reply, /) -> int | None:
        """Return the code of an exception reply."""
        return answer.code if isinstance(answer, modbus_pdu.ExceptionReply) else None


@dataclass(frozen=True, slots=True)
class Heard(Generic[A]):
    """What one question brought."""

    answer: A | None
    garbled: bool = False
    """Bytes came that answer nothing."""
    late: bool = False
    """An answer to the question before came instead."""


class Wire(Generic[Q, A]):
    """One opened line; `ask` is used by one caller at a time."""

    def __init__(
        self,
        section: BusSection,
        line: Line,
        codec: Codec[Q, A],
        *,
        also: tuple[int, Q] | None = None,
    ) -> None:
        """Nothing is opened yet; `also` is the one request to one address that may leave besides reads."""
        self._line, self._codec, self._also = line, codec, also
        self._guard: WireGuard[Q, A] = WireGuard(
            codec, self._may_leave, lambda: None, local_echo=False
        )
        self._gap_s = max(0.005, modbus_rtu.frame_gap_s(section.baud))
        self._transport: asyncio.WriteTransport | None = None
        self._heard, self._before = b"", b""
        self._news = asyncio.Event()
        self._lost = False

    @property
    def echoes(self) -> bool:
        """Tell whether the adapter was found to hear itself."""
        return self._guard.local_echo

    async def open(self) -> None:
        """Open the line; LinliError or OSError says why not."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                transport, _ = await self._line.connect(lambda: _Ear(self))
        except TimeoutError as error:
            said = Said("nobody answers there; is it switched on, and is the address right?")
            raise UnavailableError("bus.gateway_unreachable", said) from error
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def close(self) -> None:
        """Close the line."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    async def find_echo(self, unit: int, timeout_s: float) -> None:
        """Ask an address that hardly anybody has: what comes back at once is the adapter hearing itself."""
        await self.ask(unit, self._codec.echo_test(), timeout_s)
        self._guard.local_echo = self._guard.echoed

    async def talks_by_itself(self, times: int, for_s: float) -> bool:
        """Tell whether bytes come in each of so many pieces of time although nobody asks."""
        for _ in range(times):
            self._heard = b""
            await asyncio.sleep(for_s)
            if not self._heard:
                return False
        return True

    async def ask(self, unit: int, request: Q, timeout_s: float) -> Heard[A]:
        """Send `request` and return what came; UnavailableError `bus.down` when the port went away."""
        if self._transport is None or self._lost:
            raise UnavailableError("bus.down", "the port went away; is the adapter plugged in?")
        frame = self._guard(True, self._codec.encode(unit, request))
        before, self._before = self._before, frame
        self._heard = b""
        self._transport.write(frame)
        answer: A | None = None
        try:
            async with asyncio.timeout(timeout_s):
                while answer is None and not self._lost:
                    self._news.clear()
                    await self._news.wait()
                    self._guard(False, self._heard)
                    answer = self._guard.reply
        except TimeoutError:
            pass
        finally:
            self._guard.forget()
        await asyncio.sleep(self._gap_s)
        return self._judge(frame, before, answer)

    def hear(self, data: bytes) -> None:
        """Take bytes of the line."""
        self._heard = (self._heard + data)[-_MOST_BYTES:]
        self._news.set()

    def lose(self) -> None:
        """Take the news that the port went away."""
        self._lost = True
        self._news.set()

    def _judge(self, frame: bytes, before: bytes, answer: A | None) -> Heard[A]:
        if answer is not None:
            return Heard(answer)
        heard = self._heard.replace(frame, b"") if self.echoes else self._heard
        if before and self._codec.pick_answer(before, heard)[1] is not None:
            return Heard(None, late=True)
        return Heard(None, garbled=bool(heard) and heard != frame)

    def _may_leave(self, unit: int, request: Q) -> bool:
        is_read = unit in self._codec.UNITS and self._codec.is_read(request)
        return is_read or (unit, request) == self._also


class _Ear(asyncio.Protocol):
    """What the transport calls."""

    def __init__(self, wire: "Wire[Q, A]") -> None:
        self._wire = wire

    def data_received(self, data: bytes) -> None:
        self._wire.hear(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the next question says it
        self._wire.lose()
