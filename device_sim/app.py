"""The simulator's composition root: one cabinet, its ports, its bench, under one TaskGroup."""

import asyncio
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from common.kit.chance import Chance
from common.kit.clock import Clock
from common.kit.errors import ConfigError, UnavailableError
from common.kit.folder import hold
from common.kit.web import WebServer
from common.kit.work import Work
from device_sim.bus import Bus
from device_sim.cabinet import Cabinet
from device_sim.camera_drawing import Artist
from device_sim.camera_server import CameraServer
from device_sim.config import CabinetConfig
from device_sim.control import make_bench
from device_sim.pty_port import PtyPort
from device_sim.script import ScenarioFile, begin, faster
from device_sim.tcp_port import BareTcpPort, TcpPort
from device_sim.witness import WitnessFile
from firmware_protocols.lock_boards import LineProtocol

HOST = "127.0.0.1"
WITNESS_FILE = "witness.jsonl"
_HEARTBEAT_S = 0.2
"""How late the witness may write down what happened without a byte on the wire (a spring, a burnt coil)."""


@dataclass(frozen=True, slots=True)
class SimPorts:
    """What a program gives the simulator."""

    clock: Clock
    chance: Chance
    work: Work


@dataclass(slots=True)
class Sim:
    """A running cabinet: `ready` is set when every port serves; the attributes are for tests."""

    cabinet: Cabinet
    witness_file: WitnessFile
    serial: tuple[PtyPort, ...]
    tcp: TcpPort | None
    bench: WebServer
    work: Work
    camera: CameraServer | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    _held: BinaryIO | None = None

    async def run(self) -> None:
        """Serve until cancelled; a taken port or folder raises UnavailableError before anything starts."""
        try:
            await self.bench.start()
            if self.tcp is not None:
                await self.tcp.listen()
            if self.camera is not None:
                await self.camera.start()
            self._held = await self.work.run(_hold, self.witness_file.path.parent)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_time(), name="physics")
                if self.tcp is not None:
                    group.create_task(self.tcp.run(), name="modbus-tcp")
                for port in self.serial:
                    group.create_task(port.run(), name=f"pty-{port.link.name}")
                for port in self.serial:
                    await port.is_open.wait()
                self.ready.set()
        finally:
            await self.bench.stop()
            if self.camera is not None:
                await self.camera.stop()
            self.witness_file.close()
            if self._held is not None:
                self._held.close()

    async def _keep_time(self) -> None:
        """Let springs, timers and faults' ends happen also when nobody asks."""
        while True:
            now_s = self.cabinet.settle_now()
            wait_s = self.cabinet.next_event_s() - now_s
            await asyncio.sleep(_HEARTBEAT_S if math.isinf(wait_s) else min(wait_s, _HEARTBEAT_S))


def _hold(data: Path) -> BinaryIO:
    """Keep a second simulator from the links: it would take the port from under the first one's client."""
    return hold(data, "sim.lock", key="sim.in_use", who="simulator")


def build_sim(
    ports: SimPorts,
    config: CabinetConfig,
    data: Path,
    *,
    port: int,
    modbus_port: int,
    camera_port: int = 0,
    scenario: ScenarioFile | None = None,
) -> Sim:
    """Build the simulator; `data` gets the links to the serial ports and the witness' file.

    A `scenario` begins at once; ConfigError: it names what the cabinet has not.

    A folder that cannot be written raises UnavailableError. Port 0 takes a free one.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        witness_file = WitnessFile(data / WITNESS_FILE)
    except OSError as error:
        detail = f"{data}: {error.strerror}; give a folder that can be written with --data"
        raise UnavailableError("sim.no_data", detail, path=str(data)) from error
    config = config if scenario is None else faster(config, scenario)
    cabinet = Cabinet(config, ports.clock, ports.chance.jitter, witness_file)
    if scenario is not None:
        try:
            begin(scenario, cabinet)
        except ConfigError:
            witness_file.close()
            raise
    tcp = cabinet.tcp_bus
    return Sim(
        cabinet=cabinet,
        witness_file=witness_file,
        serial=tuple(
            PtyPort(cabinet, bus, data / bus.name, ports.clock, ports.work)
            for bus in (*cabinet.buses, *cabinet.serial.buses)
        ),
        tcp=None if tcp is None else _tcp(config, tcp, modbus_port, ports.clock),
        bench=WebServer(make_bench(cabinet), HOST, port),
        work=ports.work,
        camera=_camera(ports, cabinet, camera_port),
    )


def _camera(ports: SimPorts, cabinet: Cabinet, port: int) -> CameraServer | None:
    section = cabinet.config.camera
    if section is None:
        return None
    artist = Artist(cabinet.config, ports.chance.jitter)
    return CameraServer(cabinet, section, artist, ports.work, ports.clock, host=HOST, port=port)


def _tcp(config: CabinetConfig, bus: Bus, port: int, clock: Clock) -> TcpPort:
    is_modbus = config.protocol_of(bus.name) is LineProtocol.MODBUS
    return (TcpPort if is_modbus else BareTcpPort)(bus, HOST, port, clock)
