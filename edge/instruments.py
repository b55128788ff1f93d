"""Devices on a register profile as `station.toml` names them (probes, controllers, meters), and their checks."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Annotated, Protocol

from pydantic import AfterValidator, Field

from common.kit.config import load_toml
from edge.wiring import DoorSection, Section, one_of
from firmware_protocols import profiles
from firmware_protocols.profile import Profile

OWN_PROBE_DRIVERS = ("xy_md02",)
"""Probes with a driver of their own; `edge/hardware/build.py` has one for each."""


@cache
def shipped(kind: str) -> Profile:
    """Return the profile of a kind that ships; ConfigError when its file is wrong."""
    return load_toml(Profile, profiles.path_of(kind), {})


def _has_profile(kind: str) -> str:
    return one_of(kind, profiles.names(), "profile")


def _has_driver(kind: str) -> str:
    return one_of(kind, (*OWN_PROBE_DRIVERS, *profiles.names()), "driver")


ProfileKind = Annotated[str, AfterValidator(_has_profile)]
ProbeKind = Annotated[str, AfterValidator(_has_driver)]


class DeviceSection(Section):
    """A controller, meter or probe module that is read beside the zones' probes."""

    name: str = Field(min_length=1, max_length=20, description="what pages and messages call it")
    kind: ProfileKind = Field(
        description="its register profile (see [register profiles](profiles.md))"
    )
    bus: str
    unit: int = Field(ge=1, le=247)
    zone: str | None = Field(
        default=None, description="the zone it cools or measures, if it is one"
    )
    sample_s: float = Field(default=30.0, ge=5, description="how often it is read")


class CalibrationSection(Section):
    """How a probe is compared with a reference (`linli provision calibrate`)."""

    most_offset_k: float = Field(
        default=2.0,
        gt=0,
        le=5,
        description="a probe that is further off is broken, not off: makers promise 0.3 to 1 K",
    )
    steady_s: float = Field(
        default=60.0,
        gt=0,
        le=900,
        description="readings are compared that kept still so long: about a probe's own slowness",
    )
    steady_k: float = Field(
        default=0.2, gt=0, le=1, description="still: no more between the coldest and the warmest"
    )
    due_days: int = Field(
        default=365, ge=1, le=3650, description="when a probe should be compared again"
    )


class _Bus(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def timeout_s(self) -> float: ...


class _Scale(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def place(self) -> tuple[str, int] | None: ...


class _Zone(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def probe_bus(self) -> str: ...
    @property
    def probe_unit(self) -> int: ...
    @property
    def probe_kind(self) -> str: ...
    @property
    def probe_channel(self) -> int: ...


def probes_exist(zones: Iterable[_Zone]) -> None:
    """Raise ValueError for a zone whose kind of probe has no such channel, or that shares one with another zone."""
    taken: dict[tuple[str, int, int], str] = {}
    for zone in zones:
        channels = (
            {0} if zone.probe_kind in OWN_PROBE_DRIVERS else set(shipped(zone.probe_kind).probes)
        )
        if not channels:
            raise ValueError(f"zone {zone.name!r}: a {zone.probe_kind} measures no air")
        if zone.probe_channel not in channels:
            raise ValueError(
                f"zone {zone.name!r}: a {zone.probe_kind} has the probe channels"
                f" {', '.join(map(str, sorted(channels)))}, not {zone.probe_channel}"
            )
        place = (zone.probe_bus, zone.probe_unit, zone.probe_channel)
        if (other := taken.setdefault(place, zone.name)) != zone.name and len(channels) > 1:
            raise ValueError(
                f"zones {other!r} and {zone.name!r} share channel {zone.probe_channel}"
            )


def devices_fit(
    devices: Sequence[DeviceSection],
    buses: Sequence[_Bus],
    zones: Sequence[_Zone],
    parts: Sequence[DoorSection],
    scale: _Scale | None = None,
) -> None:
    """Raise ValueError for a device or a scale that names what is not there, or whose unit is something else."""
    names = [device.name for device in devices]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two devices are called {twice!r}")
    known, places = {bus.name for bus in buses}, {zone.name for zone in zones}
    kinds: dict[tuple[str, int], str] = {}
    for part in parts:
        kinds[part.bus, part.unit] = part.board_kind
        kinds[part.bus, part.sensed_by[0]] = part.sensed_by[1]
    for who, bus, unit, kind in _modbus_units(devices, zones, scale):
        if bus not in known:
            raise ValueError(f"{who} names bus {bus!r}; there are {sorted(known)}")
        if (other := kinds.setdefault((bus, unit), kind)) != kind:
            raise ValueError(
                f"unit {unit} on bus {bus!r} is named as {other} and as {kind}, by {who}"
            )
    for device in devices:
        if device.zone is not None and device.zone not in places:
            raise ValueError(
                f"device {device.name!r} names zone {device.zone!r}; there are {sorted(places)}"
            )
    _scales_are_scales(devices, scale)
    _buses_are_patient(devices, buses, zones, scale)


def longest_guard_s(
    bus: str,
    devices: Iterable[DeviceSection],
    zones: Iterable[_Zone],
    scale: _Scale | None = None,
) -> float:
    """Return the silence between two requests that the most sensitive device on a bus needs."""
    kinds = {kind for _, on, _, kind in _modbus_units(devices, zones, scale) if on == bus}
    guards = (shipped(kind).line.guard_ms for kind in kinds - set(OWN_PROBE_DRIVERS))
    return max(guards, default=0) / 1000


def _scales_are_scales(devices: Iterable[DeviceSection], scale: _Scale | None) -> None:
    for device in devices:
        if shipped(device.kind).weight is not None:
            raise ValueError(
                f"device {device.name!r}: a {device.kind} is a scale, and that is named in [scale]"
            )
    if scale is not None and scale.place is not None and shipped(scale.kind).weight is None:
        raise ValueError(f"[scale]: a {scale.kind} weighs nothing")


def _modbus_units(
    devices: Iterable[DeviceSection], zones: Iterable[_Zone], scale: _Scale | None
) -> Iterator[tuple[str, str, int, str]]:
    """Yield who names it, bus, unit and kind of every probe and device, and of a scale on a bus."""
    for zone in zones:
        yield f"the probe of zone {zone.name!r}", zone.probe_bus, zone.probe_unit, zone.probe_kind
    for device in devices:
        yield f"device {device.name!r}", device.bus, device.unit, device.kind
    if scale is not None and scale.place is not None:
        yield "[scale]", *scale.place, scale.kind


def _buses_are_patient(
    devices: Iterable[DeviceSection],
    buses: Iterable[_Bus],
    zones: Iterable[_Zone],
    scale: _Scale | None,
) -> None:
    patience_ms = {bus.name: bus.timeout_s * 1000 for bus in buses}
    for who, bus, _, kind in _modbus_units(devices, zones, scale):
        if kind in OWN_PROBE_DRIVERS:
            continue
        needed_ms = shipped(kind).line.response_timeout_ms
        if patience_ms[bus] < needed_ms:
            raise ValueError(
                f"{who}: a {kind} may take {needed_ms} ms for an answer,"
                f" `timeout_s` of bus {bus!r} gives it {patience_ms[bus]:g} ms"
            )
