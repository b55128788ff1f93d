"""Lends buses to `linli provision`: never while a door is in use, given back at the latest when the holder is gone.

Doors of a lent bus refuse to open ("is being serviced"); nothing that was asked before is dropped.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from common.kit.errors import ConflictError, LinliError
from common.kit.said import Said
from common.kit.work import Work
from edge.climate import CalibrationDesk, CalibrationSession
from edge.config import StationConfig
from edge.doors import Doors
from edge.doors.duty import WINDOW_S
from edge.hardware.calibration import ProbeAsked
from edge.hardware.lease import (
    DEVICE,
    LINE_BYTES,
    SOCKET_FILE,
    CoilPulses,
    LeaseAsked,
    LeaseSaid,
    listen,
)

_log = logging.getLogger(__name__)


class Lender(Protocol):
    """Hardware whose ports can be lent, by their names."""

    async def lend(self, name: str, /) -> None:
        """Close a port and keep it closed."""

    def take_back(self, name: str, /) -> None:
        """Open it again."""


@dataclass(frozen=True, slots=True)
class LeasePorts:
    """What the server works with."""

    config: StationConfig
    doors: Doors
    hardware: Lender
    devices: Lender
    device_ports: Mapping[str, str]
    """Name of a device with a port of its own → the port."""
    screen_in_use: Callable[[], bool]
    work: Work
    calibrating: CalibrationDesk


class LeaseServer:
    """The daemon's side of the socket."""

    def __init__(self, ports: LeasePorts, data: Path) -> None:
        """Nothing listens yet; `ready` is set when it does."""
        self.ready = asyncio.Event()
        self._ports, self._data = ports, data
        self._held: set[str] = set()
        self._resting: dict[str, asyncio.TimerHandle] = {}

    async def run(self) -> None:
        """Listen until cancelled; a folder that takes no socket means no leases, and says so."""
        try:
            listener = await self._ports.work.run(listen, self._data)
        except OSError as error:
            _log.warning("no leases of a bus: %s: %s", self._data / SOCKET_FILE, error.strerror)
            return
        try:
            async with asyncio.TaskGroup() as talks:

                def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    talks.create_task(self._talk(reader, writer), name="lease")

                server = await asyncio.start_unix_server(met, sock=listener, limit=LINE_BYTES)
                self.ready.set()
                async with server:
                    await server.serve_forever()
        finally:
            await self._ports.work.run((self._data / SOCKET_FILE).unlink, True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: set[str] = set()
        calibrating = self._ports.calibrating.session()
        try:
            while line := await reader.readline():
                writer.write((await self._answer(line, mine, calibrating)).line())
                await writer.drain()
        except (ConnectionError, ValueError):  # gone, or a line without an end
            pass
        finally:
            calibrating.close()
            for name in sorted(mine):  # the holder is gone: nobody knows how warm its coils are
                self._give_back(name, WINDOW_S)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(
        self, line: bytes, mine: set[str], calibrating: CalibrationSession
    ) -> LeaseSaid:
        try:
            asked = LeaseAsked.model_validate_json(line)
        except ValidationError:
            return LeaseSaid.refusing("lease.malformed", Said("this is no question about a lease"))
        if asked.probe is not None:
            return await _about_probe(asked.probe, calibrating)
        if asked.give_back:
            if asked.give_back in mine:
                mine.discard(asked.give_back)
                self._give_back(asked.give_back, asked.rest_s)
            return LeaseSaid(bus=asked.give_back)
        lent = await self._lend(asked.lend)
        if not lent.key:
            mine.add(lent.bus)
        return lent

    async def _lend(self, named: str) -> LeaseSaid:
        name = await self._name(named)
        if name is None:
            said = Said("the station has no bus %(bus)s", bus=repr(named))
            return LeaseSaid.refusing("lease.unknown", said)
        if name in self._held:
            said = Said("somebody works at bus %(bus)s already", bus=name)
            return LeaseSaid.refusing("lease.held", said)
        if self._ports.screen_in_use():
            return LeaseSaid.refusing("lease.busy", Said("somebody is at the screen"))
        return await (self._lend_device if name.startswith(DEVICE) else self._lend_bus)(name)

    async def _name(self, named: str) -> str | None:
        """Return the bus or device with this name, or whose port is this file, by whichever of its names."""
        ports = {bus.name: bus.port for bus in self._ports.config.bus}
        ports |= {f"{DEVICE}{name}": port for name, port in self._ports.device_ports.items()}
        wanted = await self._ports.work.run(_real, named)
        for name, port in ports.items():
            if named in (name, port):
                return name
            if wanted and await self._ports.work.run(_real, port) == wanted:
                return name
        return None

    async def _lend_device(self, name: str) -> LeaseSaid:
        self._held.add(name)
        await self._ports.devices.lend(name.removeprefix(DEVICE))
        _log.warning("%s is lent to a technician", name)
        return LeaseSaid(bus=name)

    async def _lend_bus(self, bus: str) -> LeaseSaid:
        parts = [part for part in self._ports.config.compartment if part.bus == bus]
        self._held.add(bus)
        try:
            ages = await self._ports.doors.lend([part.label for part in parts])
        except ConflictError as error:
            self._held.discard(bus)
            return LeaseSaid.refusing("lease.busy", error.detail)
        if (rest := self._resting.pop(bus, None)) is not None:
            rest.cancel()
        await self._ports.hardware.lend(bus)
        _log.warning("bus %s is lent to a technician", bus)
        coils = [CoilPulses(unit=p.unit, channel=p.channel, ages_s=ages[p.label]) for p in parts]
        return LeaseSaid(bus=bus, coils=tuple(coils))

    def _give_back(self, bus: str, rest_s: float) -> None:
        """Open the port at once; its doors open again when the coils the technician pulsed have rested."""
        self._held.discard(bus)
        if bus.startswith(DEVICE):
            self._ports.devices.take_back(bus.removeprefix(DEVICE))
            _log.warning("%s is back", bus)
            return
        self._ports.hardware.take_back(bus)
        labels = [part.label for part in self._ports.config.compartment if part.bus == bus]
        loop = asyncio.get_running_loop()

        def rested() -> None:
            self._resting.pop(bus, None)
            self._ports.doors.take_back(labels)

        self._resting[bus] = loop.call_later(rest_s, rested)
        _log.warning("bus %s is back, its doors open again in %.0f s", bus, rest_s)


async def _about_probe(asked: ProbeAsked, calibrating: CalibrationSession) -> LeaseSaid:
    try:
        return LeaseSaid(probe=await calibrating.answer(asked))
    except LinliError as error:
        return LeaseSaid.refusing(error.key, error.detail)


def _real(port: str) -> str | None:
    """Return the device behind a name; None for what is no file."""
    path = Path(port)
    return str(path.resolve()) if port.startswith("/") and path.exists() else None
