"""The keeper's day on the unmodified daemon: scan, put in, take back, hand over, look up, open with a reason."""

import asyncio
from pathlib import Path

import pytest

from common.contract.replica import CompartmentRow
from common.contract.words import Size, TemperatureClass
from common.kit.errors import ConflictError, InvalidError, NotFoundError, RefusedError
from edge.access.keepers import KeeperSession, SignInRefused
from edge.pickup.views import (
    Accepted,
    DeskStep,
    DoorScan,
    NextReason,
    ParcelState,
    PutInStep,
    Refused,
    ScanRefused,
    Step,
    UnknownParcel,
)
from tests.edge.pickup.house import CODE, KEEPER, PIN, House, in_house


def test_scan_open_shut_stored_and_the_code_works(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        parcel = house.parcel("LP-0001", size=Size.M)
        grant = house.grant(parcel)
        await house.put(parcel, grant)
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        step = await house.edge.desk.scan(KEEPER, " LP-0001 ")
        assert isinstance(step, PutInStep)
        assert step == await house.edge.desk.scan(KEEPER, "LP-0001")  # the wedge fires twice
        await house.desk_until(DeskStep.OPEN)
        assert house.sql("SELECT * FROM placement") == []
        await house.push(step.compartment)
        await house.desk_until(DeskStep.STORED)
        (event,) = house.events("parcel.put_in")
        assert (event["parcel_id"], event["grant_id"]) == (parcel.parcel_id, grant.grant_id)
        assert event["expires_at_ms"] == house.events("grant.activated")[0]["expires_at_ms"]
        (view,) = (await house.edge.desk.today()).parcels
        assert (view.state, view.compartment) == (ParcelState.PLACED, step.compartment)
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


def test_the_code_works_only_when_every_parcel_is_in_or_cancelled(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        first, second = house.parcel("LP-0001"), house.parcel("LP-0002")
        grant = house.grant(first, second)
        await house.put(first, second, grant)
        await house.stored("LP-0001")
        assert house.grant_state(grant.grant_id) == "waiting"
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        await house.put(second.model_copy(update={"state": "cancelled"}))
        assert house.grant_state(grant.grant_id) == "issued"
        refused = await house.edge.desk.scan(KEEPER, "LP-0002")
        assert isinstance(refused, ScanRefused)
        assert refused.key == "put_in.cancelled"

    in_house(tmp_path, body)


def test_clear_answers_to_what_cannot_be_put_in(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        tomorrow = house.parcel("LP-LATE", expected_on="2026-10-14")
        frozen = house.parcel("LP-COLD", temperature_class=TemperatureClass.FROZEN)
        await house.put(tomorrow, frozen)
        await house.delivered("LP-0001")
        answers = {
            label: await house.edge.desk.scan(KEEPER, label)
            for label in ("LP-LATE", "LP-COLD", "LP-0001")
        }
        keys = {k: a.key for k, a in answers.items() if isinstance(a, ScanRefused)}
        assert keys == {
            "LP-LATE": "put_in.another_day",
            "LP-COLD": "put_in.no_compartment",
            "LP-0001": "put_in.already_placed",
        }
        assert await house.edge.desk.scan(KEEPER, "LP-9999") == UnknownParcel("LP-9999")
        assert [e["label"] for e in house.events("parcel.unknown_scanned")] == ["LP-9999"]
        door = await house.edge.desk.scan(KEEPER, "a01")
        assert isinstance(door, DoorScan)
        with pytest.raises(InvalidError) as code:
            await house.edge.desk.scan(KEEPER, "4071 8253")
        assert code.value.key == "desk.code_not_here"
        assert len(house.events("parcel.unknown_scanned")) == 1
        for label in (f"{CODE}0042", f"{CODE[:4]}.{CODE[4:]}/0042"):
            assert await house.edge.desk.scan(KEEPER, label) == UnknownParcel(label)
            assert house.events("parcel.unknown_scanned")[-1]["label"] == "********0042"
        assert CODE not in str(house.sql("SELECT * FROM outbox"))

    in_house(tmp_path, body)


def test_a_door_that_opens_to_take_a_parcel_out_cannot_be_let_go(tmp_path: Path) -> None:
    """What leaves is written down when the door is seen open: whoever's *Stop* came late changes nothing."""

    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        await house.edge.desk.hand_over(KEEPER, grant.parcel_ids[0], "person is here")
        with pytest.raises(ConflictError) as moving:
            await house.edge.desk.put_in_cancel(KEEPER)
        assert moving.value.key == "put_in.door_moving"
        await house.desk_until(DeskStep.OPEN)
        with pytest.raises(ConflictError):
            await house.edge.desk.put_in_cancel(KEEPER)
        assert house.events("parcel.handed_over")
        assert house.events("door.changed")[-1]["reason"] == "person is here"
        assert isinstance(await house.edge.pickup.submit(CODE), Refused)

    in_house(tmp_path, body)


def test_a_page_about_a_door_of_before_marks_no_other_one(tmp_path: Path) -> None:
    """Two presses of *Dirty*, or two tablets: the second one is not about the door that is in hand by then."""

    async def body(house: House) -> None:
        await house.put(house.parcel("LP-0001"))
        first = await house.edge.desk.scan(KEEPER, "LP-0001")
        assert isinstance(first, PutInStep)
        shown = house.edge.desk.put_in_view()
        assert shown is not None
        dirty = NextReason.DIRTY
        presses = [house.edge.desk.put_in_next(KEEPER, dirty, shown.task_id) for _ in range(2)]
        answers = await asyncio.gather(*presses, return_exceptions=True)
        assert {type(one) for one in answers} == {PutInStep, ConflictError}
        for act in (
            house.edge.desk.put_in_cancel, house.edge.desk.try_again, house.edge.desk.put_in_settle,
        ):  # fmt: skip
            with pytest.raises(ConflictError) as over:
                await act(KEEPER, shown.task_id)
            assert over.value.key == "screen.stale_form"
        marked = house.sql("SELECT label FROM compartment_mark WHERE out_of_service")
        assert [row["label"] for row in marked] == [first.compartment]
        now = house.edge.desk.put_in_view()
        assert now is not None
        await house.edge.desk.put_in_cancel(KEEPER, now.task_id)
        with pytest.raises(ConflictError):
            await house.edge.desk.put_in_cancel(KEEPER, now.task_id)

    in_house(tmp_path, body)


def test_too_small_takes_a_larger_one_and_the_first_door_stores_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.parcel("LP-0001"))
        first = await house.edge.desk.scan(KEEPER, "LP-0001")
        assert isinstance(first, PutInStep)
        await house.desk_until(DeskStep.OPEN)
        second = await house.edge.desk.put_in_next(KEEPER, "too_small")
        sizes = {part.label: part.size for part in house.config.compartment}
        assert (sizes[first.compartment], sizes[second.compartment]) == (Size.S, Size.M)
        await house.push(first.compartment)
        await house.desk_until(DeskStep.OPEN)
        await asyncio.sleep(3)
        assert house.sql("SELECT * FROM placement") == []
        await house.push(second.compartment)
        await house.desk_until(DeskStep.STORED)
        (row,) = house.sql("SELECT compartment FROM placement")
        assert row["compartment"] == second.compartment

    in_house(tmp_path, body)


def test_a_dirty_compartment_is_marked_and_passed_over(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.parcel("LP-0001"), house.parcel("LP-0002"))
        first = await house.edge.desk.scan(KEEPER, "LP-0001")
        assert isinstance(first, PutInStep)
        await house.desk_until(DeskStep.OPEN)
        second = await house.edge.desk.put_in_next(KEEPER, "dirty")
        assert second.compartment != first.compartment
        (mark,) = house.events("compartment.marked")
        assert (mark["compartment"], mark["out_of_service"]) == (first.compartment, True)
        cell = next(c for c in house.edge.facts.doors() if c.label == first.compartment)
        await asyncio.sleep(0.1)
        cell = next(c for c in house.edge.facts.doors() if c.label == first.compartment)
        assert (cell.out_of_service, cell.reason) == (True, "dirty")

    in_house(tmp_path, body)


def test_a_door_that_does_not_open_is_tried_three_times_then_left(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.parcel("LP-0001"))
        first = await house.edge.desk.scan(KEEPER, "LP-0001")
        assert isinstance(first, PutInStep)
        house.cabinet.jam(first.compartment)
        with pytest.raises(ConflictError):
            await house.edge.desk.put_in_next(KEEPER, "did_not_open")
        for _ in (2, 3):
            await house.desk_until(DeskStep.FAILED)
            again = await house.edge.desk.put_in_next(KEEPER, "did_not_open")
            assert again.compartment == first.compartment
        await house.desk_until(DeskStep.FAILED)
        other = await house.edge.desk.put_in_next(KEEPER, "did_not_open")
        assert other.compartment != first.compartment

    in_house(tmp_path, body)


def test_a_parcel_does_not_go_where_the_coil_must_rest(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        parcel = house.parcel("LP-0001")
        await house.put(parcel, house.grant(parcel))
        began_s = house.clock.monotonic_s()
        doors = []
        for _ in range(4):
            doors.append(await house.stored("LP-0001"))
            await house.edge.desk.undo(KEEPER)
            await house.desk_until(DeskStep.OPEN)
            await house.push(doors[-1])
            await house.desk_until(DeskStep.DONE)
        # Two pulses a turn, three a minute: a door that had its turn would keep the keeper waiting.
        assert house.clock.monotonic_s() - began_s < 30
        assert len(set(doors)) == 4

    in_house(tmp_path, body, doors={"max_pulses_per_min": 3})


def test_undo_takes_the_parcel_back_when_the_door_is_open(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        undo = await house.edge.desk.undo_view()
        assert undo is not None
        assert undo.left_s == pytest.approx(600, abs=5)
        await house.edge.desk.undo(KEEPER)
        await house.desk_until(DeskStep.OPEN)
        assert house.grant_state(grant.grant_id) == "waiting"
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        assert len(house.events("parcel.put_in_undone")) == 1
        await house.push(undo.compartment)
        await house.desk_until(DeskStep.DONE)
        assert await house.edge.desk.undo_view() is None
        await house.stored("LP-0001")
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


def test_undo_ends_after_ten_minutes(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await asyncio.sleep(601)
        assert await house.edge.desk.undo_view() is None
        with pytest.raises(ConflictError):
            await house.edge.desk.undo(KEEPER)

    in_house(tmp_path, body)


def test_hand_over_from_the_crate_and_from_the_compartment(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        loose = house.parcel("LP-LOOS")
        await house.put(loose, house.grant(loose, code="30517248"))
        given = await house.edge.desk.hand_over(KEEPER, loose.parcel_id, "came early")
        assert given.state is ParcelState.HANDED_OVER
        grant = await house.delivered("LP-0001")
        (parcel_id,) = grant.parcel_ids
        await house.edge.desk.hand_over(KEEPER, parcel_id, "lost the phone")
        await house.desk_until(DeskStep.OPEN)
        assert house.grant_state(grant.grant_id) == "done"
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        assert [e["compartment"] is None for e in house.events("parcel.handed_over")] == [
            True,
            False,
        ]

    in_house(tmp_path, body)


def test_a_parcel_whose_code_was_revoked_on_its_way_here_must_come_out(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        parcel = house.parcel("LP-0001")
        grant = house.grant(parcel)
        await house.put(parcel, grant)
        await house.put(grant.model_copy(update={"state": "revoked"}))
        await house.stored("LP-0001")
        assert house.grant_state(grant.grant_id) == "revoked"
        assert [view.label for view in await house.edge.desk.overdue()] == ["LP-0001"]
        assert await house.edge.pickup.submit(CODE) == Refused(0)

    in_house(tmp_path, body)


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_parcel_that_comes_after_the_end_of_its_code_must_come_out(
    tmp_path: Path, end: str
) -> None:
    async def body(house: House) -> None:
        first, second = house.parcel("LP-0001"), house.parcel("LP-0002")
        grant = house.grant(first, second, valid_for_s=60)
        await house.put(first, second, grant)
        await house.stored("LP-0001")
        if end == "revoked":
            await house.put(grant.model_copy(update={"state": "revoked"}))
        else:
            await asyncio.sleep(100)
        assert house.grant_state(grant.grant_id) == end
        await house.stored("LP-0002")
        labels = {view.label for view in await house.edge.desk.overdue()}
        assert labels == {"LP-0001", "LP-0002"}

    in_house(tmp_path, body)


@pytest.mark.timeout(60)  # lives days
def test_overdue_parcels_come_out_others_do_not(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        late = await house.delivered("LP-0001", valid_for_s=3600)
        fresh = await house.delivered("LP-0002", code="30517248")
        await asyncio.sleep(3640)
        assert [view.label for view in await house.edge.desk.overdue()] == ["LP-0001"]
        with pytest.raises(ConflictError):
            await house.edge.desk.remove_overdue(KEEPER, fresh.parcel_ids[0], "clearing up")
        await house.edge.desk.remove_overdue(KEEPER, late.parcel_ids[0], "clearing up")
        await house.desk_until(DeskStep.OPEN)
        assert await house.edge.desk.overdue() == ()
        assert len(house.events("parcel.removed")) == 1

    in_house(tmp_path, body)


def test_the_last_four_narrow_and_never_open(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        pulses = house.pulses
        assert [v.label for v in await house.edge.desk.search_tail("0042")] == ["LP-0001"]
        assert [v.label for v in await house.edge.desk.search_tail("7k2m")] == ["LP-0001"]
        assert await house.edge.desk.search_tail("9999") == ()
        with pytest.raises(InvalidError):
            await house.edge.desk.search_tail("13800138000")
        assert house.pulses == pulses

    in_house(tmp_path, body)


def test_a_door_with_a_reason_and_within_the_budget(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        for reason in ("", "  ", "ab"):
            with pytest.raises(InvalidError):
                await house.edge.desk.open_door(KEEPER, "A01", reason)
        with pytest.raises(NotFoundError) as unknown:
            await house.edge.desk.open_door(KEEPER, "Z99", "looking")
        assert unknown.value.key == "desk.door_unknown"
        for number in range(1, 6):
            await house.edge.desk.open_door(KEEPER, f"A0{number}", "cleaning day")
        with pytest.raises(RefusedError) as refused:
            await house.edge.desk.open_door(KEEPER, "A06", "cleaning day")
        assert refused.value.key == "desk.budget"
        assert 590 <= int(str(refused.value.params["wait_s"])) <= 600

    in_house(tmp_path, body)


def test_the_hub_keeps_a_compartment_out_of_service(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        rows = [
            CompartmentRow(label=part.label, out_of_service=True, reason="recall")
            for part in house.config.compartment
            if part.zone == "chilled" and part.label != "A03"
        ]
        await house.put(house.parcel("LP-0001"), *rows)
        step = await house.edge.desk.scan(KEEPER, "LP-0001")
        assert isinstance(step, PutInStep)
        assert step.compartment == "A03"

    in_house(tmp_path, body)


def test_one_door_at_a_time_in_the_keepers_hands(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.parcel("LP-0001"), house.parcel("LP-0002"))
        first = await house.edge.desk.scan(KEEPER, "LP-0001")
        assert isinstance(first, PutInStep)
        with pytest.raises(ConflictError) as busy:
            await house.edge.desk.scan(KEEPER, "LP-0002")
        assert busy.value.params["compartment"] == first.compartment
        await house.edge.desk.put_in_cancel(KEEPER)
        assert house.edge.desk.put_in_view() is None
        assert isinstance(await house.edge.desk.scan(KEEPER, "LP-0002"), PutInStep)

    in_house(tmp_path, body)


def test_a_compartment_somebody_may_still_reopen_is_not_given_away(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        door = (await house.until(Step.OPEN)).compartment
        await house.push(door)
        await house.until(Step.CLOSED)
        others = [
            CompartmentRow(label=part.label, out_of_service=True, reason="recall")
            for part in house.config.compartment
            if part.label != door
        ]
        await house.put(house.parcel("LP-0002"), *others)
        refused = await house.edge.desk.scan(KEEPER, "LP-0002")
        assert isinstance(refused, ScanRefused)
        assert refused.key == "put_in.no_compartment"
        await house.edge.pickup.finish()
        assert isinstance(await house.edge.desk.scan(KEEPER, "LP-0002"), PutInStep)

    in_house(tmp_path, body)


def test_guessing_pins_locks_the_tablet(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.keeper())
        answers = [await house.edge.desk.sign_in(f"90000{n}") for n in range(6)]
        assert all(isinstance(answer, SignInRefused) for answer in answers)
        locked = await house.edge.desk.sign_in(PIN)
        assert isinstance(locked, SignInRefused)
        assert 0 < locked.wait_s <= 60
        with pytest.raises(InvalidError):
            await house.edge.desk.sign_in("12345")
        await asyncio.sleep(locked.wait_s + 1)
        assert isinstance(await house.edge.desk.sign_in(PIN), KeeperSession)

    in_house(tmp_path, body)


def test_a_parcel_behind_an_open_put_in_door_is_not_handed_over_from_the_crate(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        parcel = house.parcel("LP-0001")
        await house.put(parcel, house.grant(parcel))
        await house.edge.desk.scan(KEEPER, "LP-0001")
        await house.desk_until(DeskStep.OPEN)
        with pytest.raises(ConflictError) as busy:
            await house.edge.desk.hand_over(KEEPER, parcel.parcel_id, "stands here")
        assert busy.value.key == "put_in.door_open"
        assert house.events("parcel.handed_over") == []

    in_house(tmp_path, body)


def test_a_handed_over_parcel_cannot_be_tried_again_at_its_failed_door(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        parcel = house.parcel("LP-0001")
        await house.put(parcel)
        for door in house.config.compartment:
            house.cabinet.jam(door.label)
        await house.edge.desk.scan(KEEPER, "LP-0001")
        await house.desk_until(DeskStep.FAILED)
        await house.edge.desk.hand_over(KEEPER, parcel.parcel_id, "stands here")
        with pytest.raises(ConflictError) as gone:
            await house.edge.desk.put_in_next(KEEPER, "did_not_open")
        assert gone.value.key == "put_in.nothing_in_hand"

    in_house(tmp_path, body)


def test_looking_who_is_signed_in_writes_nothing_and_still_ends_in_time(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.keeper())
        signed_in = await house.edge.desk.sign_in(PIN)
        assert isinstance(signed_in, KeeperSession)
        before = house.edge.state_db.write_now(lambda conn: conn.total_changes)
        for _ in range(10):  # what a tablet's stream asks every second
            assert await house.edge.desk.session(signed_in.token) is not None
        assert house.edge.state_db.write_now(lambda conn: conn.total_changes) == before
        house.sql("UPDATE powered_time SET powered_s = powered_s + 12 * 3600")
        assert await house.edge.desk.session(signed_in.token) is None

    in_house(tmp_path, body)
