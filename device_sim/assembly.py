"""Puts the iron of a cabinet file together: locks on their channels, contacts on their inputs, zones at rest."""

from collections.abc import Callable

from device_sim.config import CabinetConfig
from device_sim.lock import Burn, Lock, LockModel, Movement
from device_sim.physics import Physics
from device_sim.zone import Air, Zone
from firmware_protocols.lock_boards import LOCK_BOARDS


def make_physics(
    config: CabinetConfig, start_s: float, saw: Callable[[Movement | Burn], None]
) -> Physics:
    """Put locks, contacts and zones of a cabinet file together; `saw` is told of every movement and burnt coil."""
    figures = config.lock
    model = LockModel(figures.release_ms / 1000, figures.burn_after_ms / 1000, figures.recovery)
    labels = {(door.board, door.channel): door.label for door in config.door}
    channels = {
        one.unit: LOCK_BOARDS[one.lock_kind].channels for one in config.board if one.lock_kind
    }
    locks = [
        Lock(unit, channel, labels.get((unit, channel)), model)
        for unit, count in channels.items()
        for channel in range(count)
    ]
    outside = Air(config.cabinet.ambient_c, config.cabinet.ambient_pct)
    zones = {}
    for zone in config.zone:
        shut_c = outside.temperature_c if zone.set_point_c is None else zone.set_point_c
        shut = Air(shut_c, zone.humidity_pct)
        zones[zone.name] = Zone(zone.name, shut, outside, zone.model_of_zone())
    return Physics(
        locks,
        zones,
        {door.label: door.zone for door in config.door},
        contacts={door.contact: door.wire for door in config.door},
        start_s=start_s,
        clock_factor=config.cabinet.clock_factor,
        saw=saw,
    )
