"""Makes the board of a register profile: a scale with its plate, or any other device in its zones."""

import random

from device_sim.config import BoardSection, CabinetConfig
from device_sim.load import Load
from device_sim.physics import Physics
from device_sim.profile_board import ProfileBoard, shipped
from device_sim.scale_board import ScaleBoard


def profile_board(
    section: BoardSection, config: CabinetConfig, physics: Physics, jitter: random.Random
) -> ProfileBoard:
    """Return the board that a section of the cabinet file describes."""
    profile = shipped(section.kind)
    if profile.weight is not None:
        load = Load(section.capacity_g, section.division_g, jitter)
        return ScaleBoard(section.unit, profile, load, physics, jitter)
    zones, housing = section.hangs_in, config.cabinet
    points = {zone.name: zone.set_point_c for zone in config.zone}
    set_point_c = points[zones[0]] if zones else None
    return ProfileBoard(
        section.unit,
        profile,
        zones,
        physics,
        jitter,
        set_point_c=housing.ambient_c if set_point_c is None else set_point_c,
    )
