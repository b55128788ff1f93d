"""What has been found and learnt at one cabinet: `provision.json` in the data folder, written whole after every step.

A technician who is interrupted goes on where she was; nothing in it is secret.
"""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.kit.durable import write_whole
from common.kit.errors import ConfigError, UnavailableError
from common.kit.said import Said
from edge.hardware.calibration import ProbeState
from firmware_protocols.lock_boards import LineProtocol, LockKind
from provisioning.tried import DeviceTried

RECORD_FILE = "provision.json"
MOST_RECORD_BYTES = 16 << 20
Sure = Literal["certain", "likely", "unknown"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


_Number = Annotated[int, Field(ge=0, le=0xFFFF)]
"""Addresses, channels, counts: generous, but nothing that only damage could write."""
_Stamp = Annotated[int, Field(ge=-(2**53), le=2**53)]


class FoundUnit(_Part):
    """One address that answered."""

    unit: _Number
    kind: str = ""
    """Kind of lock board or probe, or a family that this release has no driver for; empty: not recognised."""
    sure: Sure = "unknown"
    seen: str = ""
    """What it said of itself, for people."""
    channels: _Number = 0
    inputs: _Number = 0
    shared: bool = False
    """Answers are garbled at this address alone: two boards have it."""


class FoundBus(_Part):
    """One port on which something answered."""

    name: str
    port: str
    baud: int = Field(ge=1, le=1_000_000)
    protocol: LineProtocol
    local_echo: bool = False
    units: tuple[FoundUnit, ...] = ()


class LearntDoor(_Part):
    """One door as it was seen to open and shut."""

    label: str
    bus: str
    unit: _Number
    kind: LockKind
    channel: _Number
    sensor_unit: _Number
    sensor_kind: LockKind
    sensor_channel: _Number
    open_level: Literal[0, 1]
    pulse_ms: int = Field(ge=1, le=1000)
    latency_ms: int
    at: str


class OddChannel(_Part):
    """A channel behind which no door could be learnt, and why."""

    bus: str
    unit: _Number
    channel: _Number
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
    unit: _Number
    kind: str
    channel: _Number = 0


class LearntDevice(_Part):
    """A controller or meter and the zone it belongs to, if it is one; or a scale and what stands on its plate."""

    name: str
    bus: str
    unit: _Number
    kind: str
    zone: str | None = None
    capacity_g: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    division_g: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Of a scale alone."""


class DoorCycles(_Part):
    """How one door did in the last test."""

    label: str
    pulses: _Number
    opened: _Number
    shut: _Number
    latencies_ms: tuple[int, ...] = ()


class ProbeSeen(_Part):
    """What a probe said in the last test."""

    zone: str
    quality: str
    temperature_c: float | None
    humidity_pct: float | None
    plausible: bool


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
    unit: _Number
    channel: _Number
    boot_id: str
    mono_ms: _Stamp
    wall_ms: _Stamp


class DrawnZone(_Part):
    """A temperature zone of the maker's drawing; without a set point it is as warm as outside."""

    name: str = Field(min_length=1, max_length=20)
    name_zh: str = Field(min_length=1, max_length=20)
    name_en: str = Field(min_length=1, max_length=20)
    set_point_c: float | None = Field(default=None, allow_inf_nan=False)


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
    name_zh: str = ""
    name_en: str = ""


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
    calibrations: tuple[ProbeState, ...] = ()
    """As the station said last; it keeps them, this is for the report."""
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
    if not path.exists():
        return Record()
    try:
        if not path.is_file():  # a pipe would be waited for
            raise _unreadable(path, "it is no file")
        with path.open("rb") as file:
            whole = file.read(MOST_RECORD_BYTES + 1)
        if len(whole) > MOST_RECORD_BYTES:
            raise _unreadable(path, "it is too large")
        return Record.model_validate_json(whole)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "file"
        said = Said("%(place)s: %(what)s", place=place, what=first["msg"])
        raise _unreadable(path, said) from error
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def _unreadable(path: Path, cause: str) -> ConfigError:
    text = "%(path)s cannot be read (%(cause)s); move it away and scan again, or update if it is a newer release's"
    return ConfigError("provision.record", Said(text, path=str(path), cause=cause))


def save_record(data: Path, record: Record) -> None:
    """Write it whole; UnavailableError when it cannot be, then what was saved before stands as it was."""
    path = data / RECORD_FILE
    try:
        data.mkdir(parents=True, exist_ok=True)
        write_whole(path, record.model_dump_json(indent=1).encode())
    except OSError as error:
        with suppress(OSError):  # gives the room back
            path.with_name(f"{RECORD_FILE}.part").unlink(missing_ok=True)
        said = Said(
            "%(path)s cannot be written (%(cause)s): all steps before stand in it, the last one does not."
            " Make room, then go on with the same command",
            path=str(path),
            cause=error.strerror or str(error),
        )
        raise UnavailableError("provision.unwritable", said) from error
