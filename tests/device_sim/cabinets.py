"""A demo cabinet on a clock that only tests move, and short words for talking to it."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from device_sim.bus import Bus, Reply
from device_sim.cabinet import Cabinet
from device_sim.config import CabinetConfig, load
from firmware_protocols import modbus_pdu, modbus_rtu
from firmware_protocols.lock_boards import LOCK_BOARDS, LockKind

ROOT = Path(__file__).parents[2]
CABINET_FILE = ROOT / "cabinets/yangguangli-3.toml"
START = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)


class StepClock:
    """Stands still until `now_s` is moved."""

    boot_id = "step"

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.now_s - 1000.0)


def config(**cabinet: object) -> CabinetConfig:
    """Return the demo cabinet's file, with keys of its [cabinet] section replaced."""
    read = load(CABINET_FILE, {})
    return read.model_copy(update={"cabinet": read.cabinet.model_copy(update=cabinet)})


def lock_cabinet(
    kind: LockKind, *, unit: int = 1, doors: int = 8, tcp: bool = False
) -> CabinetConfig:
    """Return a cabinet of one lock board on its own line `locks`, with a probe on `bus1`.

    Door A01 hangs on the last channel, the others on the first ones; without inputs (D) boards 101… sense them.
    """
    facts = LOCK_BOARDS[kind]
    channels = [facts.channels - 1, *range(doors - 1)]
    record: dict[str, list[dict[str, object]]] = {
        "bus": [{"name": "locks", "baud": facts.baud, "tcp": tcp}, {"name": "bus1"}],
        "zone": [{"name": "ambient", "name_zh": "常温", "name_en": "ambient"}],
        "board": [
            {"kind": kind, "bus": "locks", "unit": unit},
            {"kind": "xy_md02", "bus": "bus1", "unit": 200, "zone": "ambient"},
        ],
        "door": [
            {
                "label": f"A{number:02d}", "board": unit, "channel": channel, "zone": "ambient",
                "size": "S", "column": 0, "row": number,
            }
            for number, channel in enumerate(channels, 1)
        ],
    }  # fmt: skip
    if not facts.inputs:
        record["board"].append({"kind": "waveshare_8ch_d", "bus": "locks", "unit": 101})
        for number, door in enumerate(record["door"]):
            door |= {"sensor_board": 101, "sensor_channel": number}
    cabinet = {"id": "locks", "name_zh": "锁板", "name_en": "locks"}
    screen = {"column": 1, "row": 0}
    return CabinetConfig.model_validate({"cabinet": cabinet, "screen": screen, **record})


def profile_cabinet(*boards: dict[str, object], locks: LockKind = "wkly") -> CabinetConfig:
    """Return a cabinet with a frozen and a chilled zone, `boards` on their own line `bus1`, doors on `locks`."""
    doors = [
        {
            "label": f"A{n:02d}", "board": 20, "channel": n, "zone": zone, "size": "S",
            "column": 0, "row": n,
        }
        for n, zone in enumerate(("frozen", "chilled"))
    ]  # fmt: skip
    zones = {"frozen": -20.0, "chilled": 4.0}
    record: dict[str, object] = {
        "cabinet": {"id": "cold", "name_zh": "冷柜", "name_en": "cold"},
        "screen": {"column": 1, "row": 0},
        "bus": [{"name": "bus1"}, {"name": "locks", "baud": LOCK_BOARDS[locks].baud}],
        "zone": [
            {"name": name, "name_zh": name, "name_en": name, "set_point_c": set_point_c}
            for name, set_point_c in zones.items()
        ],
        "board": [{"kind": locks, "bus": "locks", "unit": 20}]
        + [{"bus": "bus1", **board} for board in boards],
        "door": doors,
    }
    return CabinetConfig.model_validate(record)


class Rig:
    """A cabinet, its clock, and the lines its witness wrote."""

    def __init__(self, made: CabinetConfig | None = None, **cabinet: object) -> None:
        self.clock = StepClock()
        self.lines: list[str] = []
        self.cabinet = Cabinet(
            made or config(**cabinet), self.clock, random.Random(7), self.lines.append
        )

    @property
    def bus(self) -> Bus:
        return self.cabinet.bus(0)

    def send(self, frame: bytes | str) -> list[Reply]:
        """Put bytes on the wire now."""
        data = bytes.fromhex(frame) if isinstance(frame, str) else frame
        return self.bus.feed(data, self.clock.now_s)

    def ask(self, unit: int, request: modbus_pdu.Request) -> modbus_pdu.Reply | None:
        """Ask a unit, wait until its answer is whole, return it (None: silence)."""
        replies = self.send(modbus_rtu.encode(unit, request.pdu()))
        if not replies:
            self.wait(0.3)
            return None
        (reply,) = replies
        self.wait(reply.ends_s - self.clock.now_s + self.bus.gap_s)
        return modbus_pdu.parse_reply(modbus_rtu.decode(reply.data).pdu)

    def wait(self, seconds: float) -> None:
        self.clock.now_s += seconds

    def door(self, label: str) -> tuple[bool, bool]:
        """Return (open, jammed)."""
        door = next(one for one in self.cabinet.state().doors if one.label == label)
        return door.open, door.jammed
