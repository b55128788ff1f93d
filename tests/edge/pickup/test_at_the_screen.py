"""Odd moments of a resident's session: two hands, two browsers, a keeper at the same door."""

import asyncio
from pathlib import Path

import pytest

from common.kit.errors import ConflictError, UnavailableError
from edge.pickup.steady import Steady
from edge.pickup.views import Accepted, DeskStep, Step
from edge.screen.facts import device_fact
from tests.edge.pickup.house import CODE, KEEPER, House, in_house
from tests.edge.pickup.test_qr import Signer


def test_who_is_not_there_cannot_go_on(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        pulses = house.pulses
        await house.edge.pickup.proceed()
        for act in (house.edge.pickup.again(), house.edge.pickup.reopen()):
            with pytest.raises(ConflictError) as refused:
                await act
            assert refused.value.key == "pickup.no_session"
        assert house.pulses == pulses
        assert house.edge.pickup.session() is None

    in_house(tmp_path, body)


def test_next_after_the_end_from_a_second_finger_is_refused(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001", "LP-0002")
        await house.edge.pickup.submit(CODE)
        await house.push((await house.until(Step.OPEN)).compartment)
        await house.until(Step.CLOSED)
        pulses = house.pulses
        await house.edge.pickup.finish()
        # the second finger's press was under way when the first one's came through
        with pytest.raises(ConflictError) as refused:
            await house.edge.state_db.write(house.edge.sessions.proceed_tx)
        assert refused.value.key == "pickup.no_session"
        assert house.pulses == pulses

    in_house(tmp_path, body)


def test_next_at_the_only_door_that_did_not_open_ends_and_the_code_stays_good(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (row,) = house.sql("SELECT compartment FROM placement")
        house.cabinet.jam(row["compartment"])
        await house.edge.pickup.submit(CODE)
        await house.until(Step.NOT_OPENED)
        pulses = house.pulses
        await house.edge.pickup.proceed()
        assert house.edge.pickup.session() is None
        assert house.pulses == pulses
        assert house.grant_state(grant.grant_id) == "issued"
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


def test_again_at_a_shut_door_is_a_reopening_and_counts_as_one(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        await house.push((await house.until(Step.OPEN)).compartment)
        assert (await house.until(Step.CLOSED)).reopens_left == 2
        await house.edge.pickup.again()
        assert (await house.until(Step.OPEN)).compartment
        with pytest.raises(ConflictError) as refused:
            await house.edge.pickup.again()
        assert refused.value.key == "pickup.no_reopen"
        (opened,) = house.sql("SELECT reopens FROM grant_item")
        assert opened["reopens"] == 1

    in_house(tmp_path, body)


def test_a_door_is_open_for_as_long_as_it_is_open(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        door = (await house.until(Step.OPEN)).compartment
        await asyncio.sleep(3)
        view = house.edge.pickup.session()
        assert view is not None
        assert (3 <= view.open_for_s < 6, view.door_left_open) == (True, False)
        await asyncio.sleep(8)
        view = house.edge.pickup.session()
        assert view is not None
        assert view.door_left_open
        await house.push(door)
        await house.until(Step.CLOSED)
        await asyncio.sleep(12)
        view = house.edge.pickup.session()
        assert view is not None
        assert (view.step, view.open_for_s, view.door_left_open) == (Step.CLOSED, 0.0, False)

    in_house(tmp_path, body, doors={"left_open_s": 10})


def test_a_reopening_that_fails_after_the_end_leaves_the_grant_done(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        door = (await house.until(Step.OPEN)).compartment
        await house.push(door)
        await house.until(Step.CLOSED)
        house.cabinet.jam(door)
        await house.edge.pickup.reopen()
        await house.edge.pickup.finish()
        assert house.grant_state(grant.grant_id) == "done"
        await asyncio.sleep(10)
        assert house.grant_state(grant.grant_id) == "done"
        assert house.events("compartment.marked") == []

    in_house(tmp_path, body)


def test_a_right_code_while_the_keeper_has_that_door_open_sends_no_pulse_of_its_own(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (row,) = house.sql("SELECT compartment FROM placement")
        await house.edge.desk.open_door(KEEPER, row["compartment"], "smells odd")
        await asyncio.sleep(3)
        pulses = house.pulses
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        view = await house.until(Step.NOT_OPENED)
        await asyncio.sleep(3)
        assert house.pulses == pulses
        assert house.grant_state(grant.grant_id) == "issued"
        await house.push(view.compartment)
        await asyncio.sleep(2)
        await house.edge.pickup.again()
        await house.until(Step.OPEN)
        assert house.pulses == pulses + 1

    in_house(tmp_path, body)


def test_a_session_whose_parcel_the_keeper_handed_over_leaves_the_screen(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        (row,) = house.sql("SELECT * FROM placement")
        house.cabinet.jam(row["compartment"])
        await house.edge.pickup.submit(CODE)
        await house.until(Step.NOT_OPENED)
        house.cabinet.free(row["compartment"])
        await house.edge.desk.hand_over(KEEPER, row["parcel_id"], "stands here")
        await house.desk_until(DeskStep.OPEN)
        assert house.edge.pickup.session() is None
        await house.edge.pickup.proceed()

    in_house(tmp_path, body)


def test_a_fenced_station_takes_no_signed_code_either(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        grant = await house.delivered("LP-0001")
        await house.edge.link.fence.turned_away(house.clock.true_ms())
        pulses = house.pulses
        with pytest.raises(UnavailableError) as refused:
            await house.edge.pickup.submit_qr(signer.text(signer.grant(grant)))
        assert refused.value.key == "pickup.fenced"
        assert house.pulses == pulses

    in_house(tmp_path, body)


def test_new_terms_of_the_hub_move_the_end_of_a_code_that_is_out(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        before = house.sql("SELECT * FROM grant_use")[0]
        await house.put(grant.model_copy(update={"valid_for_s": 60}))
        after = house.sql("SELECT * FROM grant_use")[0]
        assert after["expires_at_ms"] == before["first_put_in_ms"] + 60_000
        tag = house.tag(CODE)
        grants = house.edge.desk._put_in._keeping._grants
        known = await house.edge.state_db.write(lambda conn: grants.acceptable_tx(conn, tag))
        assert known is not None
        assert known.grant_id == grant.grant_id
        await asyncio.sleep(61)
        assert await house.edge.state_db.write(lambda c: grants.acceptable_tx(c, tag)) is None

    in_house(tmp_path, body)


async def test_an_act_outlives_its_caller_and_its_answer_goes_nowhere() -> None:
    subject, done = Steady(), asyncio.Event()
    worker = asyncio.create_task(subject.run())

    async def slow(error: Exception | None) -> None:
        await asyncio.sleep(0)
        done.set()
        if error:
            raise error

    for error in (None, ValueError("nobody hears this")):
        caller = asyncio.create_task(subject.do(lambda e=error: slow(e)))  # type: ignore[misc]
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait_for(done.wait(), 5)
        done.clear()
        assert caller.cancelled() or await asyncio.gather(caller, return_exceptions=True)

    async def answer() -> str:
        return "still at work"

    assert await subject.do(answer) == "still at work"
    worker.cancel()
    await asyncio.wait([worker])


async def test_who_waits_when_the_daemon_stops_is_let_go() -> None:
    subject, began = Steady(), asyncio.Event()
    worker = asyncio.create_task(subject.run())

    async def never() -> None:
        began.set()
        await asyncio.Event().wait()

    caller = asyncio.create_task(subject.do(never))
    await began.wait()
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert (await asyncio.gather(worker, return_exceptions=True))[0].__class__ is (
        asyncio.CancelledError
    )


def test_a_device_that_does_not_answer_is_on_the_page_and_stands_in_nobodys_way(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        await house.push((await house.until(Step.OPEN)).compartment)
        await house.until(Step.CLOSED)
        (meter,) = (device_fact(one) for one in house.edge.facts.devices())
        assert (meter.name, meter.answers) == ("meter", False)

    meter = {"name": "meter", "kind": "pzem_016", "bus": "bus0", "unit": 50}
    in_house(tmp_path, body, device=[meter])
