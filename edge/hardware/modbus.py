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
from edge.hardware.guard import Framing, RtuFraming, TcpFraming, WireGuard
from edge.hardware.line import Line, is_tcp, tcp_address
from firmware_protocols.modbus_pdu import Reply, Request

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
        relay_units: frozenset[int],
        *,
        on_bytes: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        """Make the client; `on_lost` is called once when the port goes away by itself."""
        self._section = section
        self._on_lost = on_lost
        self._rtu: RtuFraming | None = None
        framing: Framing = TcpFraming()
        if not is_tcp(section.port):
            framing = self._rtu = RtuFraming(local_echo=section.local_echo)
        self.guard = WireGuard(framing, relay_units, on_bytes)
        self._client = self._make_client(section)
        self._client.set_max_no_responses(_NEVER)
        ctx = self._client.ctx
        ctx.call_create = lambda: line.connect(lambda: ctx)  # type: ignore[arg-type, return-value]

    @property
    def connected(self) -> bool:
        """Tell whether the line is open."""
        return self._client.connected

    def expect_echo(self) -> None:
        """Treat the adapter as one that hears itself (found by the owner's echo test)."""
        if self._rtu is not None:
            self._rtu.local_echo = True

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
