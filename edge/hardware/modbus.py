"""pymodbus over a Line: it frames and transacts, our wire code says what the bytes mean.

The timed pulse needs its own PDU (`write_coil` cannot carry a length); replies are taken from the guard, whose
check is strict, not from pymodbus' decoder.
"""

import asyncio
import logging
from collections.abc import Callable

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from edge.config import BusSection
from edge.hardware.errors import NoReplyError, NotSentError
from edge.hardware.guard import Framing, WireGuard
from edge.hardware.line import Line, is_tcp, tcp_address
from edge.hardware.modbus_framing import RtuFraming, TcpFraming
from edge.hardware.speech import Rules, may_leave
from firmware_protocols.lock_boards import MODBUS_UNITS
from firmware_protocols.modbus_pdu import (
    READS,
    ExceptionReply,
    Function,
    ReadRequest,
    Reply,
    Request,
)

# pymodbus logs an error per time-out; the bus owner says it once, with the unit and what to do
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

_CONNECT_TIMEOUT_S = 3.0
_NEVER = 1_000_000_000  # pymodbus drops a TCP connection after a few time-outs: one dead unit would cut off all


class WirePdu(ModbusPDU):
    """A request of `firmware_protocols` in pymodbus' clothes."""

    def __init__(self, unit: int, request: Request) -> None:
        """Take the bytes of `request` for `unit`."""
        super().__init__(dev_id=unit)
        self.function_code = request.function
        self._body = request.pdu()[1:]

    def encode(self) -> bytes:
        """Return the message without its function code."""
        return self._body


class ModbusLink:
    """One opened line: request in, its checked reply out."""

    def __init__(
        self,
        section: BusSection,
        line: Line,
        allowed: Callable[[int, Request], bool],
        *,
        on_bytes: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        """Make the client; `on_lost` is called once when the port goes away by itself."""
        self._section = section
        self._on_lost = on_lost
        tcp = is_tcp(section.port)
        framing: Framing[Request, Reply] = TcpFraming() if tcp else RtuFraming()
        self.guard = WireGuard(
            framing, allowed, on_bytes, local_echo=section.local_echo and not tcp
        )
        self._client = self._make_client(section)
        self._client.set_max_no_responses(_NEVER)
        ctx = self._client.ctx
        ctx.call_create = lambda: line.connect(lambda: ctx)  # type: ignore[arg-type, return-value]

    @property
    def connected(self) -> bool:
        """Tell whether the line is open."""
        return self._client.connected

    @property
    def echoed(self) -> bool:
        """Tell whether the last request came straight back."""
        return self.guard.echoed

    @property
    def stray_bytes(self) -> int:
        """Return how much was heard that is neither echo nor answer."""
        return self.guard.stray_bytes

    def expect_echo(self) -> None:
        """Treat the adapter as one that hears itself (found by the owner's echo test)."""
        self.guard.local_echo = True

    async def open(self) -> None:
        """Open the line; LinliError or OSError says why not."""
        self._client.ctx.comm_params.timeout_connect = _CONNECT_TIMEOUT_S
        if not await self._client.connect():
            raise NotSentError("bus.port_failed", f"bus {self._section.name} cannot be opened")

    async def transact(self, unit: int, request: Request, timeout_s: float) -> Reply:
        """Send once and return the answer; NotSentError, NoReplyError, FrameRefusedError."""
        self._client.ctx.comm_params.timeout_connect = timeout_s
        self.guard.forget()
        self.guard.reply = None
        try:
            await self._client.execute(False, WirePdu(unit, request))
        except ConnectionException as error:
            if self.guard.in_flight:
                raise self._no_reply(unit) from error
            raise NotSentError(
                "bus.down", f"bus {self._section.name} is down", bus=self._section.name
            ) from error
        except ModbusException as error:
            raise self._no_reply(unit) from error
        finally:
            self.guard.forget()
        if self.guard.reply is None:
            raise self._no_reply(unit)
        return self.guard.reply

    def close(self) -> None:
        """Close the line."""
        self._client.close()

    def _no_reply(self, unit: int) -> NoReplyError:
        name = self._section.name
        return NoReplyError(
            "bus.no_reply", f"bus {name}: unit {unit} does not answer", bus=name, unit=unit
        )

    def _traced(self, up: bool) -> None:
        if up:
            return
        pending: asyncio.Future[ModbusPDU] = self._client.ctx.response_future
        if self.guard.in_flight and not pending.done():
            pending.set_exception(ConnectionException("the port went away"))
        self._on_lost()

    def _make_client(self, section: BusSection) -> AsyncModbusSerialClient | AsyncModbusTcpClient:
        # retries=0: the owner decides; the default would pulse a door four times. Re-opening is the owner's too.
        if is_tcp(section.port):
            host, port = tcp_address(section.port)
            return AsyncModbusTcpClient(
                host,
                port=port,
                name=section.name,
                timeout=section.timeout_s,
                retries=0,
                reconnect_delay=0,
                trace_packet=self.guard,
                trace_connect=self._traced,
            )
        return AsyncModbusSerialClient(
            section.port,
            baudrate=section.baud,
            name=section.name,
            timeout=section.timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=self.guard,
            trace_connect=self._traced,
        )


class ModbusSpeech:
    """Modbus RTU on a serial line, Modbus TCP behind a gateway."""

    units = MODBUS_UNITS
    openings_look_like_reads = False
    echo_test: Request = ReadRequest(Function.READ_HOLDING_REGISTERS, 0, 1)

    def is_read(self, request: Request) -> bool:
        """Tell whether it is one of the four functions that read."""
        return isinstance(request, ReadRequest) and request.function in READS

    def patience_s(self, request: Request) -> float:  # noqa: ARG002 - every Modbus board is as fast as its line
        """Leave it to the settings of the line."""
        return 0.0

    def refusal(self, answer: Reply) -> int | None:
        """Return the code of an exception reply."""
        return answer.code if isinstance(answer, ExceptionReply) else None

    def link(
        self,
        section: BusSection,
        line: Line,
        rules: Rules[Request],
        *,
        on_bytes: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> ModbusLink:
        """Return the link, not yet open."""

        def allowed(unit: int, request: Request) -> bool:
            return may_leave(self, rules, unit, request)

        return ModbusLink(section, line, allowed, on_bytes=on_bytes, on_lost=on_lost)
