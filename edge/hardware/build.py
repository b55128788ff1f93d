"""Build the station's hardware from its configuration: one owner a bus, one driver a unit."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from edge.config import BusSection, ProbeKind, StationConfig, ZoneSection
from edge.hardware.bus import BusListener, BusOwner
from edge.hardware.door_bus import DoorWire, WiredDoorBus
from edge.hardware.lending import LentPort
from edge.hardware.line import Line
from edge.hardware.lock_drivers import LOCK_DRIVERS, SPEECHES
from edge.hardware.ports import DoorBus, LockBoard, Probe
from edge.hardware.xy_md02 import XyMd02Probe
from firmware_protocols.lock_boards import LOCK_BOARDS, LockKind
from firmware_protocols.modbus_pdu import Reply, Request

PROBE_DRIVERS: Mapping[ProbeKind, Callable[[BusOwner[Request, Reply], int, str], Probe]] = {
    "xy_md02": XyMd02Probe
}
"""Kind in `station.toml` → driver of a probe, made of its bus, unit and zone."""


@dataclass(frozen=True, slots=True)
class BusState:
    """How one bus is doing."""

    up: bool
    detail: str
    units: tuple[tuple[int, bool], ...]
    """(unit, answers), in order."""


class StationHardware(Protocol):
    """What the composition root asks of the hardware; `Hardware` is the one with wires."""

    @property
    def door_bus(self) -> DoorBus:
        """Return all doors."""

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Return a probe per zone."""

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
    ) -> None:
        """Take what `build_hardware` made."""
        self.door_bus = door_bus
        self.probes = probes
        self._owners = owners
        self._ports = {name: LentPort(owner) for name, (owner, _) in owners.items()}

    @property
    def bus_state(self) -> dict[str, BusState]:
        """Return bus name → state, as of now."""
        return {
            name: BusState(owner.up, owner.detail, tuple((n, owner.unit_up(n)) for n in units))
            for name, (owner, units) in self._owners.items()
        }

    def on_bus_change(self, listener: BusListener) -> None:
        """Call `listener(bus, unit | None, up, detail)` when a port or a unit goes away or comes back."""
        for owner, _ in self._owners.values():
            owner.listeners.append(listener)

    async def run(self) -> None:
        """Own every port until cancelled; a port that is away is opened when it comes."""
        async with asyncio.TaskGroup() as group:
            for name, port in self._ports.items():
                group.create_task(port.run(), name=f"bus {name}")

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
        )
        for part in config.compartment
    )
    return Hardware(
        owners,
        WiredDoorBus(doors, gap_ms=config.doors.pulse_gap_ms),
        tuple(_probe(zone, owners[zone.probe_bus][0]) for zone in config.zone),
    )


def _owner(
    config: StationConfig, section: BusSection, line: Line
) -> tuple[BusOwner[Any, Any], tuple[int, ...]]:
    parts = [part for part in config.compartment if part.bus == section.name]
    sensors = {part.sensed_by[0] for part in parts}
    probes = {zone.probe_unit for zone in config.zone if zone.probe_bus == section.name}
    drivers = [(part, LOCK_DRIVERS[part.board_kind]) for part in parts]
    rules = {how.opened_at(part.unit, part.channel): how.rule for part, how in drivers}
    units = frozenset(part.unit for part in parts) | sensors | probes
    speech = SPEECHES[config.protocol_of(section.name)]()
    return BusOwner(section, line, speech, rules=rules, units=units), tuple(sorted(units))


def _probe(zone: ZoneSection, bus: BusOwner[Request, Reply]) -> Probe:
    return PROBE_DRIVERS[zone.probe_kind](bus, zone.probe_unit, zone.name)
