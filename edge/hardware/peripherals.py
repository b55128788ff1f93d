"""The station's devices with a port of their own, and a scale on a bus, built from its settings."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from edge.config import BusSection, StationConfig
from edge.hardware.build import StationHardware
from edge.hardware.bus import BusListener
from edge.hardware.bus_scale import BusScale, hardware_of_the_scale
from edge.hardware.card_reader import Rdm6300Reader
from edge.hardware.gm65_scanner import Gm65Scanner
from edge.hardware.lending import LentPort
from edge.hardware.line import Line
from edge.hardware.ports import CardReader, DeviceState, Printer, Scale, Scanner
from edge.hardware.printer import EscposPrinter
from edge.hardware.scales import SCALE_DRIVERS
from edge.peripherals import WEDGE, CardReaderSection, PrinterSection
from firmware_protocols.weights import SCALES

log = logging.getLogger(__name__)
AGAIN_S = 60.0
LOOK_S = 6.0
"""Long enough for a device that is slow to answer to be set up."""


class Device(Protocol):
    """What all of them are."""

    state: DeviceState

    def said(self) -> str:
        """Return what it says now, for people."""

    async def run(self) -> None:
        """Work until cancelled."""


class Peripherals:
    """All of them; what is not configured is None. `run()` owns the ports."""

    def __init__(
        self,
        config: StationConfig,
        open_line: Callable[[BusSection], Line],
        hardware: StationHardware | None = None,
    ) -> None:
        """Build what `config` names; nothing is opened before `run()`.

        `hardware` keeps the wire of a scale on a bus; None: that wire is opened for the scale alone.
        """
        self.listeners: list[BusListener] = []
        """Called as for a bus, when a device begins or ceases to be sound: `listener(name, None, sound, detail)`."""
        self.changed = asyncio.Event()
        """Set by every change of a state."""
        self._told: dict[str, bool] = {}
        self._config, self._open_line = config, open_line
        self.devices: list[Device] = []
        self.scanner = self._scanner(config)
        self.scale = self._scale(config, hardware)
        self.card_reader = self._card_reader(config.card_reader)
        self.printer = self._printer(config.printer)
        self._ports = {
            device.state.name: LentPort(_Kept(device, self._tell)) for device in self.devices
        }

    @property
    def ports(self) -> dict[str, str]:
        """Return name → port of each that has one."""
        found = {name: getattr(self._config, name).port for name in self._ports}
        return {name: port for name, port in found.items() if port}

    @property
    def states(self) -> tuple[DeviceState, ...]:
        """Return how each is doing."""
        return tuple(device.state for device in self.devices)

    async def run(self) -> None:
        """Keep every port open until cancelled; without any device it returns at once."""
        async with asyncio.TaskGroup() as group:
            for name, port in self._ports.items():
                group.create_task(port.run(), name=f"port of the {name}")

    async def lend(self, name: str) -> None:
        """Close the port of a device and keep it closed until `take_back`."""
        await self._ports[name].lend()

    def take_back(self, name: str) -> None:
        """Open it again, as at a start."""
        self._ports[name].take_back()

    def _scanner(self, config: StationConfig) -> Scanner | None:
        part = config.scanner
        if part is None or part.kind == WEDGE:
            return None
        section = BusSection(name="scanner", port=part.port, baud=part.baud)
        found = Gm65Scanner(part, section, self._open_line(section), lambda: self._tell(found))
        self.devices.append(found)
        return found

    def _scale(self, config: StationConfig, hardware: StationHardware | None) -> Scale | None:
        part = config.scale
        if part is None:
            return None
        if part.place is not None:
            return self._bus_scale(config, hardware)
        usual = SCALES[part.kind]
        section = BusSection(
            name="scale",
            port=part.port,
            baud=part.baud,
            bits=part.bits or usual.bits,
            parity=part.parity or usual.parity,
        )
        make, line = SCALE_DRIVERS[part.kind], self._open_line(section)
        found = make(part, section, line, lambda: self._tell(found))
        self.devices.append(found)
        return found

    def _bus_scale(self, config: StationConfig, hardware: StationHardware | None) -> Scale | None:
        wires = hardware or hardware_of_the_scale(config, self._open_line)
        if wires.scale is None:  # a simulated world without wires
            return None
        own_line = wires.run if hardware is None else None
        found = BusScale(wires.scale, lambda: self._tell(found), own_line)
        self.devices.append(found)
        return found

    def _card_reader(self, part: CardReaderSection | None) -> CardReader | None:
        if part is None:
            return None
        section = BusSection(name="card_reader", port=part.port, baud=part.baud)
        found = Rdm6300Reader(part, section, self._open_line(section), lambda: self._tell(found))
        self.devices.append(found)
        return found

    def _printer(self, part: PrinterSection | None) -> Printer | None:
        if part is None:
            return None
        section = BusSection(name="printer", port=part.port, baud=part.baud)
        found = EscposPrinter(part, section, self._open_line(section), lambda: self._tell(found))
        self.devices.append(found)
        return found

    def _tell(self, device: Device) -> None:
        self.changed.set()
        state = device.state
        if self._told.get(state.name) is not state.sound:
            self._told[state.name] = state.sound
            for listener in tuple(self.listeners):
                listener(state.name, None, state.sound, state.detail)


class _Kept:
    """Runs a device; a defect in its driver is logged and must not take the doors with it."""

    def __init__(self, device: Device, told: Callable[[Device], None]) -> None:
        self._device, self._told = device, told

    async def run(self) -> None:
        name = self._device.state.name
        while True:
            try:
                await self._device.run()
            except Exception:
                log.exception("%s: its driver failed, again in %d s", name, AGAIN_S)
            await asyncio.sleep(AGAIN_S)

    def lent(self, why: str) -> None:
        self._device.state = replace(self._device.state, up=False, sound=False, detail=why)
        self._told(self._device)


async def look_at(
    config: StationConfig, open_line: Callable[[BusSection], Line], *, within_s: float = LOOK_S
) -> tuple[DeviceState, ...]:
    """Open every port until each device is sound, or for `within_s`; return how each is doing."""
    found = Peripherals(config, open_line)
    task = asyncio.create_task(found.run())
    try:
        async with asyncio.timeout(within_s):
            while not all(state.sound for state in found.states):
                found.changed.clear()
                await found.changed.wait()
    except TimeoutError:
        pass
    finally:
        seen = tuple(replace(one.state, detail=one.said()) for one in found.devices)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return seen
