"""A compartment taken out of station.toml while its parcel lies there: the code costs nothing, the screen goes on.

The keeper says what became of a parcel whose door can tell nothing any more.
"""

import asyncio
from pathlib import Path

import pytest

from common.kit.errors import ConflictError, UnavailableError
from edge.pickup.views import (
    Accepted,
    DeskKind,
    DeskStep,
    ParcelState,
    PutInStep,
    PutInView,
    ScanRefused,
    Step,
)
from tests.edge.pickup.house import CODE, KEEPER, House, in_house

WRONG = "52709164"


async def _boot_without(house: House, label: str) -> None:
    """Restart the daemon with a station.toml that lacks a compartment."""
    await house.cut()
    parts = tuple(part for part in house.config.compartment if part.label != label)
    house.config = house.config.model_copy(update={"compartment": parts})
    await house.boot()


def test_a_right_code_whose_door_is_gone_from_the_configuration_costs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (placed,) = house.sql("SELECT compartment FROM placement")
        await house.edge.pickup.submit(WRONG)
        before = house.sql("SELECT tokens FROM limiter WHERE name = 'keypad'")[0]["tokens"]
        await _boot_without(house, placed["compartment"])
        pulses = house.pulses
        for _ in range(7):  # more than the bucket holds
            with pytest.raises(UnavailableError) as said:
                await house.edge.pickup.submit(CODE)
            assert said.value.key == "pickup.no_door"
        after = house.sql("SELECT tokens FROM limiter WHERE name = 'keypad'")[0]["tokens"]
        assert after == pytest.approx(before, abs=0.1)
        assert house.pulses == pulses
        assert house.edge.pickup.session() is None
        assert house.grant_state(grant.grant_id) == "issued"
        assert f"a parcel lies in {placed['compartment']}, which is not in" in caplog.text

    in_house(tmp_path, body)


def test_of_two_parcels_the_one_whose_door_is_there_is_handed_out(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001", "LP-0002")
        gone, there = (
            row["compartment"]
            for row in house.sql("SELECT compartment FROM placement ORDER BY compartment")
        )
        await _boot_without(house, gone)
        await house.edge.pickup.submit(CODE)
        view = await house.until(Step.OPEN)
        assert view.compartment == there
        await house.push(there)
        await house.until(Step.CLOSED)
        await house.edge.pickup.proceed()
        with pytest.raises(UnavailableError):
            await house.edge.pickup.submit(CODE)

    in_house(tmp_path, body)


def test_a_session_whose_door_was_taken_out_is_off_the_screen(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        view = await house.until(Step.OPEN)
        await house.push(view.compartment)
        await house.until(Step.CLOSED)
        await _boot_without(house, view.compartment)
        assert house.edge.pickup.session() is None

    in_house(tmp_path, body)


async def _gone_half_way(house: House) -> PutInView:
    """Scan a parcel and, while its door stands open, restart without that door."""
    parcel = house.parcel("LP-0001")
    await house.put(parcel, house.grant(parcel), house.parcel("LP-0002"))
    step = await house.edge.desk.scan(KEEPER, "LP-0001")
    assert isinstance(step, PutInStep)
    await house.desk_until(DeskStep.OPEN)
    await _boot_without(house, step.compartment)
    view = house.edge.desk.put_in_view()
    assert view is not None
    assert (view.step, view.compartment) == (DeskStep.DOOR_GONE, step.compartment)
    return view


def test_a_put_in_whose_door_is_gone_asks_the_keeper_and_she_has_the_parcel(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        gone = await _gone_half_way(house)
        for act in (
            house.edge.desk.scan(KEEPER, "LP-0002"),
            house.edge.desk.put_in_next(KEEPER, "too_small"),
        ):
            with pytest.raises(ConflictError) as asked:
                await act
            assert asked.value.key == "put_in.door_gone"
        await house.edge.desk.put_in_cancel(KEEPER)
        assert house.edge.desk.put_in_view() is None
        assert house.sql("SELECT * FROM placement") == []
        assert await house.stored("LP-0001") != gone.compartment
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


def test_a_put_in_whose_door_is_gone_is_stored_on_the_keepers_word(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        whole = house.config
        gone = await _gone_half_way(house)
        await house.edge.desk.put_in_settle(KEEPER)
        (event,) = house.events("parcel.put_in")
        assert event["compartment"] == gone.compartment
        assert house.edge.desk.put_in_view() is None
        assert await house.edge.desk.undo_view() is None
        view = next(p for p in (await house.edge.desk.today()).parcels if p.label == "LP-0001")
        assert (view.state, view.door_gone) == (ParcelState.PLACED, True)
        await house.stored("LP-0002")  # nothing hangs
        await house.cut()
        house.config = whole
        await house.boot()
        await house.push(gone.compartment)  # the door is back and shuts: it has nothing to add
        await asyncio.sleep(2)
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        await house.until(Step.OPEN)
        stored = [event["compartment"] for event in house.events("parcel.put_in")]
        assert stored.count(gone.compartment) == 1

    in_house(tmp_path, body)


def test_the_keepers_word_is_not_asked_for_a_door_that_is_there(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        (view,) = (await house.edge.desk.today()).parcels
        with pytest.raises(ConflictError):
            await house.edge.desk.put_in_settle(KEEPER)
        with pytest.raises(ConflictError) as by_door:
            await house.edge.desk.take_back(KEEPER, view.parcel_id)
        assert by_door.value.key == "desk.not_by_hand"
        await house.put(house.parcel("LP-0002"))
        await house.edge.desk.scan(KEEPER, "LP-0002")
        with pytest.raises(ConflictError) as door:
            await house.edge.desk.put_in_settle(KEEPER)
        assert door.value.key == "put_in.door_there"

    in_house(tmp_path, body)


def test_a_parcel_taken_by_hand_from_a_door_that_is_gone_goes_into_another_one(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        (placed,) = (await house.edge.desk.today()).parcels
        assert placed.compartment is not None
        await _boot_without(house, placed.compartment)
        assert await house.edge.desk.undo_view() is None  # that door cannot be opened
        assert isinstance(await house.edge.desk.scan(KEEPER, "LP-0001"), ScanRefused)
        back = await house.edge.desk.take_back(KEEPER, placed.parcel_id)
        assert (back.state, back.door_gone) == (ParcelState.EXPECTED, False)
        assert len(house.events("parcel.put_in_undone")) == 1
        assert await house.stored("LP-0001") != placed.compartment
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


def test_a_parcel_behind_a_door_that_is_gone_is_handed_over_without_a_pulse(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (placed,) = (await house.edge.desk.today()).parcels
        assert placed.compartment is not None
        await _boot_without(house, placed.compartment)
        pulses = house.pulses
        given = await house.edge.desk.hand_over(KEEPER, placed.parcel_id, "no_code")
        assert given.state is ParcelState.HANDED_OVER
        (event,) = house.events("parcel.handed_over")
        assert event["compartment"] == placed.compartment
        assert (house.grant_state(grant.grant_id), house.pulses) == ("done", pulses)

    in_house(tmp_path, body)


def test_an_overdue_parcel_behind_a_door_that_is_gone_is_taken_out_at_once(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (placed,) = (await house.edge.desk.today()).parcels
        assert placed.compartment is not None
        await _boot_without(house, placed.compartment)
        await house.put(grant.model_copy(update={"state": "revoked"}))
        out = await house.edge.desk.remove_overdue(KEEPER, placed.parcel_id, "disposed")
        assert out.state is ParcelState.REMOVED
        assert len(house.events("parcel.removed")) == 1

    in_house(tmp_path, body)


def test_a_hand_over_whose_open_door_is_gone_lets_go_of_the_keepers_hands(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.put(house.parcel("LP-0002"))
        (placed, _expected) = (await house.edge.desk.today()).parcels
        await house.edge.desk.hand_over(KEEPER, placed.parcel_id, "no_code")
        await house.desk_until(DeskStep.OPEN)
        view = house.edge.desk.put_in_view()
        assert view is not None
        assert view.kind is DeskKind.HAND_OVER
        await _boot_without(house, view.compartment)
        assert house.edge.desk.put_in_view() is None
        assert len(house.events("parcel.handed_over")) == 1
        await house.stored("LP-0002")

    in_house(tmp_path, body)
