"""What may lie in a zone, and what it must keep, by what its controller is set to."""

from common.contract.words import TemperatureClass

LIMITS_C = {
    TemperatureClass.FROZEN: (-30.0, -15.0),
    TemperatureClass.CHILLED: (0.0, 8.0),
    TemperatureClass.AMBIENT: (-10.0, 40.0),
}


def temperature_class(set_point_c: float | None) -> TemperatureClass:
    """Return what may lie in a zone with this set point (none: as warm as outside)."""
    if set_point_c is None or set_point_c > 12:
        return TemperatureClass.AMBIENT
    return TemperatureClass.FROZEN if set_point_c <= -12 else TemperatureClass.CHILLED
