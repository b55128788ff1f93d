"""Two boards of one kind on a bad line, the daemon's own hardware before them, and a tap on what it sends."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

from common.kit.chance import seeded_chance
from device_sim.cabinet import Cabinet
from device_sim.config import CabinetConfig
from edge.config import BusSection, StationConfig
from edge.hardware.build import build_hardware
from edge.hardware.bus import BusOwner
from edge.hardware.line import Line
from firmware_protocols.lock_boards import LOCK_BOARDS, LineProtocol, LockKind
from linli.demo.ports import Ports
from linli.demo.station_file import station_toml
from linli.world.clock import WorldClock
from linli.world.line import WorldLine
from linli.world.loop import VirtualLoop

DOORS_A_BOARD = 6
LINE = "locks"
PROBE_UNIT, FIRST_SENSOR_UNIT = 50, 101
STATION_ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"


def units_of(kind: LockKind) -> tuple[int, int]:
    """Return the addresses of the two boards: 千鸣 numbers boxes, so the second begins behind the first."""
    return (1, 1 + LOCK_BOARDS[kind].channels) if kind == "qianming" else (1, 2)


def cabinet_of(kind: LockKind) -> CabinetConfig:
    """Return a cabinet of two boards on one line; boards without inputs are sensed by (D) boards beside them."""
    facts = LOCK_BOARDS[kind]
    is_modbus = facts.protocol is LineProtocol.MODBUS
    channels = [facts.channels - 1, *range(DOORS_A_BOARD - 1)]
    boards: list[dict[str, object]] = [
        {"kind": kind, "bus": LINE, "unit": unit} for unit in units_of(kind)
    ]
    doors: list[dict[str, object]] = []
    for number, unit in enumerate(units_of(kind)):
        sensor = FIRST_SENSOR_UNIT + number
        if not facts.inputs:
            boards.append({"kind": "waveshare_8ch_d", "bus": LINE, "unit": sensor})
        for place, channel in enumerate(channels):
            sensed = {} if facts.inputs else {"sensor_board": sensor, "sensor_channel": place}
            doors.append({
                "label": f"{'AB'[number]}{place + 1:02d}", "board": unit, "channel": channel,
                "zone": "air", "size": "S", "column": number, "row": place, **sensed,
            })  # fmt: skip
    wire = LINE if is_modbus else "probes"
    boards.append({"kind": "xy_md02", "bus": wire, "unit": PROBE_UNIT, "zone": "air"})
    buses = [{"name": LINE, "baud": facts.baud}] + ([] if is_modbus else [{"name": wire}])
    return CabinetConfig.model_validate({
        "cabinet": {"id": "noise", "name_zh": "杂波", "name_en": "noise"},
        "screen": {"column": 2, "row": 0},
        "zone": [{"name": "air", "name_zh": "常温", "name_en": "air"}],
        "bus": buses, "board": boards, "door": doors,
    })  # fmt: skip


def station_of(cabinet: CabinetConfig, ptys: Path = Path("/dev")) -> StationConfig:
    """Return the station that the demo makes for a cabinet; `ptys`: where its serial ports are."""
    text = station_toml(cabinet, station_id=STATION_ID, ports=Ports.from_base(8800), ptys=ptys)
    return StationConfig.model_validate(tomllib.loads(text))


class Tap:
    """What the daemon put on one line, and when."""

    def __init__(self, loop: VirtualLoop) -> None:
        """Listen; `sent` may be emptied by whoever has judged it."""
        self._loop = loop
        self.sent: list[tuple[float, bytes]] = []

    def note(self, frame: bytes) -> None:
        """Note one frame."""
        self.sent.append((self._loop.time(), frame))


class Stand:
    """Cabinet, lines and hardware of one seed."""

    def __init__(self, loop: VirtualLoop, seed: int, kind: LockKind) -> None:
        """Build it; nothing runs yet."""
        self.loop, self.kind, self.facts = loop, kind, LOCK_BOARDS[kind]
        self.clock = WorldClock(loop, boot_id="boot-1")
        jitter = seeded_chance(f"{seed}|cabinet").jitter
        self.witness: list[str] = []
        self.cabinet = Cabinet(cabinet_of(kind), self.clock, jitter, self.witness.append)
        self.station = station_of(self.cabinet.config)
        self.taps = {bus.name: Tap(loop) for bus in self.cabinet.buses}
        self._lines: list[WorldLine] = []
        self.cabinet.on_plug.append(self._plug_moved)
        self.hardware = build_hardware(self.station, self.line)
        self.wires = {door.label: door.wire for door in self.cabinet.config.door}

    @property
    def owner(self) -> BusOwner[Any, Any]:
        """Return the owner of the locks' line."""
        return self.hardware.owner(LINE)

    def is_open(self, label: str) -> bool:
        """Return how a door stands, in truth."""
        return self.cabinet.physics.lock(*self.wires[label]).is_open

    async def settle(self) -> None:
        """Let what is on the wire reach the doors."""
        await asyncio.sleep(1)
        self.cabinet.settle_now()

    def line(self, section: BusSection) -> Line:
        """Return a cable to the bus that a section names, with the tap on it."""
        bus = next(bus for bus in self.cabinet.buses if bus.name == section.name)
        tap = self.taps[section.name]
        line = WorldLine(bus, lambda: self.cabinet.is_plugged(bus), tap.note)
        self._lines.append(line)
        return line

    def _plug_moved(self) -> None:
        for line in self._lines:
            line.plug_changed()
