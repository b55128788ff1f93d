"""Zones of a cabinet file for tests, and the heat they hold."""

from device_sim.zone import Air, Zone
from device_sim.zone_config import ZoneSection

COLD, OUTSIDE = Air(4.0, 70.0), Air(24.0, 60.0)


def zone(outside: Air = OUTSIDE, **keys: float | None) -> Zone:
    """Return a chilled zone at rest; `keys` are those of a `[[zone]]`."""
    given = {"set_point_c": 4.0, "humidity_pct": 70.0, **keys}
    section = ZoneSection.model_validate({"name": "z", "name_zh": "z", "name_en": "z", **given})
    shut_c = outside.temperature_c if section.set_point_c is None else section.set_point_c
    return Zone("z", Air(shut_c, section.humidity_pct), outside, section.model_of_zone())


def stored_j(subject: Zone) -> float:
    """Return the heat in air and goods, from 0 degC."""
    masses = subject.model.masses
    air_c, goods_c = subject.air.temperature_c, subject.goods_c
    return masses.air_j_per_k * air_c + masses.goods_j_per_k * goods_c
