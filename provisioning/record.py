"""What has been found and learnt at one cabinet: `provision.json` in the data folder, written whole after every step.

A technician who is interrupted goes on where she was; nothing in it is secret.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.kit.durable import write_whole
from common.kit.errors import ConfigError
from firmware_protocols.lock_boards import LineProtocol, LockKind

RECORD_FILE = "provision.json"
Sure = Literal["certain", "likely", "unknown"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FoundUnit(_Part):
    """One address that answered."""

    unit: int
    kind: str = ""
    """Kind of lock board or probe, or a family that this release has no driver for; empty: not recognised."""
    sure: Sure = "unknown"
    seen: str = ""
    """What it said of itself, for people."""
    channels: int = 0
    inputs: int = 0
    shared: bool = False
    """Answers are garbled at this address alone: two boards have it."""


class FoundBus(_Part):
    """One port on which something answered."""

    name: str
    port: str
    baud: int
    protocol: LineProtocol
    local_echo: bool = False
    units: tuple[FoundUnit, ...] = ()


class LearntDoor(_Part):
    """One door as it was seen to open and shut."""

    label: str
    bus: str
    unit: int
    kind: LockKind
    channel: int
    sensor_unit: int
    sensor_kind: LockKind
    sensor_channel: int
    open_level: Literal[0, 1]
    pulse_ms: int
    latency_ms: int
    at: str


class OddChannel(_Part):
    """A channel behind which no door could be learnt, and why."""

    bus: str
    unit: int
    channel: int
    why: Literal["no_door", "two_doors", "no_sensor", "two_sensors", "refused", "did_not_shut"]
    note: str = ""


WHY = {
    "no_door": "no door opened",
    "two_doors": "more than one door opened",
    "no_sensor": "a door opened, no contact moved",
    "two_sensors": "a door opened, more than one contact moved",
    "refused": "the board did not obey",
    "did_not_shut": "the contact did not go back when the door was shut",
}
"""`why` of an odd channel in words."""


class LearntProbe(_Part):
    """The probe that hangs in a zone."""

    zone: str
    bus: str
    unit: int
    kind: str
    channel: int = 0


class LearntDevice(_Part):
    """A controller or meter and the zone it belongs to, if it is one."""

    name: str
    bus: str
    unit: int
    kind: str
    zone: str | None = None


class DoorCycles(_Part):
    """How one door did in the last test."""

    label: str
    pulses: int
    opened: int
    shut: int
    latencies_ms: tuple[int, ...] = ()


class ProbeSeen(_Part):
    """What a probe said in the last test."""

    zone: str
    quality: str
    temperature_c: float | None
    humidity_pct: float | None
    plausible: bool


DeviceWhy = Literal[
    "not_in_settings", "no_driver", "daemon_runs", "left_out", "away", "unsound",
    "scale_zero", "scale_weighed", "scale_silent", "scale_unit", "scale_range", "scale_busy",
    "scale_moving", "scale_not_zero", "scale_wrong", "scale_not_back",
    "printer_read", "printer_unread", "printer_no_paper", "printer_not_ready", "printer_away",
    "printer_unsure", "scanner_read", "scanner_unreadable", "scanner_nothing", "wedge_works",
    "wedge_fails", "card_read", "card_nothing",
]  # fmt: skip


class DeviceTried(_Part):
    """How a device with a port of its own did in the last test."""

    name: Literal["scale", "printer", "scanner", "card_reader", "camera"]
    outcome: Literal["well", "bad", "left_out", "not_fitted"]
    why: DeviceWhy
    """Its words: `provisioning/device_words.py`."""
    figures: dict[str, str | int | float] = Field(default_factory=dict)

    @classmethod
    def of(cls, name: str, outcome: str, why: DeviceWhy, **figures: str | float) -> Self:
        """Return one; ValidationError for a name or an outcome that there is not."""
        record = {"name": name, "outcome": outcome, "why": why, "figures": figures}
        return cls.model_validate(record)


class LastTest(_Part):
    """The last whole test."""

    at: str
    technician: str
    doors: tuple[DoorCycles, ...]
    probes: tuple[ProbeSeen, ...]
    devices: tuple[DeviceTried, ...] = ()


class CoilPulse(_Part):
    """One pulse that left: the duty of a coil outlives this program."""

    bus: str
    unit: int
    channel: int
    boot_id: str
    mono_ms: int
    wall_ms: int


class DrawnZone(_Part):
    """A temperature zone of the maker's drawing; without a set point it is as warm as outside."""

    name: str = Field(min_length=1, max_length=20)
    name_zh: str = Field(min_length=1, max_length=20)
    name_en: str = Field(min_length=1, max_length=20)
    set_point_c: float | None = None


class DrawnDoor(_Part):
    """A door of the maker's drawing; where its wires end is what `learn` finds out."""

    label: str
    zone: str
    size: Literal["S", "M", "L"]
    column: int
    row: int
    width: int = 1
    height: int = 1
    easy_reach: bool = False
    flap: bool = False
    """The flap of a recycling box: learnt like a door, and no place for parcels."""


class DrawnScreen(_Part):
    """Where the touchscreen stands in the grid."""

    column: int = 2
    row: int = 1
    width: int = 1
    height: int = 2


class DrawnCabinet(_Part):
    """The housing."""

    id: str = "cabinet"


class Drawing(_Part):
    """`layout.toml`, or a cabinet file: its boards and channels are not looked at."""

    cabinet: DrawnCabinet = DrawnCabinet()
    screen: DrawnScreen = DrawnScreen()
    zone: tuple[DrawnZone, ...] = ()
    door: tuple[DrawnDoor, ...] = ()


class Record(_Part):
    """Everything of one cabinet."""

    v: Literal[1] = 1
    buses: tuple[FoundBus, ...] = ()
    drawing: Drawing = Drawing()
    is_drawn: bool = False
    """The drawing came from its maker, so it says which doors there are; else it grows with what is learnt."""
    doors: tuple[LearntDoor, ...] = ()
    odd: tuple[OddChannel, ...] = ()
    probes: tuple[LearntProbe, ...] = ()
    devices: tuple[LearntDevice, ...] = ()
    tested: LastTest | None = None
    pulses: tuple[CoilPulse, ...] = ()

    def with_(self, **parts: object) -> Self:
        """Return a copy with some parts new."""
        return self.model_copy(update=parts)

    def door(self, label: str) -> LearntDoor | None:
        """Return a learnt door."""
        return next((door for door in self.doors if door.label == label), None)

    def bus(self, name: str) -> FoundBus | None:
        """Return a found bus."""
        return next((bus for bus in self.buses if bus.name == name), None)


def load_record(data: Path) -> Record:
    """Return what is known of the cabinet, an empty record at the first time; ConfigError for a damaged file."""
    path = data / RECORD_FILE
    try:
        return Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Record()
    except (ValidationError, OSError) as error:
        detail = f"{path} cannot be read ({error}); move it away and scan again"
        raise ConfigError("provision.record", detail) from error


def save_record(data: Path, record: Record) -> None:
    """Write it whole."""
    data.mkdir(parents=True, exist_ok=True)
    write_whole(data / RECORD_FILE, record.model_dump_json(indent=1).encode())
