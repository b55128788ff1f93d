"""Any kind of lock board behind the daemon's own hardware: on the cable that misbehaves, or on a real serial port."""

import asyncio
import random
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from common.kit.clock import Clock, SystemClock
from common.kit.work import ThreadWork
from device_sim.bus import Bus, Reply
from device_sim.cabinet import Cabinet
from device_sim.config import CabinetConfig
from device_sim.pty_port import PtyPort
from device_sim.tcp_port import BareTcpPort
from edge.config import BusSection, StationConfig
from edge.hardware.build import Hardware, build_hardware
from edge.hardware.bus import BusOwner
from edge.hardware.line import Line, open_line
from edge.hardware.ports import LockBoard
from linli.demo.ports import Ports
from linli.demo.station_file import station_toml
from linli.world.clock import WorldClock
from linli.world.loop import VirtualLoop, run_virtual
from tests.edge.cable import STATION_ID, Cable

T = TypeVar("T")


def station_of(cabinet: CabinetConfig, ptys: Path = Path("/dev")) -> StationConfig:
    """Return the station that the demo makes for a cabinet."""
    text = station_toml(cabinet, station_id=STATION_ID, ports=Ports.from_base(8800), ptys=ptys)
    return StationConfig.model_validate(tomllib.loads(text))


class LockBench:
    """Cabinet and hardware; `cable` is the line of the locks."""

    def __init__(
        self,
        config: CabinetConfig,
        clock: Clock,
        lines: Callable[[Cabinet, BusSection], Line],
        station: StationConfig,
    ) -> None:
        self.cabinet = Cabinet(config, clock, random.Random(1))
        self.hardware: Hardware = build_hardware(
            station, lambda section: lines(self.cabinet, section)
        )
        self.bus = self.hardware.door_bus

    @property
    def owner(self) -> BusOwner[Any, Any]:
        return self.hardware._owners["locks"][0]

    @property
    def board(self) -> LockBoard:
        return self.bus._doors["A01"].board

    def open_doors(self) -> list[str]:
        return [door.label for door in self.cabinet.state().doors if door.open]

    async def seen_open(self) -> list[str]:
        doors = await self.bus.read_doors()
        assert None not in doors.values()
        return [label for label, is_open in doors.items() if is_open]


class CableBench(LockBench):
    """In virtual time, over a cable that does what a test tells it."""

    def __init__(
        self, config: CabinetConfig, loop: VirtualLoop, station: StationConfig | None = None
    ) -> None:
        self.cables: dict[str, Cable] = {}
        super().__init__(
            config, WorldClock(loop, boot_id="boot-1"), self._line, station or station_of(config)
        )

    def _line(self, cabinet: Cabinet, section: BusSection) -> Line:
        bus = next(bus for bus in cabinet.buses if bus.name == section.name)
        self.cables[section.name] = Cable(bus)
        return self.cables[section.name]

    @property
    def cable(self) -> Cable:
        return self.cables["locks"]

    async def ready(self) -> None:
        """Wait until the ports are open and forget what opening them sent."""
        await self.bus.read_doors()
        self.cable.sent.clear()
        self.cable.wrote.clear()


def on_cable(
    config: CabinetConfig,
    body: Callable[[CableBench], Awaitable[T]],
    *,
    echo: bool = False,
    station: StationConfig | None = None,
) -> T:
    """Run `body` while the hardware runs, on a fresh virtual loop."""

    async def main(loop: VirtualLoop) -> T:
        bench = CableBench(config, loop, station)
        bench.cable.echo = echo
        async with running(bench.hardware.run()):
            return await body(bench)

    return run_virtual(1, main)


class running:  # noqa: N801 - reads as a verb
    """Keep a job going inside a block."""

    def __init__(self, *jobs: Any) -> None:
        self._jobs = jobs
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        self._tasks = [asyncio.create_task(job) for job in self._jobs]

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class NoisyBus:
    """A bus whose boards are heard with rubbish before every answer."""

    def __init__(self, bus: Bus, noise: bytes) -> None:
        self._bus, self._noise = bus, noise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def feed(self, data: bytes, now_s: float) -> list[Reply]:
        return [
            Reply(one.starts_s, self._noise + one.data, one.character_s)
            for one in self._bus.feed(data, now_s)
        ]


def on_pty(
    config: CabinetConfig, folder: Path, body: Callable[[LockBench], Awaitable[T]], *, noise: bytes
) -> T:
    """Run `body` over real pseudo-terminals at the speed of the line, every byte on its own."""
    clock, work = SystemClock(), ThreadWork()
    bench = LockBench(
        config, clock, lambda _cabinet, section: open_line(section), station_of(config, folder)
    )

    async def main() -> T:
        ports = [
            PtyPort(bench.cabinet, NoisyBus(bus, noise), folder / bus.name, clock, work)  # type: ignore[arg-type]
            for bus in bench.cabinet.buses
        ]
        async with running(*(port.run() for port in ports)):
            for port in ports:
                await port.is_open.wait()
            async with running(bench.hardware.run()):
                return await body(bench)

    try:
        return asyncio.run(main())
    finally:
        work.close()


def on_tcp(config: CabinetConfig, body: Callable[[LockBench], Awaitable[T]]) -> T:
    """Run `body` with the line of the locks behind a serial server: bare bytes over a real socket."""
    clock = SystemClock()

    async def main() -> T:
        ports: list[BareTcpPort] = []

        def line(cabinet: Cabinet, section: BusSection) -> Line:
            bus = next(bus for bus in cabinet.buses if bus.name == section.name)
            if section.name != "locks":
                return Cable(bus)
            ports.append(BareTcpPort(bus, "127.0.0.1", 0, clock))
            return _LateLine(section, ports[0])

        bench = LockBench(config, clock, line, station_of(config))
        await ports[0].listen()
        async with running(ports[0].run(), bench.hardware.run()):
            return await body(bench)

    return asyncio.run(main())


class _LateLine:
    """Knows its port only when it is opened."""

    def __init__(self, section: BusSection, port: BareTcpPort) -> None:
        self._section, self._port = section, port

    async def connect(self, factory: Callable[[], asyncio.Protocol]) -> Any:
        address = f"tcp://127.0.0.1:{self._port.port}"
        return await open_line(self._section.model_copy(update={"port": address})).connect(factory)
