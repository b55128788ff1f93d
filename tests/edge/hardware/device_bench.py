"""Devices with a serial port of their own behind the daemon's drivers: simulated device, cable, virtual time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from device_sim.cabinet import Cabinet
from device_sim.config import CabinetConfig
from edge.config import BusSection, StationConfig
from edge.hardware.peripherals import Peripherals
from linli.world.clock import WorldClock
from linli.world.loop import VirtualLoop, run_virtual
from tests.device_sim.cabinets import config as cabinet_config
from tests.edge.cable import Cable, station_config

T = TypeVar("T")


def cabinet_with(*serial: dict[str, object]) -> CabinetConfig:
    """Return the demo cabinet with devices on serial ports."""
    return CabinetConfig.model_validate({**cabinet_config().model_dump(), "serial": serial})


def station_with(**sections: object) -> StationConfig:
    """Return the demo station with further sections."""
    return StationConfig.model_validate({**station_config().model_dump(), **sections})


class DeviceBench:
    """Cabinet, a cable per device, and the daemon's drivers."""

    def __init__(self, loop: VirtualLoop, cabinet: CabinetConfig, station: StationConfig) -> None:
        self.loop = loop
        self.cabinet = Cabinet(cabinet, WorldClock(loop, boot_id="boot-1"), random.Random(1))
        self.cables = {
            bus.name: Cable(bus) for bus in self.cabinet.buses + self.cabinet.serial.buses
        }
        self.opened: list[BusSection] = []
        self.devices = Peripherals(station, self._line)
        self.news: list[tuple[str, int | None, bool, str]] = []
        self.devices.listeners.append(lambda *news: self.news.append(news))

    def _line(self, section: BusSection) -> Any:
        self.opened.append(section)
        return self.cables[section.name]

    def say(self, name: str, answer: Any) -> bool:
        """Let a device speak without being asked."""
        return self.cabinet.serial.say(name, answer, self.cabinet.settle_now())

    async def until(self, true: Callable[[], bool], within_s: float = 30.0) -> None:
        """Wait in virtual time."""
        async with asyncio.timeout(within_s):
            while not true():  # noqa: ASYNC110 - devices set no event
                await asyncio.sleep(0.01)


def on_devices(
    cabinet: CabinetConfig,
    station: StationConfig,
    body: Callable[[DeviceBench], Awaitable[T]],
    *,
    before: Callable[[DeviceBench], None] = lambda _bench: None,
) -> T:
    """Run `body` while the drivers run, on a fresh virtual loop; `before` comes before they start."""

    async def main(loop: VirtualLoop) -> T:
        bench = DeviceBench(loop, cabinet, station)
        before(bench)
        task = asyncio.create_task(bench.devices.run())
        try:
            return await body(bench)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return run_virtual(1, main)
