"""Build the station's hardware from its configuration: one owner a bus, one driver a unit."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from edge.config import BusSection, StationConfig, ZoneSection
from edge.hardware.bus import BusListener, BusOwner
from edge.hardware.door_bus import DoorWire, WiredDoorBus
from edge.hardware.inputs import BoardInput
from edge.hardware.lending import LentPort
from edge.hardware.line import Line
from edge.hardware.lock_drivers import LOCK_DRIVERS, SPEECHES
from edge.hardware.ports import DoorBus, Instrument, LockBoard, Probe
from edge.hardware.profiled import ProfiledDevice, ProfiledInstrument, ProfiledProbe
from edge.hardware.profiled import rule as profile_rule
from edge.hardware.speech import Rules
from edge.hardware.xy_md02 import XyMd02Probe
from edge.instruments import DeviceSection, longest_guard_s, shipped
from firmware_protocols.lock_boards import LOCK_BOARDS, LockKind
from firmware_protocols.modbus_pdu import Reply, Request

log = logging.getLogger(__name__)

FIGURES_EVERY_S = 3600.0
PROBE_DRIVERS: Mapping[str, Callable[[BusOwner[Request, Reply], int, str], Probe]] = {
    "xy_md02": XyMd02Probe
}
"""Kind in `station.toml` → driver of a probe of its own, made of its bus, unit and zone."""


@dataclass(frozen=True, slots=True)
class BusState:
    """How one bus is doing."""

    up: bool
    detail: str
    units: tuple[tuple[int, bool], ...]
    """(unit, answers), in order."""
    twins: tuple[int, ...] = ()
    """Units whose address a second board seems to have."""
    figures: tuple[str, ...] = ()
    """How it does in numbers, a line each, for people."""


class StationHardware(Protocol):
    """What the composition root asks of the hardware; `Hardware` is the one with wires."""

    @property
    def door_bus(self) -> DoorBus:
        """Return all doors."""

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Return a probe per zone."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Return every controller and meter."""

    @property
    def scale(self) -> ProfiledDevice | None:
        """Return the unit that weighs; None: none does."""

    @property
    def bus_state(self) -> dict[str, BusState]:
        """Return bus name → state, as of now."""

    def on_bus_change(self, listener: BusListener) -> None:
        """Call `listener(bus, unit | None, up, detail)` when a port or a unit goes away or comes back."""

    async def run(self) -> None:
        """Work until cancelled."""


class Hardware:
    """Everything on wires; `run()` owns the ports."""

    def __init__(
        self,
        owners: dict[str, tuple[BusOwner[Any, Any], tuple[int, ...]]],
        door_bus: WiredDoorBus,
        probes: tuple[Probe, ...],
        instruments: tuple[Instrument, ...] = (),
        flaps: tuple[BoardInput, ...] = (),
        fills: tuple[BoardInput, ...] = (),
        scale: ProfiledDevice | None = None,
    ) -> None:
        """Take what `build_hardware` made."""
        self.scale = scale
        self.flaps, self.fills = flaps, fills
        self.door_bus = door_bus
        self.probes = probes
        self.instruments = instruments
        self._owners = owners
        self._ports = {name: LentPort(owner) for name, (owner, _) in owners.items()}

    @property
    def bus_state(self) -> dict[str, BusState]:
        """Return bus name → state, as of now."""
        return {
            name: BusState(
                owner.up,
                owner.detail,
                tuple((n, owner.unit_up(n)) for n in units),
                owner.twins,
                tuple(owner.tally.texts()),
            )
            for name, (owner, units) in self._owners.items()
        }

    def on_bus_change(self, listener: BusListener) -> None:
        """Call `listener(bus, unit | None, up, detail)` when a port or a unit goes away or comes back."""
        for owner, _ in self._owners.values():
            owner.listeners.append(listener)

    def owner(self, bus: str) -> BusOwner[Any, Any]:
        """Return the owner of a line by its name, for whoever looks into it: check, lease, drill."""
        return self._owners[bus][0]

    async def run(self) -> None:
        """Own every port until cancelled; a port that is away is opened when it comes."""
        async with asyncio.TaskGroup() as group:
            for name, port in self._ports.items():
                group.create_task(port.run(), name=f"bus {name}")
            group.create_task(self._tell_figures(), name="bus figures")

    async def _tell_figures(self) -> None:
        """Say in the log once an hour how the lines do."""
        while True:
            await asyncio.sleep(FIGURES_EVERY_S)
            for name, state in self.bus_state.items():
                log.info("bus %s: %s", name, "; ".join(state.figures))

    async def lend(self, bus: str) -> None:
        """Close the port of `bus` and keep it closed until `take_back`; what waits for the wire gets "not sent"."""
        await self._ports[bus].lend()

    def take_back(self, bus: str) -> None:
        """Open the port of `bus` again, as at a start."""
        self._ports[bus].take_back()


def build_hardware(config: StationConfig, open_line: Callable[[BusSection], Line]) -> Hardware:
    """Return the hardware that `config` describes; nothing is opened before `run()`."""
    owners = {section.name: _owner(config, section, open_line(section)) for section in config.bus}
    boards: dict[tuple[str, int], LockBoard] = {}

    def board(bus: str, unit: int, kind: LockKind) -> LockBoard:
        if (bus, unit) not in boards:
            boards[bus, unit] = LOCK_DRIVERS[kind].make(owners[bus][0], unit)
        return boards[bus, unit]

    doors = tuple(
        DoorWire(
            part.label,
            board(part.bus, part.unit, part.board_kind),
            part.channel,
            board(part.bus, *part.sensed_by),
            part.sensed_channel,
            # a board with a length of its own keeps the supply busy as long, whatever the settings say
            max(part.pulse_ms, LOCK_BOARDS[part.board_kind].pulse.own_ms),
            part.open_level,
            part.supply,
        )
        for part in config.compartment
    )
    return Hardware(
        owners,
        WiredDoorBus(doors, gap_ms=config.doors.pulse_gap_ms),
        tuple(_probe(zone, owners[zone.probe_bus][0]) for zone in config.zone),
        tuple(_instrument(device, owners[device.bus][0]) for device in config.device),
        *_inputs(config, board),
        _scale(config, owners),
    )


def _inputs(
    config: StationConfig, board: Callable[[str, int, LockKind], LockBoard]
) -> tuple[tuple[BoardInput, ...], tuple[BoardInput, ...]]:
    """Return flaps and fill levels."""
    kinds = {(part.bus, part.sensed_by[0]): part.sensed_by[1] for part in config.doors_wired}
    flaps = tuple(
        BoardInput(one.label, board(one.bus, *one.sensed_by), one.sensed_channel, one.open_level)
        for one in config.flap
    )
    fills = tuple(
        BoardInput(
            one.name,
            board(one.bus, one.unit, kinds[one.bus, one.unit]),
            one.channel,
            one.full_level,
        )
        for one in config.fill
    )
    return flaps, fills


def _owner(
    config: StationConfig, section: BusSection, line: Line
) -> tuple[BusOwner[Any, Any], tuple[int, ...]]:
    parts = [part for part in config.doors_wired if part.bus == section.name]
    sensors = {part.sensed_by[0] for part in parts}
    probes = {zone.probe_unit for zone in config.zone if zone.probe_bus == section.name}
    drivers = [(part, LOCK_DRIVERS[part.board_kind]) for part in parts]
    rules: Rules[Any] = {
        **_profile_rules(config, section.name),
        **{how.opened_at(part.unit, part.channel): how.rule for part, how in drivers},
    }
    devices = {device.unit for device in config.device if device.bus == section.name}
    devices |= {unit for bus, unit in _scale_places(config) if bus == section.name}
    units = frozenset(part.unit for part in parts) | sensors | probes | devices
    speech = SPEECHES[config.protocol_of(section.name)]()
    gap_s = longest_guard_s(section.name, config.device, config.zone, config.scale)
    owner = BusOwner(section, line, speech, rules=rules, units=units, min_gap_s=gap_s)
    return owner, tuple(sorted(units))


def _probe(zone: ZoneSection, bus: BusOwner[Request, Reply]) -> Probe:
    if zone.probe_kind in PROBE_DRIVERS:
        return PROBE_DRIVERS[zone.probe_kind](bus, zone.probe_unit, zone.name)
    device = ProfiledDevice(bus, zone.probe_unit, shipped(zone.probe_kind))
    return ProfiledProbe(device, zone.name, zone.probe_channel)


def _instrument(section: DeviceSection, bus: BusOwner[Request, Reply]) -> Instrument:
    device = ProfiledDevice(bus, section.unit, shipped(section.kind))
    return ProfiledInstrument(section.name, section.kind, section.zone, device)


def _scale(
    config: StationConfig, owners: Mapping[str, tuple[BusOwner[Any, Any], tuple[int, ...]]]
) -> ProfiledDevice | None:
    for (bus, unit), kind in _scale_places(config).items():
        return ProfiledDevice(owners[bus][0], unit, shipped(kind))
    return None


def _scale_places(config: StationConfig) -> Mapping[tuple[str, int], str]:
    """Return bus and unit → kind of a scale that hangs on a bus."""
    part = config.scale
    return {} if part is None or part.place is None else {part.place: part.kind}


def _profile_rules(config: StationConfig, bus: str) -> Rules[Request]:
    """Return the allow-lists of all units on a profile; only a [[device]] may be told anything."""
    probes = {
        zone.probe_unit: profile_rule(shipped(zone.probe_kind), may_write=False)
        for zone in config.zone
        if zone.probe_bus == bus and zone.probe_kind not in PROBE_DRIVERS
    }
    devices = {
        device.unit: profile_rule(shipped(device.kind), may_write=True)
        for device in config.device
        if device.bus == bus
    }
    scales = {
        unit: profile_rule(shipped(kind), may_write=False)
        for (on, unit), kind in _scale_places(config).items()
        if on == bus
    }
    return probes | devices | scales
