"""What a station says of itself when it is up: its doors, where they stand, and what its zones must keep."""

from collections.abc import Mapping

from common.contract.events import CompartmentPlace, ScreenPlace, StationStarted, ZoneLimits
from edge.config import StationConfig
from edge.doors import DoorView


def started(
    config: StationConfig, doors: Mapping[str, DoorView], app_version: str, boot_reason: str
) -> StationStarted:
    """Return `station.started` from the settings and the doors as they were read before anybody was served."""
    return StationStarted.model_validate(
        {
            "app_version": app_version,
            "boot_reason": boot_reason,
            "compartments": tuple(doors),
            "open_doors": tuple(label for label, door in doors.items() if door.open),
            "layout": _layout(config),
            "screen": _screen(config),
            "zones": _zones(config),
        }
    )


def _layout(config: StationConfig) -> tuple[CompartmentPlace, ...]:
    return tuple(
        CompartmentPlace(
            label=part.label,
            zone=part.zone,
            size=part.size,
            column=part.column,
            row=part.row,
            width=part.width,
            height=part.height,
        )
        for part in config.compartment
    )


def _screen(config: StationConfig) -> ScreenPlace:
    screen = config.screen
    return ScreenPlace(
        column=screen.column, row=screen.row, width=screen.width, height=screen.height
    )


def _zones(config: StationConfig) -> tuple[ZoneLimits, ...]:
    return tuple(
        ZoneLimits(
            zone=zone.name,
            name_zh=zone.name_zh,
            name_en=zone.name_en,
            temperature_class=zone.temperature_class,
            min_c=zone.min_c,
            max_c=zone.max_c,
        )
        for zone in config.zone
    )
