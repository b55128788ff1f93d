"""A cable that misbehaves on demand between the unmodified bus owner and a simulated cabinet, in virtual time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from device_sim.bus import Bus, Reply
from device_sim.cabinet import Cabinet
from edge.config import StationConfig
from edge.hardware.build import Hardware, build_hardware
from firmware_protocols import modbus_rtu, modbus_tcp
from linli.world.clock import WorldClock
from linli.world.loop import VirtualLoop, run_virtual
from tests.device_sim.cabinets import config as cabinet_config

T = TypeVar("T")
STATION_ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"


@dataclass(frozen=True, slots=True)
class Sent:
    """One frame that the daemon put on the wire."""

    at_s: float
    data: bytes

    @property
    def is_pulse(self) -> bool:
        return self.data[1] == 5 and self.data[2] == 2


class Cable:
    """The port `Line`: what the boards say comes through as told by the attributes."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.sent: list[Sent] = []
        self.plugged = True
        self.echo = False
        self.one_by_one = False
        """Deliver every byte on its own, 3 ms apart."""
        self.noise_before = b""
        self.gateway = False
        """Speak Modbus TCP to the station and RTU to the boards; set before the port is opened."""
        self.connects = 0
        self.wrote = asyncio.Event()
        self._open: _Wire | None = None

    async def connect(self, factory: Callable[[], asyncio.Protocol]) -> Any:
        if not self.plugged:
            raise FileNotFoundError(2, "no such port")
        self.connects += 1
        protocol = factory()
        self._open = _Wire(self, protocol)
        protocol.connection_made(self._open)
        return self._open, protocol

    def pull(self) -> None:
        self.plugged = False
        if self._open is not None:
            self._open.lose()

    def say(self, data: bytes) -> None:
        """Let bytes appear on the line that nobody asked for."""
        assert self._open is not None
        self._open.deliver(data)

    @property
    def pulses(self) -> list[Sent]:
        return [sent for sent in self.sent if sent.is_pulse]


class _Wire(asyncio.Transport):
    def __init__(self, cable: Cable, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._cable, self._protocol = cable, protocol
        self._loop = asyncio.get_running_loop()
        self._closed = False
        cable.bus.listeners[:] = [self._pass_on]

    def write(self, data: Any) -> None:
        if self._closed:
            return
        cable, now_s = self._cable, self._loop.time()
        cable.sent.append(Sent(now_s, bytes(data)))
        cable.wrote.set()
        if cable.echo:
            self._loop.call_at(now_s + len(data) * cable.bus.character_s, self.deliver, bytes(data))
        if cable.gateway:
            self._ask_boards(bytes(data), now_s)
            return
        for reply in cable.bus.feed(bytes(data), now_s):
            self._pass_on(reply)

    def _pass_on(self, reply: Reply) -> None:
        whole = self._cable.noise_before + reply.data
        if not self._cable.one_by_one:
            self._loop.call_at(reply.ends_s, self.deliver, whole)
            return
        for number in range(len(whole)):
            at_s = reply.starts_s + number * 0.003
            self._loop.call_at(at_s, self.deliver, whole[number : number + 1])

    def _ask_boards(self, data: bytes, now_s: float) -> None:
        (frame,), _ = modbus_tcp.split(data)
        for reply in self._cable.bus.feed(modbus_rtu.encode(frame.unit, frame.pdu), now_s):
            pdu = modbus_rtu.decode(reply.data).pdu
            answer = modbus_tcp.TcpFrame(frame.transaction, frame.unit, pdu).encode()
            self._loop.call_at(reply.ends_s, self.deliver, answer)

    def deliver(self, data: bytes) -> None:
        if not self._closed:
            self._protocol.data_received(data)

    def lose(self) -> None:
        if not self._closed:
            self._closed = True
            self._protocol.connection_lost(OSError(5, "unplugged"))

    def close(self) -> None:
        self._closed = True

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closed


def station_config(**doors: object) -> StationConfig:
    """Return a station that fits the demo cabinet; keyword arguments go into [doors]."""
    cabinet = cabinet_config()
    zones = {"chilled": ("chilled", 3, 0.0, 8.0), "ambient": ("ambient", 4, 0.0, 35.0)}
    return StationConfig.model_validate(
        {
            "station": {"id": STATION_ID},
            "bus": [{"name": "bus0", "port": "/dev/sim"}],
            "zone": [
                {
                    "name": name, "name_zh": name, "name_en": name, "temperature_class": kind,
                    "probe_bus": "bus0", "probe_unit": unit, "min_c": low, "max_c": high,
                }
                for name, (kind, unit, low, high) in zones.items()
            ],
            "compartment": [
                {
                    "label": door.label, "bus": "bus0", "unit": door.board,
                    "channel": door.channel, "zone": door.zone, "size": door.size,
                    "column": door.column, "row": door.row,
                }
                for door in cabinet.door
            ],
            "doors": doors,
        }
    )  # fmt: skip


class Bench:
    """Cabinet, cable and the daemon's hardware on one virtual loop."""

    def __init__(self, loop: VirtualLoop, **doors: object) -> None:
        self.loop = loop
        self.clock = WorldClock(loop, boot_id="boot-1")
        self.cabinet = Cabinet(cabinet_config(), self.clock, random.Random(1))
        self.cable = Cable(self.cabinet.bus())
        self.config = station_config(**doors)
        self.changes: list[tuple[str, int | None, bool]] = []
        self.hardware = self.build()

    def build(self) -> Hardware:
        hardware = build_hardware(self.config, lambda _section: self.cable)
        hardware.on_bus_change(lambda bus, unit, up, _detail: self.changes.append((bus, unit, up)))
        return hardware

    async def ready(self) -> None:
        """Wait until the port is open and forget what opening it sent."""
        await self.hardware.door_bus.read_doors()
        self.cable.sent.clear()
        self.cable.wrote.clear()

    def is_open(self, label: str) -> bool:
        return next(d for d in self.cabinet.state().doors if d.label == label).open


def on_bench(body: Callable[[Bench], Awaitable[T]], *, seed: int = 1, **doors: object) -> T:
    """Run `body` while the hardware runs, on a fresh virtual loop."""

    async def main(loop: VirtualLoop) -> T:
        bench = Bench(loop, **doors)
        task = asyncio.create_task(bench.hardware.run())
        try:
            return await body(bench)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return run_virtual(seed, main)
