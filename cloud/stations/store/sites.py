"""SQL of sites, their compartments, zones, buses and keepers."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.stations.models import bus, compartment, keeper, station, zone


@dataclass(frozen=True, slots=True)
class StationRecord:
    """One row of `station`."""

    station_id: str
    name_zh: str
    name_en: str
    help_phone: str
    timezone: str
    state: str
    app_version: str
    created_at_ms: int
    paired_at_ms: int | None
    started_at_ms: int | None
    screen_column: int | None
    screen_row: int | None
    screen_width: int | None
    screen_height: int | None
    revocation_epoch: int
    certificate_floor: int
    certificate_op: int


@dataclass(frozen=True, slots=True)
class CompartmentRecord:
    """One row of `station_compartment`: what the operator says beside what the station says."""

    station_id: str
    label: str
    out_of_service: bool
    reason: str
    op: int | None
    marked_out: bool
    marked_reason: str
    door_open: bool | None
    door_state: str
    left_open_s: int | None
    door_at_ms: int | None
    parcel_id: str | None
    zone: str | None
    size: str | None
    grid_column: int | None
    grid_row: int | None
    grid_width: int | None
    grid_height: int | None


@dataclass(frozen=True, slots=True)
class ZoneRecord:
    """One row of `station_zone`."""

    station_id: str
    zone: str
    temperature_c: float | None
    sampled_at_ms: int | None
    over_limit: bool
    over_since_ms: int | None
    limit_c: float | None
    name_zh: str | None
    name_en: str | None
    temperature_class: str | None
    min_c: float | None
    max_c: float | None


@dataclass(frozen=True, slots=True)
class BusRecord:
    """One row of `station_bus`; unit -1 is the port itself."""

    station_id: str
    bus: str
    unit: int
    up: bool
    detail: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class KeeperRecord:
    """One row of `station_keeper`."""

    keeper_id: str
    station_id: str
    display_name: str
    pin_verifier: str
    active: bool
    version: int


Value = str | int | float | bool | None


def insert_station(connection: Connection, record: StationRecord) -> None:
    """Write a new station."""
    connection.execute(
        station.insert().values(
            station_id=record.station_id,
            name_zh=record.name_zh,
            name_en=record.name_en,
            help_phone=record.help_phone,
            timezone=record.timezone,
            state=record.state,
            app_version=record.app_version,
            created_at_ms=record.created_at_ms,
            paired_at_ms=record.paired_at_ms,
            started_at_ms=record.started_at_ms,
        )
    )


def update_station(connection: Connection, station_id: str, **values: Value) -> None:
    """Change columns of a station."""
    connection.execute(station.update().where(station.c.station_id == station_id).values(**values))


def raise_revocation_epoch(connection: Connection, station_id: str, at_least: int) -> None:
    """Move the number on by one, or to `at_least` where that is more."""
    more = station.c.revocation_epoch + 1
    known = sa.case((more > at_least, more), else_=at_least)
    connection.execute(
        station.update().where(station.c.station_id == station_id).values(revocation_epoch=known)
    )


def one_station(connection: Connection, station_id: str) -> StationRecord | None:
    """Return a station."""
    row = connection.execute(sa.select(station).where(station.c.station_id == station_id)).first()
    return None if row is None else StationRecord(*row)


def all_stations(connection: Connection) -> list[StationRecord]:
    """Return every station, oldest first."""
    rows = connection.execute(
        sa.select(station).order_by(station.c.created_at_ms, station.c.station_id)
    )
    return [StationRecord(*row) for row in rows]


def upsert_compartment(
    connection: Connection, station_id: str, label: str, **values: Value
) -> None:
    """Change columns of a compartment; a label never heard of starts in service, door unknown."""
    here = (compartment.c.station_id == station_id) & (compartment.c.label == label)
    if values and connection.execute(compartment.update().where(here).values(**values)).rowcount:
        return
    if connection.execute(sa.select(compartment.c.label).where(here)).first() is not None:
        return
    fresh: dict[str, Value] = {
        "station_id": station_id,
        "label": label,
        "out_of_service": False,
        "reason": "",
        "marked_out": False,
        "marked_reason": "",
        "door_state": "",
    }
    connection.execute(compartment.insert().values(**(fresh | values)))


def one_compartment(
    connection: Connection, station_id: str, label: str
) -> CompartmentRecord | None:
    """Return a compartment."""
    row = connection.execute(
        sa.select(compartment).where(
            compartment.c.station_id == station_id, compartment.c.label == label
        )
    ).first()
    return None if row is None else CompartmentRecord(*row)


def compartments_of(connection: Connection, station_id: str) -> list[CompartmentRecord]:
    """Return the station's compartments in the order of their labels."""
    rows = connection.execute(
        sa.select(compartment)
        .where(compartment.c.station_id == station_id)
        .order_by(sa.func.length(compartment.c.label), compartment.c.label)
    )
    return [CompartmentRecord(*row) for row in rows]


def vacate(connection: Connection, station_id: str, parcel_id: str) -> None:
    """Take a parcel out of whichever compartment holds it."""
    connection.execute(
        compartment.update()
        .where(compartment.c.station_id == station_id, compartment.c.parcel_id == parcel_id)
        .values(parcel_id=None)
    )


def upsert_zone(connection: Connection, station_id: str, name: str, **values: Value) -> None:
    """Change columns of a zone; a new one starts within its limits."""
    here = (zone.c.station_id == station_id) & (zone.c.zone == name)
    if connection.execute(zone.update().where(here).values(**values)).rowcount:
        return
    fresh: dict[str, Value] = {"station_id": station_id, "zone": name, "over_limit": False}
    connection.execute(zone.insert().values(**(fresh | values)))


# Made once: the most frequent statement of a station's telemetry costs more to build than to run.
_ZONE_HERE = (zone.c.station_id == sa.bindparam("at_station")) & (
    zone.c.zone == sa.bindparam("at_zone")
)
_KNOWN_SAMPLE = sa.select(zone.c.sampled_at_ms).where(_ZONE_HERE)
_NOTE_TEMPERATURE = (
    sa.update(zone)
    .where(_ZONE_HERE, zone.c.sampled_at_ms <= sa.bindparam("sampled_at_ms"))
    .values({name: sa.bindparam(name) for name in ("temperature_c", "sampled_at_ms")})
)


def note_temperature(
    connection: Connection, station_id: str, name: str, *, temperature_c: float, sampled_at_ms: int
) -> None:
    """Keep a zone's temperature unless a newer one is known: lanes overtake each other."""
    news = {"temperature_c": temperature_c, "sampled_at_ms": sampled_at_ms}
    place = {"at_station": station_id, "at_zone": name}
    if connection.execute(_NOTE_TEMPERATURE, place | news).rowcount:
        return
    if connection.execute(_KNOWN_SAMPLE, place).scalar() is None:
        upsert_zone(connection, station_id, name, **news)


def zones_of(connection: Connection, station_id: str) -> list[ZoneRecord]:
    """Return the station's zones by name."""
    rows = connection.execute(
        sa.select(zone).where(zone.c.station_id == station_id).order_by(zone.c.zone)
    )
    return [ZoneRecord(*row) for row in rows]


def put_bus(connection: Connection, record: BusRecord) -> None:
    """Remember the last word about a port or a unit."""
    here = (
        (bus.c.station_id == record.station_id)
        & (bus.c.bus == record.bus)
        & (bus.c.unit == record.unit)
    )
    news = {"up": record.up, "detail": record.detail, "at_ms": record.at_ms}
    if connection.execute(bus.update().where(here).values(**news)).rowcount:
        return
    connection.execute(
        bus.insert().values(station_id=record.station_id, bus=record.bus, unit=record.unit, **news)
    )


def buses_of(connection: Connection, station_id: str) -> list[BusRecord]:
    """Return the last word about every port and unit of the station."""
    rows = connection.execute(
        sa.select(bus).where(bus.c.station_id == station_id).order_by(bus.c.bus, bus.c.unit)
    )
    return [BusRecord(*row) for row in rows]


def keepers_of(connection: Connection, station_id: str) -> list[KeeperRecord]:
    """Return the station's keepers by name, inactive ones too."""
    rows = connection.execute(
        sa.select(keeper)
        .where(keeper.c.station_id == station_id)
        .order_by(keeper.c.display_name, keeper.c.keeper_id)
    )
    return [KeeperRecord(*row) for row in rows]


def station_of_keeper(connection: Connection, keeper_id: str) -> str | None:
    """Return the station a keeper belongs to."""
    return connection.execute(
        sa.select(keeper.c.station_id).where(keeper.c.keeper_id == keeper_id)
    ).scalar()


def put_keeper(connection: Connection, record: KeeperRecord) -> None:
    """Write a keeper, new or changed."""
    values = {
        "display_name": record.display_name,
        "pin_verifier": record.pin_verifier,
        "active": record.active,
        "version": record.version,
    }
    here = keeper.c.keeper_id == record.keeper_id
    if connection.execute(keeper.update().where(here).values(**values)).rowcount:
        return
    connection.execute(
        keeper.insert().values(keeper_id=record.keeper_id, station_id=record.station_id, **values)
    )
