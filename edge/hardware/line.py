"""A line is bytes and time: a serial port or a TCP connection, opened for one protocol at a time.

Opening fails with an error that names the bus, the port and the remedy.
"""

import asyncio
import errno
import getpass
import grp
import logging
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from pymodbus.transport.serialtransport import create_serial_connection

from common.kit.errors import ConfigError, UnavailableError
from common.kit.said import Said
from common.kit.work import InlineWork, Work
from edge.config import BusSection
from edge.hardware.serial_hints import hints

log = logging.getLogger(__name__)

Factory = Callable[[], asyncio.BaseProtocol]
Connection = tuple[asyncio.BaseTransport, asyncio.BaseProtocol]

_BY_ID = Path("/dev/serial/by-id")
_TCP = "tcp://"
_MODBUS_TCP_PORT = 502
_PARITY = {"none": "N", "even": "E", "odd": "O"}
_GONE = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR})
_BUSY = frozenset({errno.EBUSY, errno.EAGAIN})


class Line(Protocol):
    """Bytes and time; one per bus."""

    async def connect(self, factory: Callable[[], asyncio.Protocol]) -> Connection:
        """Open and hand the transport to the protocol that `factory` makes; LinliError names the remedy."""


class SerialLine:
    """A serial port, opened exclusively: a second master on one wire opens wrong doors."""

    def __init__(self, section: BusSection, work: Work) -> None:
        """Remember what to open; nothing is touched yet. `work` looks for the cause when opening fails."""
        self._section, self._work = section, work
        self._hinted: set[str] = set()

    async def connect(self, factory: Factory) -> Connection:
        """Open the port; a missing, forbidden or busy one raises UnavailableError."""
        loop = asyncio.get_running_loop()
        await self._work.run(self._hint)
        try:
            return await create_serial_connection(
                loop,
                factory,
                self._section.port,
                baudrate=self._section.baud,
                bytesize=self._section.bits,
                parity=_PARITY[self._section.parity],
                stopbits=1,
                timeout=self._section.timeout_s,
            )
        except termios.error as error:  # is no OSError, but says the same
            raise port_error(self._section, OSError(*error.args)) from error
        except OSError as error:
            raise await self._work.run(port_error, self._section, error) from error

    def _hint(self) -> None:
        """Say once what should be changed about the port."""
        for hint in hints(self._section.port):
            if hint not in self._hinted:
                self._hinted.add(hint)
                log.warning("bus %s: %s", self._section.name, hint)


class TcpLine:
    """A Modbus TCP gateway, or `linli sim run`."""

    def __init__(self, section: BusSection) -> None:
        """Remember where to connect to."""
        self._section = section
        self.host, self.port = tcp_address(section.port)

    async def connect(self, factory: Factory) -> Connection:
        """Connect; a refused or unreachable gateway raises UnavailableError."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.create_connection(factory, self.host, self.port)
        except OSError as error:
            raise self._unreachable(error.strerror or str(error)) from error

    def _unreachable(self, cause: str) -> UnavailableError:
        bus, port = self._section.name, self._section.port
        detail = Said(
            "bus %(bus)s: no gateway answers at %(port)s (%(cause)s);"
            " is it switched on, and is the address right?",
            bus=bus, port=port, cause=cause,
        )  # fmt: skip
        text = "no gateway answers (%(cause)s); is it switched on, and is the address right?"
        why = Said(text, cause=cause)
        return UnavailableError("bus.gateway_unreachable", detail, bus=bus, port=port, why=why)


def is_tcp(port: str) -> bool:
    """Tell whether `port` of a bus is a gateway's address rather than a device file."""
    return port.startswith(_TCP)


def tcp_address(port: str) -> tuple[str, int]:
    """Return host and port of `tcp://host:port`; without a port it is 502. ConfigError `bus.address`."""
    try:
        parts = urlsplit(port)
        number = parts.port or _MODBUS_TCP_PORT
    except ValueError as error:
        text = (
            "%(port)s is no address of a gateway: write tcp://host:port, the port from 1 to 65535"
        )
        raise ConfigError("bus.address", Said(text, port=port), port=port) from error
    return parts.hostname or "127.0.0.1", number


def open_line(section: BusSection, work: Work | None = None) -> Line:
    """Return the line that `section.port` names; without `work` a failed opening is explained on the spot."""
    if is_tcp(section.port):
        return TcpLine(section)
    return SerialLine(section, work or InlineWork())


def port_error(section: BusSection, error: OSError) -> UnavailableError:
    """Return `error` in the words of the person who must act: bus, port, cause, remedy.

    Its parameter `why` is for those who have given the line no name yet.
    """
    key, cause = _cause(section.port, error)
    detail = Said(
        "bus %(bus)s: %(port)s %(cause)s", bus=section.name, port=section.port, cause=cause
    )
    return UnavailableError(key, detail, bus=section.name, port=section.port, why=cause)


def _cause(port: str, error: OSError) -> tuple[str, Said]:
    text = str(error)
    if error.errno in _GONE or "FileNotFoundError" in text:
        return (
            "bus.port_missing",
            Said("is not there; plug the adapter in or set `port` %(to)s", to=_candidates()),
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        group = _group(port)
        return "bus.port_forbidden", Said(
            "may not be opened by %(user)s; add the user to group %(group)s"
            " (`sudo usermod -aG %(group)s %(user)s`) and start again",
            user=getpass.getuser(),
            group=group,
        )
    if error.errno in _BUSY or "exclusively lock" in text:
        return "bus.port_busy", Said("is in use; stop the other program (`fuser -v` names it)")
    if error.errno == errno.EINVAL:
        said = "does not take this speed or character format; check `baud`, `bits` and `parity`"
        return "bus.port_failed", Said(said)
    return "bus.port_failed", Said("cannot be opened: %(cause)s", cause=text)


def _candidates() -> Said:
    try:
        found = sorted(str(path) for path in _BY_ID.iterdir())
    except OSError:
        found = []
    if not found:
        return Said("(no serial adapter is plugged in)")
    return Said("to one of %(ports)s", ports=", ".join(found))


def _group(port: str) -> str:
    try:
        return grp.getgrgid(Path(port).stat().st_gid).gr_name
    except (OSError, KeyError):
        return "dialout"
