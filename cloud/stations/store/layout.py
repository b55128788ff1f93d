"""SQL of what a station's settings say: where doors and screen stand, what its zones are called and must keep."""

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from cloud.stations.models import compartment, zone
from cloud.stations.store import sites
from common.contract.events import CompartmentPlace, ScreenPlace, ZoneLimits


def put_layout(
    connection: Connection,
    station_id: str,
    layout: Sequence[CompartmentPlace],
    screen: ScreenPlace | None,
) -> None:
    """Replace the whole layout: a compartment that is no longer in it has no place any more."""
    connection.execute(
        compartment.update()
        .where(compartment.c.station_id == station_id)
        .values(
            zone=None, size=None, grid_column=None, grid_row=None, grid_width=None, grid_height=None
        )
    )
    for part in layout:
        sites.upsert_compartment(
            connection,
            station_id,
            part.label,
            zone=part.zone,
            size=part.size.value,
            grid_column=part.column,
            grid_row=part.row,
            grid_width=part.width,
            grid_height=part.height,
        )
    sites.update_station(
        connection,
        station_id,
        screen_column=screen.column if screen else None,
        screen_row=screen.row if screen else None,
        screen_width=screen.width if screen else None,
        screen_height=screen.height if screen else None,
    )


def put_zones(connection: Connection, station_id: str, zones: Sequence[ZoneLimits]) -> None:
    """Replace the names and limits of every zone; one the station no longer names loses its own."""
    connection.execute(
        zone.update()
        .where(zone.c.station_id == station_id)
        .values(name_zh=None, name_en=None, temperature_class=None, min_c=None, max_c=None)
    )
    for one in zones:
        sites.upsert_zone(
            connection,
            station_id,
            one.zone,
            name_zh=one.name_zh,
            name_en=one.name_en,
            temperature_class=one.temperature_class.value,
            min_c=one.min_c,
            max_c=one.max_c,
        )
