"""Sites, compartments and what operators see of a station."""

import json

import pytest

from cloud.stations.keys import station_pepper, station_salt
from cloud.stations.schemas import StationDetailAnswer
from cloud.stations.views import PlaceView
from common.contract.events import (
    MOST_PLACES,
    BusStateChanged,
    ClimateBlock,
    ClimateOverLimit,
    CompartmentMarked,
    CompartmentPlace,
    DoorChanged,
    DoorLeftOpen,
    DoorUnexpected,
    ParcelPutIn,
    ParcelPutInUndone,
    ScreenPlace,
    StationStarted,
    ZoneLimits,
)
from common.contract.replica import CompartmentRow, StationRow
from common.contract.words import ActorKind, Purpose, Quality, Size, TemperatureClass
from common.kit.errors import InvalidError, NotFoundError
from common.kit.identity import public_key
from tests.cloud.stations.world import DOORS, STATION_ID, World, open_station


def started(
    doors: tuple[str, ...], layout: list[tuple[str, int, int, int]], screen: ScreenPlace | None
) -> StationStarted:
    cold = ZoneLimits(
        zone="cold",
        name_zh="冷藏左",
        name_en="Cold left",
        temperature_class=TemperatureClass.CHILLED,
        min_c=0.0,
        max_c=8.0,
    )
    places = tuple(
        CompartmentPlace(label=label, zone="cold", size=Size.M, column=column, row=row, height=high)
        for label, column, row, high in layout
    )
    return StationStarted(
        app_version="0.1.0",
        boot_reason="cold",
        compartments=doors,
        open_doors=(),
        layout=places,
        screen=screen,
        zones=(cold,) if layout else (),
    )


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


LAYOUT = started(
    DOORS,
    [("A01", 0, 0, 1), ("A02", 0, 1, 1), ("A03", 2, 0, 1), ("B01", 3, 0, 2)],
    ScreenPlace(column=1, row=0, width=1, height=2),
)


async def test_the_start_report_says_where_doors_and_screen_stand(world: World) -> None:
    await open_station(world)
    before = await world.stations.detail(STATION_ID)
    assert before.screen is None
    assert {(one.place, one.zone, one.size) for one in before.compartments} == {(None, None, None)}
    await world.report(LAYOUT)
    detail = await world.stations.detail(STATION_ID)
    assert detail.screen == PlaceView(1, 0, 1, 2)
    places = {one.label: one.place for one in detail.compartments}
    assert places["A03"] == PlaceView(2, 0, 1, 1)
    assert places["B01"] == PlaceView(3, 0, 1, 2)
    assert {(one.zone, one.size) for one in detail.compartments} == {("cold", "M")}
    (cold,) = detail.station.zones
    assert (cold.name_zh, cold.name_en, cold.temperature_class) == (
        "冷藏左",
        "Cold left",
        "chilled",
    )
    assert (cold.min_c, cold.max_c, cold.sampled_at_ms) == (0.0, 8.0, None)
    answer = StationDetailAnswer.model_validate(detail).model_dump(mode="json")
    assert answer["compartments"][3]["place"] == {"column": 3, "row": 0, "width": 1, "height": 2}
    assert await world.violations() == []


async def test_a_rebuilt_cabinet_forgets_the_old_places(world: World) -> None:
    await open_station(world)
    await world.report(LAYOUT, started(("A01", "C01"), [("A01", 5, 0, 1), ("C01", 5, 1, 1)], None))
    detail = await world.stations.detail(STATION_ID)
    assert detail.screen is None
    places = {one.label: one.place for one in detail.compartments}
    assert (places["A01"], places["B01"]) == (PlaceView(5, 0, 1, 1), None)


async def test_a_station_that_says_no_layout_keeps_what_the_hub_knows(world: World) -> None:
    await open_station(world)
    await world.report(LAYOUT)
    known = await world.stations.detail(STATION_ID)
    await world.report(started(DOORS, [], None))
    assert await world.stations.detail(STATION_ID) == known


async def test_readings_and_alarms_keep_a_zone_s_limits(world: World) -> None:
    await open_station(world)
    over = ClimateOverLimit(
        zone="cold", over=True, temperature_c=9.5, limit_c=8.0, quality=Quality.GOOD
    )
    await world.report(over, LAYOUT)
    (cold,) = (await world.stations.detail(STATION_ID)).station.zones
    assert (cold.over_limit, cold.temperature_c, cold.min_c, cold.max_c) == (True, 9.5, 0.0, 8.0)


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


async def test_a_strip_says_when_the_station_was_heard(world: World) -> None:
    await open_station(world)  # its start is an event
    (silent,) = (await world.stations.sites.beats(await world.stations.overview())).values()
    assert silent == (False,) * 39 + (True,)
    world.clock.pass_s(16 * 60)
    await world.report(DoorUnexpected(compartment="A01", open=True))
    world.clock.pass_s(47 * 60)
    (beats,) = (await world.stations.sites.beats(await world.stations.overview())).values()
    assert [n for n, heard in enumerate(reversed(beats)) if heard] == [3, 4]
    world.clock.pass_s(10 * 3600)
    (gone,) = (await world.stations.sites.beats(await world.stations.overview())).values()
    assert not any(gone)


@pytest.mark.parametrize("name", ["compartments", "open_doors", "layout", "zones"])
async def test_a_station_with_more_doors_than_any_has_is_not_taken_in(
    world: World, name: str
) -> None:
    """Each label is a row for good, and the one writer is held while they are written."""
    await open_station(world)
    most = LAYOUT.model_dump(mode="json")
    most |= {
        "compartments": [f"L{n}" for n in range(MOST_PLACES)],
        "open_doors": ["L999"] * MOST_PLACES,
    }
    await world.tell("station.started", json.dumps(most))
    detail = await world.stations.detail(STATION_ID)
    held = {one.label: one.door_open for one in detail.compartments}
    assert len(held) == len(DOORS) + MOST_PLACES
    assert (held["L998"], held["L999"]) == (False, True)
    assert await world.violations() == []
    one_more = most[name] + most[name][:1] * (MOST_PLACES + 1 - len(most[name]))
    await world.tell("station.started", json.dumps(most | {"app_version": "9", name: one_more}))
    assert (await world.stations.detail(STATION_ID)).station.app_version == "0.1.0"
    [why] = await world.violations()
    assert why.startswith("station.started: ValidationError")
