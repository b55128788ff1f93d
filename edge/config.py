"""The one place that knows what stands in `station.toml`; every key has a default that works or must be given."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from common.contract.base import GridIndex, GridSpan, Id, LimitC
from common.contract.events import MOST_PLACES
from common.contract.words import TemperatureClass
from edge.instruments import CalibrationSection, DeviceSection, ProbeKind, devices_fit, probes_exist
from edge.peripherals import (
    CameraSection,
    CardReaderSection,
    PrinterSection,
    ScaleSection,
    ScannerSection,
    no_port_twice,
)
from edge.wiring import (
    CompartmentSection,
    DoorSection,
    FillSection,
    FlapSection,
    Section,
    doors_share_nothing,
    fill_levels_fit,
    one_kind_a_unit,
    one_protocol_a_bus,
)
from firmware_protocols.lock_boards import LOCK_BOARDS, LineProtocol

Port = Annotated[int, Field(ge=0, le=65535)]


class StationSection(Section):
    """Who this station is."""

    id: Id
    cabinet: str = Field(
        default="cabinet", max_length=40, description="name of the housing, for people"
    )


class HubSection(Section):
    """Where the hub is and how patiently to ask."""

    url: str = Field(default="http://127.0.0.1:8800", pattern=r"^https?://")
    poll_wait_s: float = Field(
        default=25.0, ge=0, le=60, description="how long a long-poll may be held"
    )
    request_timeout_s: float = Field(
        default=20.0, gt=0, description="time for any request besides the long-poll's wait"
    )
    backoff_max_s: float = Field(default=60.0, gt=0, description="cap of the pause after failures")
    heartbeat_s: float = Field(
        default=60.0, gt=0, description="an idle station says hello this often"
    )


class BusSection(Section):
    """One port with boards on it."""

    name: str = Field(min_length=1, max_length=20)
    port: str = Field(
        description="`/dev/serial/by-id/…`, or `tcp://host:port`: Modbus TCP, or bare bytes for what is not Modbus"
    )
    baud: int = Field(default=9600, ge=300, le=115200)
    bits: Literal[7, 8] = Field(default=8, description="data bits of a character")
    parity: Literal["none", "even", "odd"] = Field(
        default="none", description="of a serial port; everything on the line must be set so"
    )
    timeout_s: float = Field(default=0.4, gt=0.05, le=5)
    local_echo: bool = False


class ZoneSection(Section):
    """One temperature zone with its probe."""

    name: str = Field(min_length=1, max_length=20)
    name_zh: str = Field(min_length=1, max_length=20)
    name_en: str = Field(min_length=1, max_length=20)
    temperature_class: TemperatureClass
    probe_bus: str
    probe_unit: int = Field(ge=1, le=247)
    probe_kind: ProbeKind = Field(
        default="xy_md02",
        description="what measures it: `xy_md02`, or a [register profile](profiles.md) with probes",
    )
    probe_channel: int = Field(
        default=0, ge=0, le=63, description="which probe of the unit, from 0; most have one"
    )
    min_c: LimitC
    max_c: LimitC
    sample_s: float = Field(default=10.0, ge=1)


class DoorsSection(Section):
    """Timings of the door machine (reference hardware F)."""

    open_timeout_s: float = Field(default=3.0, gt=0)
    poll_active_s: float = Field(default=0.15, gt=0)
    poll_idle_s: float = Field(default=1.0, gt=0)
    equal_samples: int = Field(default=2, ge=1, le=5)
    queue_ttl_s: float = Field(default=60.0, gt=0)
    left_open_s: float = Field(default=120.0, gt=0)
    max_pulses: int = Field(default=3, ge=1, le=3)
    pulse_gap_ms: int = Field(default=150, ge=100)
    max_pulses_per_min: int = Field(default=6, ge=1)
    min_off_pulses: int = Field(
        default=3, ge=0, le=20, description="a coil rests so many times its pulse before the next"
    )
    cool_down_s: float = Field(default=30.0, ge=0)


class PickupSection(Section):
    """The resident's side."""

    reopen_within_s: float = Field(default=120.0, gt=0)
    max_reopens: int = Field(default=2, ge=0, le=2)
    idle_s: float = Field(default=60.0, gt=0)


class LimiterSection(Section):
    """The keypad's limiter (reference security C.4)."""

    burst: int = Field(default=5, ge=1)
    refill_s: float = Field(default=600.0, gt=0)
    max_failures_24h: int = Field(
        default=20,
        ge=1,
        description="wrong codes of a day after which the keypad also asks for the last four of the phone number",
    )
    off_failures_24h: int = Field(
        default=100, ge=1, description="wrong tries of a day after which it is off"
    )


class ScreenSection(Section):
    """The pages: kiosk on loopback, keeper tablet on the LAN; where the screen stands in the cabinet grid."""

    kiosk_port: Port = 8810
    keeper_host: str = "0.0.0.0"
    keeper_port: Port = 8811
    keeper_origins: tuple[str, ...] = Field(
        default=(), description="further Host values of the keeper page, e.g. locker.lan:8811"
    )
    column: GridIndex = 2
    row: GridIndex = 1
    width: GridSpan = 1
    height: GridSpan = 2


class DiskSection(Section):
    """Free space of the data folder, and what is kept back for pickups (docs/operations/station.md, Disk)."""

    reserve_mib: int = Field(
        default=16,
        ge=0,
        le=1024,
        description="kept back in a file; released when nothing else is left",
    )
    low_mib: int = Field(default=256, ge=0, description="below: measurements thin out")
    critical_mib: int = Field(default=64, ge=0, description="below: nothing new is put in")
    full_mib: int = Field(default=8, ge=0, description="below: the reserve is released")
    copies: int = Field(
        default=3, ge=0, le=24, description="copies of state.db that are kept; 0 makes none"
    )
    copies_mib: int = Field(default=64, ge=0, description="room the copies may take together")
    copy_every_s: float = Field(
        default=3600, ge=60, description="how often the file is looked through and copied"
    )

    @model_validator(mode="after")
    def _levels_descend(self) -> Self:
        if not self.low_mib >= self.critical_mib >= self.full_mib:
            raise ValueError("low_mib, critical_mib and full_mib must not rise")
        return self


class StationConfig(Section):
    """`station.toml`."""

    station: StationSection
    hub: HubSection = HubSection()
    bus: tuple[BusSection, ...] = Field(min_length=1)
    # As many as a hub reads of one station.
    zone: tuple[ZoneSection, ...] = Field(min_length=1, max_length=MOST_PLACES)
    compartment: tuple[CompartmentSection, ...] = Field(min_length=1, max_length=MOST_PLACES)
    flap: tuple[FlapSection, ...] = ()
    fill: tuple[FillSection, ...] = ()
    device: tuple[DeviceSection, ...] = ()
    doors: DoorsSection = DoorsSection()
    pickup: PickupSection = PickupSection()
    limiter: LimiterSection = LimiterSection()
    screen: ScreenSection = ScreenSection()
    disk: DiskSection = DiskSection()
    calibration: CalibrationSection = CalibrationSection()
    scanner: ScannerSection | None = None
    scale: ScaleSection | None = None
    card_reader: CardReaderSection | None = None
    printer: PrinterSection | None = None
    camera: CameraSection | None = Field(default=None, repr=False)
    data: Path = Field(
        default=Path("data"),
        description="folder of databases and secrets; `--data` and LINLI_DATA win",
    )

    @property
    def doors_wired(self) -> tuple[DoorSection, ...]:
        """Return every door that hangs on a bus: compartments and flaps."""
        return (*self.compartment, *self.flap)

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        buses = {bus.name for bus in self.bus}
        zones = {zone.name for zone in self.zone}
        if len(buses) != len(self.bus) or len(zones) != len(self.zone):
            raise ValueError("two buses or two zones have the same name")
        for zone in self.zone:
            if zone.probe_bus not in buses:
                raise ValueError(
                    f"zone {zone.name!r} names bus {zone.probe_bus!r}; there are {sorted(buses)}"
                )
        for door in self.doors_wired:
            if door.bus not in buses:
                raise ValueError(
                    f"compartment {door.label} names bus {door.bus!r}; there are {sorted(buses)}"
                )
        for part in self.compartment:
            if part.zone not in zones:
                raise ValueError(
                    f"compartment {part.label} names zone {part.zone!r}; there are {sorted(zones)}"
                )
        times = Counter(part.label for part in self.doors_wired)
        if twice := [label for label, count in times.items() if count > 1]:
            raise ValueError(f"more than one compartment has the label {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _wires_fit(self) -> Self:
        doors_share_nothing(self.doors_wired)
        one_kind_a_unit(self.doors_wired)
        fill_levels_fit(self.fill, self.doors_wired)
        modbus = {zone.probe_bus for zone in self.zone} | {device.bus for device in self.device}
        modbus |= set() if self.scale is None else {self.scale.bus}
        for bus in self.bus:
            one_protocol_a_bus(bus.name, self.doors_wired, has_probe=bus.name in modbus)
        return self

    @model_validator(mode="after")
    def _ports_are_their_own(self) -> Self:
        own = {name: getattr(self, name) for name in ("scanner", "scale", "card_reader", "printer")}
        mine = [(f"[{name}]", part.port) for name, part in own.items() if part is not None]
        no_port_twice([*((f"bus {bus.name!r}", bus.port) for bus in self.bus), *mine])
        return self

    def protocol_of(self, bus: str) -> LineProtocol:
        """Return what the boards on a bus speak; one with probes alone, or nothing, speaks Modbus."""
        kinds = (LOCK_BOARDS[part.board_kind] for part in self.doors_wired if part.bus == bus)
        return next((facts.protocol for facts in kinds), LineProtocol.MODBUS)

    @model_validator(mode="after")
    def _units_are_one_device(self) -> Self:
        """Refuse a unit that is two devices: both would answer at once, and a door might not."""
        probes = {(zone.probe_bus, zone.probe_unit): zone.name for zone in self.zone}
        for part in self.doors_wired:
            for unit in (part.unit, part.sensed_by[0]):
                if (zone := probes.get((part.bus, unit))) is not None:
                    raise ValueError(
                        f"unit {unit} on bus {part.bus!r} is the relay board of {part.label}"
                        f" and the probe of zone {zone!r}; give one of them another unit"
                    )
        probes_exist(self.zone)
        devices_fit(self.device, self.bus, self.zone, self.doors_wired, self.scale)
        return self
