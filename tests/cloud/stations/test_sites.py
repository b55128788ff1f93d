"""Sites, compartments and what operators see of a station."""

import pytest

from cloud.stations.keys import station_pepper, station_salt
from common.contract.events import (
    BusStateChanged,
    ClimateBlock,
    ClimateOverLimit,
    CompartmentMarked,
    DoorChanged,
    DoorLeftOpen,
    DoorUnexpected,
    ParcelPutIn,
    ParcelPutInUndone,
)
from common.contract.replica import CompartmentRow, StationRow
from common.contract.words import ActorKind, Purpose, Quality
from common.kit.errors import InvalidError, NotFoundError
from common.kit.identity import public_key
from tests.cloud.stations.world import DOORS, STATION_ID, World, open_station

REQUEST = "01K0REQVEST000000000000001"
KEEPER = "01K0KEEPER0000000000000001"
PARCEL = "01K0PARCE10000000000000001"


def door(label: str, state: str) -> DoorChanged:
    return DoorChanged.model_validate(
        {
            "open_request_id": REQUEST,
            "compartment": label,
            "state": state,
            "actor_kind": ActorKind.RESIDENT,
            "actor_id": "grant",
            "purpose": Purpose.PICKUP,
            "reason": "",
            "grant_id": None,
            "pulse_number": 1,
        }
    )


async def test_pairing_derives_the_stations_secrets_from_the_master_key(world: World) -> None:
    await open_station(world)
    pairing = await world.stations.pair(STATION_ID, bytes(range(32)))
    master = world.secrets.master
    assert pairing.pepper == station_pepper(master, STATION_ID)
    assert pairing.code_salt == station_salt(master, STATION_ID)
    assert len(pairing.code_salt) == 16
    assert pairing.hub_command_key == public_key(world.secrets.command_key)
    assert pairing.pepper.hex() not in repr(pairing)
    assert (await world.stations.detail(STATION_ID)).station.state == "active"


async def test_a_wrong_key_or_station_is_refused(world: World) -> None:
    await open_station(world)
    with pytest.raises(InvalidError):
        await world.stations.pair(STATION_ID, b"short")
    with pytest.raises(NotFoundError):
        await world.stations.pair(KEEPER, bytes(32))
    with pytest.raises(NotFoundError):
        await world.stations.detail(KEEPER)


async def test_its_texts_are_in_its_feed(world: World) -> None:
    await open_station(world)
    [row] = await world.rows("station")
    assert isinstance(row, StationRow)
    assert (row.name_zh, row.name_en, row.help_phone) == (
        "阳光里 3 号",
        "Yangguangli 3",
        "400-820-0123",
    )


async def test_the_start_report_brings_the_compartments(world: World) -> None:
    await open_station(world)
    detail = await world.stations.detail(STATION_ID)
    assert [(one.label, one.door_open) for one in detail.compartments] == [
        (label, label == "A02") for label in DOORS
    ]
    assert detail.station.app_version == "0.1.0"


async def test_out_of_service_is_pending_until_the_station_has_applied_it(world: World) -> None:
    await open_station(world)
    view = await world.stations.sites.set_service(
        STATION_ID, "A03", out_of_service=True, reason="hinge broken"
    )
    assert (view.out_of_service, view.pending) == (True, True)
    [row] = await world.rows("compartment")
    assert row == CompartmentRow(label="A03", out_of_service=True, reason="hinge broken")
    await world.apply_all()
    detail = await world.stations.detail(STATION_ID)
    [marked] = [one for one in detail.compartments if one.out_of_service]
    assert (marked.label, marked.pending) == ("A03", False)
    assert detail.station.lag_ops == 0
    with pytest.raises(NotFoundError):
        await world.stations.sites.set_service(
            STATION_ID, "Z99", out_of_service=True, reason="no such door"
        )


async def test_doors_and_occupancy_follow_the_events(world: World) -> None:
    await open_station(world)
    put_in = ParcelPutIn(
        parcel_id=PARCEL, grant_id=None, compartment="A01", keeper_id=KEEPER, expires_at_ms=1
    )
    await world.report(
        door("A01", "open"),
        DoorLeftOpen(compartment="A01", open_for_s=90),
        put_in,
        put_in.model_copy(update={"compartment": "A03"}),
        DoorUnexpected(compartment="B01", open=True),
        CompartmentMarked(compartment="A02", out_of_service=True, reason="dirty", keeper_id=KEEPER),
    )
    doors = {one.label: one for one in (await world.stations.detail(STATION_ID)).compartments}
    assert (doors["A01"].door_open, doors["A01"].left_open_s) == (True, 90)
    assert (doors["A01"].parcel_id, doors["A03"].parcel_id) == (None, PARCEL)
    assert doors["B01"].door_open is True
    assert (doors["A02"].marked_out, doors["A02"].marked_reason) == (True, "dirty")
    undone = ParcelPutInUndone(parcel_id=PARCEL, compartment="A03", keeper_id=KEEPER)
    await world.report(door("A01", "closed"), undone)
    doors = {one.label: one for one in (await world.stations.detail(STATION_ID)).compartments}
    assert (doors["A01"].door_open, doors["A01"].left_open_s) == (False, None)
    assert doors["A03"].parcel_id is None
    assert await world.violations() == []


async def test_temperatures_keep_the_newest_good_reading(world: World) -> None:
    await open_station(world)
    start = world.now_ms()

    def block(at_ms: int, *temperatures_c: float | None) -> ClimateBlock:
        return ClimateBlock(
            zone="chilled",
            probe="T1",
            started_at_ms=at_ms,
            period_s=10,
            temperatures_c=temperatures_c,
            humidities_pct=(None,) * len(temperatures_c),
            over_limit=False,
        )

    await world.report(
        block(start, 4.0, 4.5, None), block(start - 60_000, 9.0), block(start + 60_000, None)
    )
    [zone] = (await world.stations.detail(STATION_ID)).station.zones
    assert (zone.temperature_c, zone.sampled_at_ms) == (4.5, start + 10_000)
    world.clock.pass_s(60)
    await world.report(
        ClimateOverLimit(
            zone="chilled", over=True, temperature_c=9.5, limit_c=8.0, quality=Quality.GOOD
        )
    )
    [station] = await world.stations.overview()
    assert station.over_limit
    assert (station.zones[0].temperature_c, station.zones[0].limit_c) == (9.5, 8.0)
    await world.report(
        ClimateOverLimit(
            zone="chilled", over=False, temperature_c=None, limit_c=8.0, quality=Quality.BAD
        )
    )
    [station] = await world.stations.overview()
    assert (station.over_limit, station.zones[0].over_since_ms) == (False, None)


async def test_buses_show_their_last_word(world: World) -> None:
    await open_station(world)
    await world.report(
        BusStateChanged(bus="rs485-1", unit=None, up=False, detail="no such file"),
        BusStateChanged(bus="rs485-1", unit=2, up=False, detail="no answer"),
        BusStateChanged(bus="rs485-1", unit=None, up=True, detail=""),
    )
    buses = (await world.stations.detail(STATION_ID)).buses
    assert [(one.unit, one.up) for one in buses] == [(None, True), (2, False)]


async def test_events_come_newest_first_page_by_page(world: World) -> None:
    await open_station(world)
    for label in DOORS:
        await world.report(door(label, "open"))
    first = await world.stations.events(STATION_ID, before=None, limit=3)
    rest = await world.stations.events(STATION_ID, before=first[-1].cursor, limit=10)
    assert [one.seq for one in first + rest] == [5, 4, 3, 2, 1]
    with pytest.raises(NotFoundError):
        await world.stations.events(KEEPER, before=None, limit=3)
