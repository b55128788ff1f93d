"""The cabinet file: what hangs on which wire, where each door stands; unknown keys are refused.

Grid: columns and rows count from 0 at the top left, in the same units as the station's door map.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.kit.config import load_toml
from firmware_protocols import waveshare_relay

Unit = Annotated[int, Field(ge=1, le=247)]
RelayKind = Literal["waveshare_8ch_d"]
ProbeKind = Literal["xy_md02"]
"""Kinds of probe; `device_sim/cabinet.py` has a board for each."""
Name = Annotated[str, Field(min_length=1, max_length=40)]


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
    tcp: bool = Field(default=False, description="also offered as Modbus TCP (at most one bus)")


class ZoneSection(_Section):
    """One temperature zone."""

    name: Name = Field(description="what boards and doors call it")
    name_zh: Name = Field(description="for people, in Chinese")
    name_en: Name = Field(description="for people, in English")
    set_point_c: float | None = Field(
        default=None, ge=-30, le=30, description="none: as warm as outside"
    )
    humidity_pct: float = Field(
        default=60.0, ge=0, le=100, description="humidity with all doors shut"
    )


class BoardSection(_Section):
    """One board on a bus; a probe measures a zone."""

    kind: Literal[RelayKind, ProbeKind] = Field(description="relay board or probe")
    bus: str = Field(description="name of the line it hangs on")
    unit: Unit = Field(description="its Modbus address, once in the cabinet")
    zone: str | None = Field(default=None, description="where a probe hangs")

    @property
    def probe_kind(self) -> ProbeKind | None:
        """Return which probe it is, None for a relay board."""
        return None if self.kind == "waveshare_8ch_d" else self.kind


class _Placed(_Section):
    column: int = Field(ge=0, le=40, description="from the left, from 0")
    row: int = Field(ge=0, le=80, description="from the top, from 0")
    width: int = Field(default=1, ge=1, le=40, description="columns it takes")
    height: int = Field(default=1, ge=1, le=80, description="rows it takes")


class DoorSection(_Placed):
    """One door: its relay channel (and the input of the same number) and its place."""

    label: str = Field(pattern=r"^[A-Z][0-9]{2}$", description="what stands on the door")
    board: Unit = Field(description="unit of its relay board")
    channel: int = Field(ge=0, lt=waveshare_relay.CHANNELS, description="relay and input, from 0")
    zone: str = Field(description="name of its temperature zone")
    size: Literal["S", "M", "L"] = Field(description="small, medium or large")
    easy_reach: bool = Field(
        default=False, description="handle between 380 and 1220 mm above the floor"
    )


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
    screen: ScreenSection

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        buses, zones = {bus.name for bus in self.bus}, {zone.name for zone in self.zone}
        _unique("bus name", [bus.name for bus in self.bus])
        _unique("zone name", [zone.name for zone in self.zone])
        _unique("board unit", [board.unit for board in self.board])
        _unique("door label", [door.label for door in self.door])
        _unique("board and channel of a door", [(door.board, door.channel) for door in self.door])
        if sum(bus.tcp for bus in self.bus) > 1:
            raise ValueError("only one bus can be offered as Modbus TCP")
        relays = {board.unit for board in self.board if not board.probe_kind}
        for board in self.board:
            _known(f"board {board.unit}", "bus", board.bus, buses)
            if board.probe_kind:
                _known(f"board {board.unit}", "zone", board.zone, zones)
        for door in self.door:
            _known(f"door {door.label}", "zone", door.zone, zones)
            _known(f"door {door.label}", "relay board", door.board, relays)
        return self


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
