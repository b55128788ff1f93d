"""The map of a station: by place once it has said one, and never two doors on one spot."""

from cloud.stations.models import SiteState
from cloud.stations.views import (
    Backlog,
    CompartmentView,
    Connectivity,
    PlaceView,
    StationDetail,
    StationView,
    ZoneView,
)
from cloud.web.doors import door_map
from cloud.web.site import band_of
from common.ui.charts import Band
from common.ui.doormap import Place


def door(label: str, place: tuple[int, int] | None, zone: str = "left") -> CompartmentView:
    return CompartmentView(
        label=label,
        out_of_service=False,
        reason="",
        pending=False,
        marked_out=False,
        marked_reason="",
        door_open=False,
        door_state="",
        left_open_s=None,
        door_at_ms=None,
        parcel_id=None,
        zone=zone,
        size="S",
        place=place and PlaceView(*place, 1, 1),
    )


def zone(
    name: str, kind: str | None, min_c: float | None = None, limit_c: float | None = None
) -> ZoneView:
    max_c = None if min_c is None else min_c + 8
    return ZoneView(name, None, None, False, None, limit_c, None, None, kind, min_c, max_c)


def detail(*doors: CompartmentView, screen: PlaceView | None = None) -> StationDetail:
    zones = (zone("left", "frozen"), zone("right", "ambient"), zone("old", None))
    view = StationView(
        station_id="01K0TESTSTATN0000000000001",
        name_zh="阳光里",
        name_en="Yangguangli",
        help_phone="",
        state=SiteState.ACTIVE,
        connectivity=Connectivity.ONLINE,
        last_heard_ms=0,
        head_op=0,
        applied_op=0,
        lag_ops=0,
        backlog=Backlog(0, 0, None),
        app_version="",
        started_at_ms=0,
        over_limit=False,
        zones=zones,
    )
    return StationDetail(view, screen, doors, (), (), (), (), ())


def test_doors_hang_where_the_station_says() -> None:
    drawn = door_map(
        detail(
            door("A1", (3, 0)), door("A2", (0, 1), "right"), door("A3", (0, 2), "old"),
            screen=PlaceView(1, 0, 2, 2),
        )
    )  # fmt: skip
    assert drawn.by_place
    assert drawn.screen == Place(1, 0, 2, 2)
    assert [(c.label, c.place, c.cold) for c in drawn.cells] == [
        ("A1", Place(3, 0), True),
        ("A2", Place(0, 1), False),
        ("A3", Place(0, 2), False),
    ]
    assert drawn.strays == ()


def test_doors_the_settings_no_longer_name_stand_beneath_the_others() -> None:
    gone = [door(label, None) for label in ("Z1", "Z2", "Z10")]
    drawn = door_map(detail(door("A1", (0, 0)), *gone, screen=PlaceView(1, 0, 1, 3)))
    assert drawn.strays == ("Z1", "Z2", "Z10")
    places = [cell.place for cell in drawn.cells]
    assert places == [Place(0, 0), Place(0, 3), Place(1, 3), Place(0, 4)]


def test_without_any_place_the_labels_decide() -> None:
    drawn = door_map(detail(door("B1", None), door("A2", None), door("A1", None)))
    assert (drawn.by_place, drawn.screen, drawn.strays) == (False, None, ())
    assert [(c.label, c.place.column) for c in drawn.cells] == [("A1", 0), ("A2", 1), ("B1", 4)]
    assert door_map(detail()).cells == ()


def test_the_band_is_the_station_s_and_only_else_a_guess() -> None:
    assert band_of(zone("left", "chilled", -22.0, limit_c=-14.0), [-18.0]) == Band(-22.0, -14.0)
    assert band_of(zone("left", None, limit_c=8.0), [3.2, 9.4]) == Band(3, 8.0)
    assert band_of(zone("left", None), [3.2, 9.4]) == Band(3, 10)
