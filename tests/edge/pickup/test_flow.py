"""A code at the keypad, on the unmodified daemon: the right door, once, and only for the right person."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from common.kit.errors import ConflictError, InvalidError, UnavailableError
from edge.pickup.views import Accepted, Refused, Step
from tests.edge.pickup.house import CODE, KEEPER, House, in_house

WRONG = "52709164"


def test_code_door_closed_done(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (placed,) = house.sql("SELECT compartment FROM placement")
        before = house.pulses
        answer = await house.edge.pickup.submit("4071 8253")
        assert isinstance(answer, Accepted)
        assert answer.session.step is Step.OPENING
        assert house.grant_state(grant.grant_id) == "opening"
        view = await house.until(Step.OPEN)
        assert (view.compartment, view.items, view.person_masked) == (placed[0], 3, "张*明")
        assert house.is_open(view.compartment)
        assert house.pulses == before + 1
        assert house.grant_state(grant.grant_id) == "opened"
        await house.push(view.compartment)
        view = await house.until(Step.CLOSED)
        assert view.reopens_left == 2
        assert view.took_s is not None
        assert view.took_s < 3
        assert [e["parcel_id"] for e in house.events("parcel.collected")] == [grant.parcel_ids[0]]
        await house.edge.pickup.finish()
        done = house.edge.pickup.session()
        assert done is not None
        assert done.step is Step.DONE
        assert house.grant_state(grant.grant_id) == "done"
        states = [event["state"] for event in house.events("grant.state_changed")]
        assert states == ["opening", "opened", "done"]
        await asyncio.sleep(15)
        assert house.edge.pickup.session() is None

    in_house(tmp_path, body)


def test_wrong_expired_used_revoked_and_waiting_codes_get_one_answer_at_one_price(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        codes = {"30517248": "used", "61830529": "revoked", "72940618": "waiting"}
        used = await house.delivered("LP-USED", code="30517248")
        await house.edge.pickup.submit("30517248")
        await house.push((await house.until(Step.OPEN)).compartment)
        await house.until(Step.CLOSED)
        await house.edge.pickup.finish()
        revoked = await house.delivered("LP-REVO", code="61830529")
        await house.put(revoked.model_copy(update={"state": "revoked"}))
        expected = house.parcel("LP-WAIT")
        await house.put(expected, house.grant(expected, code="72940618"))
        prices = []
        for code in (*codes, WRONG):
            asked: list[str] = []
            conn = house.edge.state_db._db._rw
            conn.set_trace_callback(
                lambda sql, a=asked: a.append(sql) if "verifier =" in sql else None  # type: ignore[misc]
            )
            calls = house.argon2_calls
            answer = await house.edge.pickup.submit(code)
            conn.set_trace_callback(None)
            assert answer == Refused(0), code
            prices.append((house.argon2_calls - calls, len(asked)))
        assert prices == [(1, 1)] * 4
        assert house.grant_state(used.grant_id) == "done"
        assert house.grant_state(revoked.grant_id) == "revoked"
        assert house.edge.pickup.session() is None

    in_house(tmp_path, body)


@pytest.mark.timeout(60)  # lives days
def test_an_expired_code_opens_nothing_and_is_reported(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001", valid_for_s=3600)
        pulses = house.pulses
        await asyncio.sleep(3601)
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        assert house.pulses == pulses
        assert house.grant_state(grant.grant_id) == "expired"
        assert house.events("grant.state_changed")[-1]["state"] == "expired"

    in_house(tmp_path, body)


def test_five_failures_lock_the_keypad_and_neither_restart_nor_clock_refills(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        answers = [await house.edge.pickup.submit(WRONG) for _ in range(5)]
        assert answers[:4] == [Refused(0)] * 4
        locked = answers[4]
        assert isinstance(locked, Refused)
        assert 590 <= locked.wait_s <= 600
        assert [event["failures_24h"] for event in house.events("keypad.locked")] == [5]
        calls = house.argon2_calls
        assert await house.edge.pickup.submit(CODE) == Refused(house.edge.pickup.locked_for_s())
        assert house.argon2_calls == calls
        await house.cut()
        house.clock.skew = timedelta(days=5000)
        await house.boot()
        assert 580 <= house.edge.pickup.locked_for_s() <= 600
        house.clock.skew = timedelta(days=-5000)
        await house.cut()
        await house.boot(new_machine_boot=True)
        assert isinstance(await house.edge.pickup.submit(CODE), Refused)
        house.clock.skew = timedelta()
        await asyncio.sleep(601)
        assert house.edge.pickup.locked_for_s() == 0
        # The clock was years ahead and years behind meanwhile; the code has not noticed.
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


def test_a_success_gives_back_its_own_token_and_no_other(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        for _ in range(4):
            await house.edge.pickup.submit(WRONG)
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        await house.until(Step.OPEN)
        await house.edge.pickup.finish()
        calls = house.argon2_calls
        last = await house.edge.pickup.submit(WRONG)
        assert isinstance(last, Refused)
        assert last.wait_s > 0
        assert house.argon2_calls == calls + 1, "the success cost a token"
        await house.edge.pickup.submit(WRONG)
        assert house.argon2_calls == calls + 1, "the success gave back more than its own"

    in_house(tmp_path, body)


def test_a_thousand_at_once_are_one_session(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        before = house.pulses
        answers = await asyncio.gather(
            *(house.edge.pickup.submit(CODE) for _ in range(1000)), return_exceptions=True
        )
        assert sum(isinstance(answer, Accepted) for answer in answers) == 1
        assert sum(isinstance(answer, ConflictError) for answer in answers) == 999
        await house.until(Step.OPEN)
        assert house.pulses == before + 1
        assert len(house.sql("SELECT * FROM pickup_session")) == 1
        assert house.grant_state(grant.grant_id) == "opened"

    in_house(tmp_path, body)


def test_a_browser_that_goes_away_does_not_stop_the_door(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        asking = asyncio.create_task(house.edge.pickup.submit(CODE))
        while not house.argon2_calls:  # noqa: ASYNC110 - the moment between two turns is the point
            await asyncio.sleep(0)
        assert asking.cancel()
        view = await house.until(Step.OPEN)
        assert house.is_open(view.compartment)

    in_house(tmp_path, body)


def test_what_is_no_code_costs_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        for text in ("", "1234567", "123456789", "1234567a", "１２３４５６７８"):
            with pytest.raises(InvalidError):
                await house.edge.pickup.submit(text)
        assert house.argon2_calls == 0
        assert house.sql("SELECT * FROM limiter_attempt") == []

    in_house(tmp_path, body)


def test_several_compartments_one_after_the_other(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001", "LP-0002", "LP-0003")
        await house.edge.pickup.submit(CODE)
        seen = []
        for index in (1, 2, 3):
            view = await house.until(Step.OPEN)
            seen.append(view.compartment)
            assert (view.index, view.total) == (index, 3)
            await house.push(view.compartment)
            await house.until(Step.CLOSED)
            await house.edge.pickup.proceed()
        assert len(set(seen)) == 3
        assert house.grant_state(grant.grant_id) == "done"
        assert len(house.events("parcel.collected")) == 3

    in_house(tmp_path, body)


def test_an_open_door_is_shut_before_anybody_is_done(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        door = (await house.until(Step.OPEN)).compartment
        await house.edge.pickup.proceed()
        view = house.edge.pickup.session()
        assert view is not None
        assert view.step is Step.OPEN
        assert house.events("parcel.collected") == []
        await house.push(door)
        await house.until(Step.CLOSED)
        await house.edge.pickup.proceed()
        view = house.edge.pickup.session()
        assert view is not None
        assert view.step is Step.DONE
        assert house.grant_state(grant.grant_id) == "done"

    in_house(tmp_path, body)


def test_who_leaves_an_open_door_is_not_thanked(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        door = (await house.until(Step.OPEN)).compartment
        await house.edge.pickup.finish()  # "next person"
        assert house.edge.pickup.session() is None
        assert house.grant_state(grant.grant_id) == "opened"
        await house.push(door)
        await asyncio.sleep(2)
        assert len(house.events("parcel.collected")) == 1
        assert house.grant_state(grant.grant_id) == "done"

    in_house(tmp_path, body)


def test_who_leaves_half_way_comes_back_for_the_rest_with_the_same_code(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001", "LP-0002")
        await house.edge.pickup.submit(CODE)
        first = await house.until(Step.OPEN)
        await house.push(first.compartment)
        await house.until(Step.CLOSED)
        await house.edge.pickup.finish()
        assert house.grant_state(grant.grant_id) == "issued"
        before = house.pulses
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        second = await house.until(Step.OPEN)
        assert second.compartment != first.compartment
        await house.push(second.compartment)
        await house.until(Step.CLOSED)
        await house.edge.pickup.finish()
        assert house.grant_state(grant.grant_id) == "done"
        assert house.pulses == before + 1

    in_house(tmp_path, body)


def test_did_not_open_three_pulses_then_staff_then_three_more(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (row,) = house.sql("SELECT compartment FROM placement")
        door = row["compartment"]
        house.cabinet.jam(door)
        before = house.pulses
        await house.edge.pickup.submit(CODE)
        for left in (2, 1):
            view = await house.until(Step.NOT_OPENED)
            assert view.pulses_left == left
            assert house.grant_state(grant.grant_id) == "issued"
            await house.edge.pickup.again()
        await house.until(Step.FAILED)
        assert house.pulses == before + 3
        with pytest.raises(ConflictError):
            await house.edge.pickup.again()
        assert house.events("compartment.marked")[-1]["compartment"] == door
        await house.edge.pickup.finish()
        # The code stays valid, but opens nothing until somebody has looked.
        answer = await house.edge.pickup.submit(CODE)
        assert isinstance(answer, Accepted)
        assert answer.session.step is Step.FAILED
        await asyncio.sleep(10)
        assert house.pulses == before + 3
        await house.edge.pickup.finish()
        house.cabinet.free(door)
        await house.edge.desk.mark(KEEPER, door, False, "oiled the latch")
        await asyncio.sleep(60)
        await house.edge.pickup.submit(CODE)
        view = await house.until(Step.OPEN)
        assert view.compartment == door
        assert house.pulses == before + 4

    in_house(tmp_path, body)


def test_two_more_openings_within_two_minutes(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        door = (await house.until(Step.OPEN)).compartment
        before = house.pulses
        for left in (2, 1):
            await house.push(door)
            assert (await house.until(Step.CLOSED)).reopens_left == left
            await house.edge.pickup.reopen()
            await house.until(Step.OPEN)
        await house.push(door)
        await house.until(Step.CLOSED)
        with pytest.raises(ConflictError):
            await house.edge.pickup.reopen()
        assert house.pulses == before + 2
        asked = [e for e in house.events("door.changed") if e["purpose"] == "pickup"]
        reasons = [e["reason"] for e in asked if e["state"] == "open"]
        assert reasons == ["code", "re-open", "re-open"]
        assert len(house.events("parcel.collected")) == 1
        await asyncio.sleep(125)
        assert house.grant_state(grant.grant_id) == "done"

    in_house(tmp_path, body)


def test_no_second_opening_after_the_window_nor_after_a_reboot(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        door = (await house.until(Step.OPEN)).compartment
        await house.push(door)
        await house.until(Step.CLOSED)
        await house.cut()
        await house.boot(new_machine_boot=True)
        with pytest.raises(ConflictError):
            await house.edge.pickup.reopen()
        assert house.grant_state(grant.grant_id) == "done"

    in_house(tmp_path, body)


def test_facts_win_over_a_revocation_but_not_the_other_way_round(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        door = (await house.until(Step.OPEN)).compartment
        await house.put(grant.model_copy(update={"state": "revoked"}))
        assert house.grant_state(grant.grant_id) == "opened"
        await house.push(door)
        await house.until(Step.CLOSED)
        await house.edge.pickup.finish()
        assert house.grant_state(grant.grant_id) == "done"

    in_house(tmp_path, body)


def test_a_revocation_that_meets_a_jammed_door_rules_after_the_outcome(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (row,) = house.sql("SELECT compartment FROM placement")
        house.cabinet.jam(row["compartment"])
        await house.edge.pickup.submit(CODE)
        await house.put(grant.model_copy(update={"state": "revoked"}))
        assert house.grant_state(grant.grant_id) == "opening"
        await house.until(Step.FAILED)
        assert house.grant_state(grant.grant_id) == "revoked"
        with pytest.raises(ConflictError):
            await house.edge.pickup.again()

    in_house(tmp_path, body)


def test_the_session_outlives_the_daemon_within_one_boot(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        before = await house.until(Step.OPEN)
        pulses = house.pulses
        await house.cut()
        await house.boot()
        after = house.edge.pickup.session()
        assert after is not None
        assert (after.session_id, after.step) == (before.session_id, Step.OPEN)
        await house.push(after.compartment)
        assert (await house.until(Step.CLOSED)).reopens_left == 2
        assert house.pulses == pulses

    in_house(tmp_path, body)


def test_nobody_at_the_screen_any_more(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        (row,) = house.sql("SELECT compartment FROM placement")
        house.cabinet.jam(row["compartment"])
        await house.edge.pickup.submit(CODE)
        await house.until(Step.NOT_OPENED)
        await asyncio.sleep(70)
        assert house.edge.pickup.session() is None
        with pytest.raises(ConflictError):
            await house.edge.pickup.again()

    in_house(tmp_path, body)


def test_who_asks_for_more_time_gets_it(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        (row,) = house.sql("SELECT compartment FROM placement")
        house.cabinet.jam(row["compartment"])
        await house.edge.pickup.submit(CODE)
        await house.until(Step.NOT_OPENED)
        await asyncio.sleep(50)
        house.edge.pickup.stay()
        await asyncio.sleep(50)
        assert house.edge.pickup.session() is not None
        await asyncio.sleep(20)
        assert house.edge.pickup.session() is None

    in_house(tmp_path, body)


def test_a_resnapshot_does_not_make_a_used_code_new(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        await house.push((await house.until(Step.OPEN)).compartment)
        await house.until(Step.CLOSED)
        await house.edge.pickup.finish()
        await house.edge.state_db.write(
            lambda conn: house.edge.replica.delete_tx(conn, "grant", grant.grant_id)
        )
        await house.put(grant)
        assert await house.edge.pickup.submit(CODE) == Refused(0)

    in_house(tmp_path, body)


def test_revoked_between_two_doors_no_further_door_opens(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001", "LP-0002")
        await house.edge.pickup.submit(CODE)
        view = await house.until(Step.OPEN)
        await house.push(view.compartment)
        await house.until(Step.CLOSED)
        before = house.pulses
        await house.put(grant.model_copy(update={"state": "revoked"}))
        await house.edge.pickup.proceed()
        await asyncio.sleep(5)
        assert house.pulses == before
        assert house.grant_state(grant.grant_id) == "revoked"

    in_house(tmp_path, body)


def test_a_disk_that_refuses_the_temperatures_stops_no_pickup(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        telemetry = house.edge.telemetry_db
        write = telemetry.write

        async def refuse(_fn: object) -> None:
            raise UnavailableError("storage.disk", "the disk does not take it")

        telemetry.write = refuse  # type: ignore[assignment, method-assign]
        await asyncio.sleep(200)
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        await house.until(Step.OPEN)
        telemetry.write = write  # type: ignore[method-assign]
        blocks = len(house.events("climate.block"))
        await asyncio.sleep(200)
        assert len(house.events("climate.block")) > blocks, "sampling goes on by itself"

    in_house(tmp_path, body)
