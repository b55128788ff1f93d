"""Build the station's hardware from its configuration: one owner a bus, one driver a unit."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from edge.config import BusSection, ProbeKind, StationConfig, ZoneSection
from edge.hardware.bus import BusListener, BusOwner
from edge.hardware.door_bus import DoorWire, WiredDoorBus
from edge.hardware.line import Line
from edge.hardware.ports import DoorBus, Probe
from edge.hardware.waveshare import WaveshareRelay
from edge.hardware.xy_md02 import XyMd02Probe

PROBE_DRIVERS: Mapping[ProbeKind, Callable[[BusOwner, int, str], Probe]] = {"xy_md02": XyMd02Probe}
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
        owners: dict[str, tuple[BusOwner, tuple[int, ...]]],
        door_bus: WiredDoorBus,
        probes: tuple[Probe, ...],
    ) -> None:
        """Take what `build_hardware` made."""
        self.door_bus = door_bus
        self.probes = probes
        self._owners = owners

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
            for name, (owner, _) in self._owners.items():
                group.create_task(owner.run(), name=f"bus {name}")


def build_hardware(config: StationConfig, open_line: Callable[[BusSection], Line]) -> Hardware:
    """Return the hardware that `config` describes; nothing is opened before `run()`."""
    owners: dict[str, tuple[BusOwner, tuple[int, ...]]] = {}
    for section in config.bus:
        relays = frozenset(part.unit for part in config.compartment if part.bus == section.name)
        probes = frozenset(z.probe_unit for z in config.zone if z.probe_bus == section.name)
        owner = BusOwner(section, open_line(section), relay_units=relays, units=relays | probes)
        owners[section.name] = owner, tuple(sorted(relays | probes))
    boards: dict[tuple[str, int], WaveshareRelay] = {}
    doors = []
    for part in config.compartment:
        board = boards.setdefault(
            (part.bus, part.unit), WaveshareRelay(owners[part.bus][0], part.unit)
        )
        doors.append(DoorWire.of(part, board))
    return Hardware(
        owners,
        WiredDoorBus(tuple(doors), gap_ms=config.doors.pulse_gap_ms),
        tuple(_probe(zone, owners[zone.probe_bus][0]) for zone in config.zone),
    )


def _probe(zone: ZoneSection, bus: BusOwner) -> Probe:
    return PROBE_DRIVERS[zone.probe_kind](bus, zone.probe_unit, zone.name)
