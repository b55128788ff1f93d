"""Which board opens and senses each door, as `station.toml` says it, and what can be wrong with that."""

import difflib
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.contract.base import GridIndex, GridSpan, Label
from common.contract.words import Size
from firmware_protocols.lock_boards import (
    LOCK_BOARDS,
    LineProtocol,
    LockKind,
    misfit,
    sensor_misfit,
)


class Section(BaseModel):
    """A section of a settings file: frozen, and an unknown key is refused."""

    # what was given may be a password; `common.kit.config` says it where it is none
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def one_of(kind: str, known: Sequence[str], what: str) -> str:
    """Return `kind`; ValueError with the nearest one when it is not `known`."""
    if kind not in known:
        near = difflib.get_close_matches(kind, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise ValueError(f"there is no {what} for {kind!r}; {hint}")
    return kind


class DoorSection(Section):
    """Where a door hangs on the bus."""

    label: Label
    bus: str
    board_kind: LockKind = Field(
        default="waveshare_8ch_d",
        description="which lock board opens the door (see [lock boards](lock-boards.md))",
    )
    unit: int = Field(ge=0, le=247, description="address of the board")
    channel: int = Field(ge=0, le=63, description="relay and input of the board, from 0")
    sensor_kind: LockKind = Field(
        default="waveshare_8ch_d", description="the board at `sensor_unit`"
    )
    sensor_unit: int | None = Field(
        default=None,
        ge=0,
        le=247,
        description="board on the same bus that senses the door; none: the one that opens it",
    )
    sensor_channel: int | None = Field(
        default=None, ge=0, le=63, description="its input, from 0; none: the same as `channel`"
    )
    pulse_ms: int = Field(
        default=400,
        ge=100,
        le=1000,
        description="current through the coil; a board with a length of its own is not told, its supply rests as long",
    )
    supply: str = Field(
        default="main",
        min_length=1,
        max_length=20,
        description="power supply of its coil: one coil a supply is under current at a time",
    )
    open_level: Literal[0, 1] = Field(
        default=1,
        description="door input when the door is open; 0: the contact is the other way round",
    )

    @property
    def sensed_by(self) -> tuple[int, LockKind]:
        """Return unit and kind of the board that senses the door."""
        if self.sensor_unit is None:
            return self.unit, self.board_kind
        return self.sensor_unit, self.sensor_kind

    @property
    def sensed_channel(self) -> int:
        """Return the input of that board."""
        return self.channel if self.sensor_channel is None else self.sensor_channel

    @model_validator(mode="after")
    def _the_board_can(self) -> Self:
        wrong = misfit(
            self.board_kind, unit=self.unit, channel=self.channel, pulse_ms=self.pulse_ms
        ) or sensor_misfit(self.sensed_by[1], unit=self.sensed_by[0], channel=self.sensed_channel)
        if wrong:
            raise ValueError(f"compartment {self.label}: {wrong}")
        return self


class CompartmentSection(DoorSection):
    """One compartment: where its door hangs on the bus and where it stands in the cabinet."""

    zone: str
    size: Size
    column: GridIndex
    row: GridIndex
    width: GridSpan = 1
    height: GridSpan = 1
    easy_reach: bool = Field(default=False, description="between 380 and 1220 mm above the floor")


class FlapSection(DoorSection):
    """The flap of a recycling box: wired like a compartment's door, but nothing is put in there for anybody."""


class FillSection(Section):
    """A switch that closes when a recycling box is full, on a spare input of a board that senses doors."""

    name: str = Field(min_length=1, max_length=20, description="which box, for people")
    bus: str
    unit: int = Field(ge=0, le=247, description="a board that senses a door of this station")
    channel: int = Field(ge=0, le=63, description="its input, from 0")
    full_level: Literal[0, 1] = Field(default=1, description="the input when the box is full")


def doors_share_nothing(parts: Sequence[DoorSection]) -> None:
    """Raise ValueError for two doors on one relay or one input: one would open, or seem to, with the other."""
    relays: dict[tuple[str, int, int], str] = {}
    inputs: dict[tuple[str, int, int], str] = {}
    for part in parts:
        for taken, unit, channel, what in (
            (relays, part.unit, part.channel, "channel"),
            (inputs, part.sensed_by[0], part.sensed_channel, "input"),
        ):
            if (other := taken.setdefault((part.bus, unit, channel), part.label)) != part.label:
                raise ValueError(f"{other} and {part.label} share unit {unit} {what} {channel}")


def one_kind_a_unit(parts: Sequence[DoorSection]) -> None:
    """Raise ValueError for a board that is named as two kinds."""
    kinds: dict[tuple[str, int], LockKind] = {}
    for part in parts:
        for unit, kind in ((part.unit, part.board_kind), part.sensed_by):
            if (other := kinds.setdefault((part.bus, unit), kind)) != kind:
                raise ValueError(f"unit {unit} on bus {part.bus!r} is named as {other} and {kind}")


def one_protocol_a_bus(bus: str, parts: Sequence[DoorSection], *, has_probe: bool) -> None:
    """Raise ValueError for boards on one wire that do not speak the same."""
    kinds = {kind for p in parts if p.bus == bus for kind in (p.board_kind, p.sensed_by[1])}
    spoken = {LOCK_BOARDS[kind].protocol for kind in kinds}
    if has_probe:
        spoken.add(LineProtocol.MODBUS)
    if len(spoken) > 1:
        raise ValueError(
            f"what hangs on bus {bus!r} speaks {' and '.join(sorted(spoken))};"
            " give each protocol a bus of its own"
        )


def fill_levels_fit(fills: Sequence[FillSection], parts: Sequence[DoorSection]) -> None:
    """Raise ValueError for a fill level on an input that no board here has, or that a door or another box takes."""
    kinds = {(part.bus, part.sensed_by[0]): part.sensed_by[1] for part in parts}
    taken = {(p.bus, p.sensed_by[0], p.sensed_channel): p.label for p in parts}
    for fill in fills:
        kind = kinds.get((fill.bus, fill.unit))
        place = f"fill level {fill.name!r}: unit {fill.unit} on bus {fill.bus!r}"
        if kind is None:
            raise ValueError(f"{place} senses no door of this station")
        if wrong := sensor_misfit(kind, unit=fill.unit, channel=fill.channel):
            raise ValueError(f"{place}: {wrong}")
        where = (fill.bus, fill.unit, fill.channel)
        if (other := taken.setdefault(where, fill.name)) != fill.name:
            raise ValueError(f"{place} shares input {fill.channel} with {other}")
