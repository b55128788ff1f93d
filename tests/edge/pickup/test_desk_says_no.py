"""The tablet's refusals and second tries: each has its key, and nothing moves that should not."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from common.contract.replica import CompartmentRow, StationRow
from common.kit.errors import ConflictError, InvalidError, NotFoundError
from edge.pickup.views import Accepted, DeskKind, DeskStep, PutInStep, ScanRefused, Step
from tests.edge.cable import STATION_ID
from tests.edge.pickup.house import CODE, KEEPER, House, in_house


@pytest.mark.parametrize("text", ["LP", " x ", "L" * 41, "LP\x07001"])
def test_what_no_label_can_be_is_said_and_not_reported(tmp_path: Path, text: str) -> None:
    async def body(house: House) -> None:
        with pytest.raises(InvalidError) as refused:
            await house.edge.desk.scan(KEEPER, text)
        assert refused.value.key == "desk.scan_malformed"
        assert house.events("parcel.unknown_scanned") == []

    in_house(tmp_path, body)


def test_no_other_compartment_is_said_and_the_parcel_goes_back_into_the_crate(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        await house.put(house.parcel("LP-0001"))
        step = await house.edge.desk.scan(KEEPER, "LP-0001")
        assert isinstance(step, PutInStep)
        await house.put(
            *(
                CompartmentRow(label=part.label, out_of_service=True, reason="recall")
                for part in house.config.compartment
                if part.label != step.compartment
            )
        )
        with pytest.raises(ConflictError) as refused:
            await house.edge.desk.put_in_next(KEEPER, "dirty")
        assert refused.value.key == "put_in.no_compartment"
        with pytest.raises(ConflictError):
            await house.edge.desk.put_in_next(KEEPER, "dirty")
        assert house.sql("SELECT * FROM placement") == []

    in_house(tmp_path, body)


def test_nothing_in_hand_is_said_for_every_act(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        desk = house.edge.desk
        for act in (
            desk.put_in_next(KEEPER, "too_small"),
            desk.put_in_cancel(KEEPER),
            desk.put_in_settle(KEEPER),
            desk.try_again(KEEPER),
        ):
            with pytest.raises(ConflictError) as refused:
                await act
            assert refused.value.key == "put_in.nothing_in_hand"
        await house.delivered("LP-0001")
        for act in (desk.put_in_cancel(KEEPER), desk.put_in_next(KEEPER, "dirty")):
            with pytest.raises(ConflictError):  # stored: shut and settled
                await act
        with pytest.raises(NotFoundError) as unknown:
            await desk.hand_over(KEEPER, "01JABCDEFGHJKMNPQRSTVWXYZ7", "nobody's")
        assert unknown.value.key == "desk.parcel_unknown"
        with pytest.raises(NotFoundError):
            await desk.open_door(KEEPER, "Z99", "look inside")

    in_house(tmp_path, body)


def test_the_door_of_a_failed_hand_over_is_tried_twice_more_and_no_more(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        (view,) = (await house.edge.desk.today()).parcels
        assert view.compartment is not None
        house.cabinet.jam(view.compartment)
        before = house.pulses
        await house.edge.desk.hand_over(KEEPER, view.parcel_id, "stands here")
        for _ in (2, 3):
            with pytest.raises(ConflictError):
                await house.edge.desk.try_again(KEEPER)  # not judged yet
            await house.desk_until(DeskStep.FAILED)
            await house.edge.desk.try_again(KEEPER)
        await house.desk_until(DeskStep.FAILED)
        with pytest.raises(ConflictError) as refused:
            await house.edge.desk.try_again(KEEPER)
        assert refused.value.key == "put_in.nothing_in_hand"
        assert house.pulses == before + 3
        assert house.events("parcel.handed_over") == []

    in_house(tmp_path, body, doors={"max_pulses_per_min": 60})


def test_a_handed_over_parcel_is_gone_for_the_scanner(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        parcel = house.parcel("LP-0001")
        await house.put(parcel)
        await house.edge.desk.hand_over(KEEPER, parcel.parcel_id, "stands here")
        refused = await house.edge.desk.scan(KEEPER, "LP-0001")
        assert isinstance(refused, ScanRefused)
        assert refused.key == "put_in.already_gone"

    in_house(tmp_path, body)


def test_an_undo_is_for_what_still_lies_there(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        await house.push((await house.until(Step.OPEN)).compartment)
        await house.until(Step.CLOSED)
        before = house.pulses
        with pytest.raises(ConflictError) as refused:
            await house.edge.desk.undo(KEEPER)
        assert refused.value.key == "put_in.undo_over"
        assert house.pulses == before

    in_house(tmp_path, body)


def test_what_was_taken_out_already_is_not_told_a_second_time(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        (view,) = (await house.edge.desk.today()).parcels
        assert view.compartment is not None
        keeping = house.edge.desk._put_in._keeping

        def twice(conn: sqlite3.Connection) -> None:
            for _ in range(2):
                keeping.taken_out_tx(
                    conn, DeskKind.HAND_OVER, view.parcel_id, str(view.compartment), KEEPER,
                    "stands here", house.clock.wall(),
                )  # fmt: skip

        await house.edge.state_db.write(twice)
        assert len(house.events("parcel.handed_over")) == 1

    in_house(tmp_path, body)


def test_the_task_of_an_earlier_boot_is_shown_only_while_its_door_is_in_hand(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        await house.put(house.parcel("LP-0001"))
        assert isinstance(await house.edge.desk.scan(KEEPER, "LP-0001"), PutInStep)
        await house.desk_until(DeskStep.OPEN)
        await house.cut()
        await house.boot(new_machine_boot=True)
        view = house.edge.desk.put_in_view()
        assert view is not None
        assert (view.step, view.open_for_s) == (DeskStep.OPEN, 0.0)
        await house.push(view.compartment)
        await house.desk_until(DeskStep.STORED)
        await house.cut()
        await house.boot(new_machine_boot=True)
        assert house.edge.desk.put_in_view() is None
        assert await house.edge.desk.undo_view() is None

    in_house(tmp_path, body)


def test_a_stored_parcel_leaves_the_tablet_after_ten_minutes(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        assert house.edge.desk.put_in_view() is not None
        await asyncio.sleep(602)
        assert house.edge.desk.put_in_view() is None

    in_house(tmp_path, body)


def test_a_mark_of_the_keeper_stands_until_she_takes_it_away(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.edge.desk.mark(KEEPER, "a01", True, "hinge bent")
        await asyncio.sleep(0.1)
        cell = next(c for c in house.edge.facts.doors() if c.label == "A01")
        assert (cell.out_of_service, cell.reason) == (True, "hinge bent")
        with pytest.raises(InvalidError) as short:
            await house.edge.desk.mark(KEEPER, "A01", False, " x ")
        assert short.value.key == "desk.reason_missing"
        await house.edge.desk.mark(KEEPER, "A01", False, "hinge straight")
        await asyncio.sleep(0.1)
        cell = next(c for c in house.edge.facts.doors() if c.label == "A01")
        assert (cell.out_of_service, cell.reason) == (False, "")

    in_house(tmp_path, body)


def test_the_station_is_called_by_its_cabinet_until_the_hub_has_named_it(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        station = house.edge.facts
        cabinet = house.config.station.cabinet
        assert (station.name_zh, station.name_en, station.help_phone) == (cabinet, cabinet, "")
        await house.put(
            StationRow(
                station_id=STATION_ID, name_zh="阳光里", name_en="Yangguangli", timezone="Mars/Olympus",
                help_phone="95555",
            )
        )  # fmt: skip
        await asyncio.sleep(2)
        assert (station.name_zh, station.name_en) == ("阳光里", "Yangguangli")
        assert station.help_phone == "95555"
        assert {zone.zone for zone in station.zones()} == {"chilled", "ambient"}
        assert station.link().online is False
        assert station.backlog().facts > 0
        parcel = house.parcel("LP-0001", expected_on=house.clock.wall().date().isoformat())
        await house.put(parcel)  # a time zone nobody knows keeps no parcel out
        assert isinstance(await house.edge.desk.scan(KEEPER, "LP-0001"), PutInStep)

    in_house(tmp_path, body)
