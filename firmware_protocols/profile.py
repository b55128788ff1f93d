"""What a register profile says: where a Modbus device keeps what, and when its word may not be believed.

One TOML file a device in `profiles/`; the way of describing a device is learnt from wb-mqtt-serial's
templates (see each file's `source` for its numbers). Addresses are wire addresses (0-based).
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from firmware_protocols.modbus_pdu import Function

Address = Annotated[int, Field(ge=0, le=0xFFFF)]
Register = Annotated[int, Field(ge=0, le=0xFFFF)]
Name = Annotated[str, Field(min_length=1, max_length=60)]
MAX_REGISTERS = 125
MAX_BITS = 2000


class Table(StrEnum):
    """The four tables of a Modbus device."""

    COIL = "coil"
    DISCRETE = "discrete"
    INPUT = "input"
    HOLDING = "holding"

    @property
    def is_bits(self) -> bool:
        """Tell whether it holds single bits."""
        return self in (Table.COIL, Table.DISCRETE)

    @property
    def read(self) -> Function:
        """Return the function that reads it."""
        return _READ[self]


_READ = {
    Table.COIL: Function.READ_COILS,
    Table.DISCRETE: Function.READ_DISCRETE_INPUTS,
    Table.INPUT: Function.READ_INPUT_REGISTERS,
    Table.HOLDING: Function.READ_HOLDING_REGISTERS,
}


class Role(StrEnum):
    """What a point means to the station, whatever the device calls it."""

    AIR_TEMPERATURE = "air_temperature"
    PROBE_TEMPERATURE = "probe_temperature"
    DEFROST_TEMPERATURE = "defrost_temperature"
    CONDENSER_TEMPERATURE = "condenser_temperature"
    DISPLAYED_TEMPERATURE = "displayed_temperature"
    SET_POINT = "set_point"
    ACTIVE_SET_POINT = "active_set_point"
    STATE = "state"
    COMPRESSOR = "compressor"
    FAN = "fan"
    DEFROST_RELAY = "defrost_relay"
    DEFROSTING = "defrosting"
    DEFROST_START = "defrost_start"
    STANDBY = "standby"
    SWITCHED_ON = "switched_on"
    DOOR = "door"
    DOOR_ALARM = "door_alarm"
    HIGH_ALARM = "high_alarm"
    LOW_ALARM = "low_alarm"
    ALARM = "alarm"
    PROBE_FAULT = "probe_fault"
    HACCP = "haccp"
    UNITS = "units"
    VOLTAGE = "voltage"
    CURRENT = "current"
    POWER = "power"
    APPARENT_POWER = "apparent_power"
    REACTIVE_POWER = "reactive_power"
    ENERGY = "energy"
    FREQUENCY = "frequency"
    POWER_FACTOR = "power_factor"
    GROSS_WEIGHT = "gross_weight"
    STABLE = "stable"
    OVERLOAD = "overload"


ROLE_UNITS: Mapping[Role, str] = {
    Role.AIR_TEMPERATURE: "°C",
    Role.PROBE_TEMPERATURE: "°C",
    Role.DEFROST_TEMPERATURE: "°C",
    Role.CONDENSER_TEMPERATURE: "°C",
    Role.DISPLAYED_TEMPERATURE: "°C",
    Role.SET_POINT: "°C",
    Role.ACTIVE_SET_POINT: "°C",
    Role.VOLTAGE: "V",
    Role.CURRENT: "A",
    Role.POWER: "W",
    Role.APPARENT_POWER: "VA",
    Role.REACTIVE_POWER: "var",
    Role.ENERGY: "kWh",
    Role.FREQUENCY: "Hz",
    Role.GROSS_WEIGHT: "g",
}
"""Role → the unit its numbers are in after scaling; a role that is not here has none.

Weights are in g as in `[scale]`: a scale's whole register then is a whole number, in kg it would be a fraction.
"""
CONDITIONAL_UNITS = frozenset({"°C", "g"})
"""Numbers in these are believed only while every condition (`must_be`) of the device holds."""
PROBE_ROLES = frozenset({Role.AIR_TEMPERATURE, Role.PROBE_TEMPERATURE})
"""Roles that may serve as the probe of a zone."""
ALARM_ROLES = frozenset(
    {Role.DOOR_ALARM, Role.HIGH_ALARM, Role.LOW_ALARM, Role.ALARM, Role.PROBE_FAULT, Role.HACCP}
)
"""Roles that are alarms while they are true."""
WRITABLE_ROLES: Mapping[Role, bool] = {Role.SET_POINT: False, Role.DEFROST_START: True}
"""All that an operator may change, and whether it is a yes; the control loop stays in the controller."""

PointType = Literal["bit", "flag", "u16", "s16", "u32", "s32", "f32"]
"""`bit`: one bit of a table of bits or of a register; `flag`: a register that holds 0 or 1."""
WIDE: frozenset[str] = frozenset({"u32", "s32", "f32"})


class _Strict(BaseModel):
    # Built at first use: a station without such devices should not hold validators it never runs.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Status(_Strict):
    """A place next to a value that says whether the value may be believed."""

    table: Table | None = Field(default=None, description="none: the table of the value")
    address: Address
    mask: Register = 0xFFFF
    bad: tuple[Register, ...] = Field(
        min_length=1, description="what stands under the mask when the value is not to be believed"
    )


class Point(_Strict):
    """One thing that can be read, sometimes changed."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,29}$", description="its name in logs and messages")
    role: Role
    table: Table = Table.HOLDING
    address: Address
    type: PointType = "s16"
    bit: int | None = Field(default=None, ge=0, le=15, description="bit of a register, from 0")
    invert: bool = Field(default=False, description="a bit that is 0 when it is so")
    scale: float = Field(default=1.0, gt=0, description="value = register x scale + offset")
    offset: float = 0.0
    unit: str = Field(default="", description="of the value; each role has one unit")
    word_order: Literal["high_first", "low_first"] = "high_first"
    error_values: tuple[Annotated[int, Field(ge=0, le=0xFFFFFFFF)], ...] = Field(
        default=(), description="raw values, unsigned, that mean that there is none"
    )
    good_min: float | None = Field(default=None, description="below: not believed")
    good_max: float | None = Field(default=None, description="above: not believed")
    status: Status | None = None
    must_be: int | None = Field(
        default=None,
        description="another raw value: no temperature and no weight of the device is believed",
    )
    channel: int = Field(default=0, ge=0, le=63, description="which probe of the unit, from 0")
    access: Literal["read", "operator"] = "read"
    confirmed_by: str | None = Field(
        default=None, description="point that shows that a change was obeyed; none: itself"
    )

    @property
    def is_flag(self) -> bool:
        """Tell whether its value is yes or no."""
        return self.type in ("bit", "flag")

    @property
    def places(self) -> int:
        """Return how many registers or bits it takes."""
        return 2 if self.type in WIDE else 1

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if wrong := next(_misfits(self), None):
            raise ValueError(f"point {self.id}: {wrong}")
        return self


def _misfits(point: Point) -> Iterator[str]:
    """Yield what cannot be."""
    in_bits = point.table.is_bits
    if in_bits and (point.type != "bit" or point.bit is not None):
        yield f"a {point.table} is a whole bit: `type` = 'bit' and no `bit`"
    if not in_bits and (point.type == "bit") is not (point.bit is not None):
        yield "`type` = 'bit' in a register needs `bit`, and nothing else has one"
    if point.unit != (wanted := ROLE_UNITS.get(point.role, "")):
        yield f"`unit` of the role {point.role} is {wanted!r}, scale it to that"
    if point.address + point.places > 0x10000:
        yield "it does not fit below address 65536"
    if point.access == "operator":
        yield from _unwritable(point)


def _unwritable(point: Point) -> Iterator[str]:
    if WRITABLE_ROLES.get(point.role) is not point.is_flag:
        yield f"a {point.type} of the role {point.role} is never written"
    if point.table not in (Table.COIL, Table.HOLDING):
        yield f"a {point.table} cannot be written"
    if point.places != 1 or point.bit is not None:
        yield "only a whole coil or one whole register is written"
    if not point.is_flag and (point.good_min is None or point.good_max is None):
        yield "what is written needs `good_min` and `good_max`"


class About(_Strict):
    """What it is, for people."""

    name_zh: Name
    name_en: Name
    maker: Name
    family: Literal["controller", "meter", "probes", "scale"]
    page: str = Field(pattern=r"^[a-z0-9-]+\.md$", description="its page in docs/hardware")
    source: str = Field(min_length=10, description="where the numbers come from")
    doubt: str = Field(
        default="", description="what is not known for sure; makes the profile experimental"
    )


class LineDefaults(_Strict):
    """How its line is set when nobody changed it, and how patient one must be."""

    baud: int = Field(default=9600, ge=1200, le=115200)
    parity: Literal["N", "E", "O"] = "N"
    response_timeout_ms: int = Field(default=300, ge=10, le=5000)
    guard_ms: int = Field(default=5, ge=0, le=1000, description="silence it needs between requests")


class Limits(_Strict):
    """What one request may ask for."""

    max_registers: int = Field(default=1, ge=1, le=MAX_REGISTERS)
    max_bits: int = Field(default=1, ge=1, le=MAX_BITS)
    max_hole: int = Field(
        default=0, ge=0, le=MAX_REGISTERS, description="places between two points, read in passing"
    )

    def most(self, table: Table) -> int:
        """Return how many places of a table one request may ask for."""
        return self.max_bits if table.is_bits else self.max_registers


class Profile(_Strict):
    """One kind of device."""

    device: About
    line: LineDefaults = LineDefaults()
    read: Limits = Limits()
    point: tuple[Point, ...]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        ids = [point.id for point in self.point]
        if twice := next((name for name in ids if ids.count(name) > 1), None):
            raise ValueError(f"two points are called {twice!r}")
        channels = [point.channel for point in self.point if point.role in PROBE_ROLES]
        if len(set(channels)) != len(channels):
            raise ValueError("two probes have the same `channel`")
        weights = sum(point.role is Role.GROSS_WEIGHT for point in self.point)
        if weights != int(self.device.family == "scale"):
            raise ValueError("a scale has one gross_weight, and nothing else has any")
        for point in self.point:
            if point.confirmed_by is not None and point.confirmed_by not in ids:
                raise ValueError(f"point {point.id}: there is no point {point.confirmed_by!r}")
            if point.places > self.read.most(point.table):
                raise ValueError(f"point {point.id} is wider than one request may be")
        return self

    def named(self, name: str) -> Point:
        """Return a point by its id; an unknown one raises KeyError."""
        return {point.id: point for point in self.point}[name]

    @property
    def probes(self) -> Mapping[int, Point]:
        """Return channel → the point that may serve as the probe of a zone."""
        return {point.channel: point for point in self.point if point.role in PROBE_ROLES}

    @property
    def weight(self) -> Point | None:
        """Return the point that says what lies on a scale; None: it is no scale."""
        return next((point for point in self.point if point.role is Role.GROSS_WEIGHT), None)

    @property
    def conditions(self) -> tuple[Point, ...]:
        """Return the points without whose word no temperature and no weight is believed."""
        return tuple(point for point in self.point if point.must_be is not None)
