"""The cabinet file: what hangs on which wire, where each door stands; unknown keys are refused.

Grid: columns and rows count from 0 at the top left, in the same units as the station's door map.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from common.kit.config import load_toml
from device_sim.box_config import FillSection
from device_sim.camera_config import CameraSection
from device_sim.serial_config import Capacity, Division, SerialSection
from device_sim.zone_config import Name, ZoneSection
from firmware_protocols import profiles
from firmware_protocols.lock_boards import (
    LOCK_BOARDS,
    MODBUS_UNITS,
    LineProtocol,
    LockKind,
    misfit,
    sensor_misfit,
)

Unit = Annotated[int, Field(ge=0, le=247)]
Channel = Annotated[int, Field(ge=0, le=63)]
ProbeKind = Literal["xy_md02"]
"""Kinds of probe with a board of their own in `device_sim/cabinet.py`; any register profile is played besides."""


def _known_kind(kind: str) -> str:
    known = (*LOCK_BOARDS, *get_args(ProbeKind), *profiles.names())
    if kind not in known:
        near = get_close_matches(kind, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise ValueError(f"there is no board {kind!r}; {hint}")
    return kind


BoardKind = Annotated[str, AfterValidator(_known_kind)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CabinetSection(_Section):
    """The housing and the air around it."""

    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="short name, also on the bench page"
    )
    name_zh: Name = Field(description="for people, in Chinese")
    name_en: Name = Field(description="for people, in English")
    ambient_c: float = Field(
        default=24.0, ge=-30, le=50, description="temperature outside the housing"
    )
    ambient_pct: float = Field(
        default=60.0, ge=0, le=100, description="humidity outside the housing"
    )
    clock_factor: float = Field(
        default=1.0,
        gt=0,
        le=10_000,
        description="how much faster temperatures move; never the wire",
    )


class LockSection(_Section):
    """The lock model of every door."""

    release_ms: int = Field(
        default=60, ge=10, le=1000, description="current needed to free the latch"
    )
    burn_after_ms: int = Field(
        default=1500, ge=500, description="current in one go that burns the coil"
    )
    recovery: float = Field(
        default=0.15, gt=0, le=1, description="share of its off-time a coil cools"
    )


class BusSection(_Section):
    """One RS-485 line."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,19}$", description="name of the link to its pty"
    )
    baud: int = Field(default=9600, ge=1200, le=256_000, description="8N1, in both directions")
    tcp: bool = Field(
        default=False,
        description="also offered over TCP (at most one bus): Modbus TCP, or bare bytes for what is not Modbus",
    )


class BoardSection(_Section):
    """One board on a bus; a probe measures a zone."""

    kind: BoardKind = Field(
        description="[lock board](lock-boards.md), `xy_md02` or [register profile](profiles.md)"
    )
    bus: str = Field(description="name of the line it hangs on")
    unit: Unit = Field(description="its address, once in the cabinet")
    zone: str | None = Field(
        default=None, description="where a probe hangs, what a controller cools or a meter feeds"
    )
    zones: tuple[str, ...] = Field(
        default=(), description="instead of `zone`, where each probe hangs, by channel from 0"
    )
    capacity_g: Capacity = 30_000.0
    division_g: Division = 10.0

    @property
    def lock_kind(self) -> LockKind | None:
        """Return which lock board it is, None for a probe."""
        return self.kind if self.kind in LOCK_BOARDS else None  # type: ignore[return-value] # the table's keys

    @property
    def probe_kind(self) -> ProbeKind | None:
        """Return which probe with a board of its own it is, None for anything else."""
        return self.kind if self.kind in get_args(ProbeKind) else None  # type: ignore[return-value] # its values

    @property
    def profile_kind(self) -> str | None:
        """Return its register profile, None for what has none."""
        return self.kind if self.kind in profiles.names() else None

    @property
    def hangs_in(self) -> tuple[str, ...]:
        """Return the zone of each of its probes, by channel."""
        return self.zones or (() if self.zone is None else (self.zone,))

    @property
    def protocol(self) -> LineProtocol:
        """Return what it speaks."""
        return LOCK_BOARDS[kind].protocol if (kind := self.lock_kind) else LineProtocol.MODBUS


class _Placed(_Section):
    column: int = Field(ge=0, le=40, description="from the left, from 0")
    row: int = Field(ge=0, le=80, description="from the top, from 0")
    width: int = Field(default=1, ge=1, le=40, description="columns it takes")
    height: int = Field(default=1, ge=1, le=80, description="rows it takes")


class DoorSection(_Placed):
    """One door: the channel that opens it, the input that senses it, and its place."""

    label: str = Field(pattern=r"^[A-Z][0-9]{2}$", description="what stands on the door")
    board: Unit = Field(description="unit of its lock board")
    channel: Channel = Field(description="relay and input, from 0")
    sensor_board: Unit | None = Field(
        default=None, description="unit that senses it on the same bus; none: its lock board"
    )
    sensor_channel: Channel | None = Field(
        default=None, description="input of that board, from 0; none: the same as `channel`"
    )
    zone: str = Field(description="name of its temperature zone")
    size: Literal["S", "M", "L"] = Field(description="small, medium or large")
    easy_reach: bool = Field(
        default=False, description="handle between 380 and 1220 mm above the floor"
    )
    flap: bool = Field(
        default=False,
        description="the flap of a recycling box: nothing is put in there for anybody",
    )

    @property
    def wire(self) -> tuple[int, int]:
        """Return board and channel of its lock."""
        return self.board, self.channel

    @property
    def contact(self) -> tuple[int, int]:
        """Return board and input of its sensor."""
        board = self.board if self.sensor_board is None else self.sensor_board
        return board, self.channel if self.sensor_channel is None else self.sensor_channel


class ScreenSection(_Placed):
    """Where the touchscreen stands in the grid."""


class CabinetConfig(_Section):
    """A whole cabinet file."""

    cabinet: CabinetSection
    lock: LockSection = LockSection()
    bus: tuple[BusSection, ...] = Field(min_length=1)
    zone: tuple[ZoneSection, ...] = Field(min_length=1)
    board: tuple[BoardSection, ...] = Field(min_length=1)
    door: tuple[DoorSection, ...] = Field(min_length=1)
    serial: tuple[SerialSection, ...] = ()
    fill: tuple[FillSection, ...] = ()
    camera: CameraSection | None = Field(default=None, repr=False)
    screen: ScreenSection

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        buses, zones = {bus.name for bus in self.bus}, {zone.name for zone in self.zone}
        _unique(
            "name of a line", [*(one.name for one in self.bus), *(one.name for one in self.serial)]
        )
        _unique("zone name", [zone.name for zone in self.zone])
        _unique("board unit", [board.unit for board in self.board])
        _unique("door label", [door.label for door in self.door])
        _unique("board and channel of a door", [door.wire for door in self.door])
        inputs = [(one.board, one.channel) for one in self.fill]
        _unique("board and input of a door", [*(door.contact for door in self.door), *inputs])
        _unique("name of a box", [one.name for one in self.fill])
        sensors = {one.unit for one in self.board if one.kind == "waveshare_8ch_d"}
        for one in self.fill:
            _known(f"fill level {one.name}", "board with spare inputs", one.board, sensors)
        if sum(bus.tcp for bus in self.bus) > 1:
            raise ValueError("only one bus can be offered over TCP")
        for board in self.board:
            _known(f"board {board.unit}", "bus", board.bus, buses)
            for zone in board.hangs_in:
                _known(f"board {board.unit}", "zone", zone, zones)
            if board.probe_kind:
                _known(f"board {board.unit}", "zone", board.zone, zones)
            if board.lock_kind is None and board.unit not in MODBUS_UNITS:
                raise ValueError(f"a {board.kind} has an address of 1 to 247, not {board.unit}")
        for bus in self.bus:
            self.protocol_of(bus.name)
        for door in self.door:
            _known(f"door {door.label}", "zone", door.zone, zones)
            self._wired(door)
        return self

    def protocol_of(self, bus: str) -> LineProtocol:
        """Return what the boards on a bus speak, Modbus when there are none; two protocols raise ValueError."""
        spoken = sorted({board.protocol for board in self.board if board.bus == bus})
        if len(spoken) > 1:
            raise ValueError(f"the boards on bus {bus!r} speak {' and '.join(spoken)}")
        return spoken[0] if spoken else LineProtocol.MODBUS

    def _wired(self, door: DoorSection) -> None:
        kinds = {one.unit: one.lock_kind for one in self.board if one.lock_kind}
        buses = {one.unit: one.bus for one in self.board}
        (unit, channel), (sensor_unit, sensor_channel) = door.wire, door.contact
        _known(f"door {door.label}", "relay board", unit, set(kinds))
        _known(f"door {door.label}", "relay board", sensor_unit, set(kinds))
        lock, sensor = kinds[unit], kinds[sensor_unit]
        if buses[unit] != buses[sensor_unit]:
            raise ValueError(
                f"door {door.label} is opened on bus {buses[unit]!r} and sensed elsewhere"
            )
        wrong = misfit(lock, unit=unit, channel=channel) or sensor_misfit(
            sensor, unit=sensor_unit, channel=sensor_channel
        )
        if wrong:
            raise ValueError(f"door {door.label}: {wrong}")


def load(path: Path, env: Mapping[str, str]) -> CabinetConfig:
    """Read the cabinet file; ConfigError names file, line, key and the nearest valid key."""
    return load_toml(CabinetConfig, path, env)


def _unique(what: str, values: Sequence[object]) -> None:
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise ValueError(f"{what} {twice!r} is given twice")


def _known(who: str, what: str, name: str | int | None, known: set[str] | set[int]) -> None:
    if name not in known:
        raise ValueError(
            f"{who} names {what} {name!r}; there are {', '.join(map(str, sorted(known)))}"
        )
