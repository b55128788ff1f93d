"""Between asking for a door and its pulse, what was said meanwhile counts; a session keeps to one door at a time."""

import asyncio
from pathlib import Path

import pytest

from common.contract.replica import GrantRow
from common.kit.errors import ConflictError
from edge.pickup.views import Accepted, Refused, Step
from tests.edge.access.test_commands import command, told
from tests.edge.pickup.house import CODE, KEEPER, House, in_house

OTHER_KEEPER = KEEPER[:-1] + "M"


async def tire(house: House, label: str, times: int = 5) -> None:
    """Open a door until its coil must rest before the next pulse."""
    for n in range(times):
        who = KEEPER if n < 4 else OTHER_KEEPER
        await house.edge.desk.open_door(who, label, "look inside")
        await asyncio.sleep(2)
        await house.push(label)
        await asyncio.sleep(2)


async def waiting_pickup(house: House, *, valid_for_s: int = 3600) -> GrantRow:
    """Accept a code whose door waits for its coil."""
    grant = await house.delivered("LP-0001", valid_for_s=valid_for_s)
    await tire(house, house.sql("SELECT compartment FROM placement")[0]["compartment"])
    before = house.pulses
    assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
    await asyncio.sleep(0.5)
    assert house.pulses == before, "the coil rests"
    assert house.grant_state(grant.grant_id) == "opening"
    return grant


def test_a_revocation_that_came_while_the_coil_rested_counts(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await waiting_pickup(house)
        before = house.pulses
        await house.put(grant.model_copy(update={"state": "revoked"}))
        await asyncio.sleep(90)
        assert house.pulses == before
        assert house.grant_state(grant.grant_id) == "revoked"
        assert house.events("door.changed")[-1]["state"] == "expired"

    in_house(tmp_path, body)


def test_the_screen_does_not_call_a_refused_code_valid(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await waiting_pickup(house)
        assert not house.edge.pickup.session().refused  # type: ignore[union-attr]
        await house.put(grant.model_copy(update={"state": "revoked"}))
        view = await house.until(Step.FAILED, within_s=90)
        assert view.refused
        assert not view.another

    in_house(tmp_path, body)


def test_without_news_the_waiting_door_opens(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await waiting_pickup(house)
        before = house.pulses
        await house.until(Step.OPEN, within_s=90)
        assert house.pulses == before + 1
        assert house.grant_state(grant.grant_id) == "opened"

    in_house(tmp_path, body)


def test_an_end_that_came_while_the_coil_rested_counts(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await waiting_pickup(house, valid_for_s=45)
        before = house.pulses
        await asyncio.sleep(90)
        assert house.pulses == before
        assert house.grant_state(grant.grant_id) == "expired"

    in_house(tmp_path, body)


def test_an_earlier_end_that_the_hub_wrote_meanwhile_counts(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await waiting_pickup(house)
        before = house.pulses
        await house.put(grant.model_copy(update={"not_after_ms": house.clock.true_ms() + 1000}))
        await asyncio.sleep(90)
        assert house.pulses == before
        assert house.grant_state(grant.grant_id) == "expired"

    in_house(tmp_path, body)


def test_a_fence_that_came_while_the_coil_rested_counts(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await waiting_pickup(house)
        before = house.pulses
        await house.edge.link.fence.turned_away(house.clock.true_ms())
        await asyncio.sleep(90)
        assert house.pulses == before
        assert house.grant_state(grant.grant_id) == "issued", "valid again when the fence goes"

    in_house(tmp_path, body)


@pytest.mark.parametrize(
    "gone", ["UPDATE placement SET state = 'removed'", "DELETE FROM grant_item"]
)
def test_nothing_opens_for_a_parcel_that_went_while_the_coil_rested(
    tmp_path: Path, gone: str
) -> None:
    async def body(house: House) -> None:
        grant = await waiting_pickup(house)
        before = house.pulses
        await house.edge.state_db.write(lambda conn: conn.execute(gone))
        await asyncio.sleep(90)
        assert house.pulses == before
        assert house.grant_state(grant.grant_id) != "opened"

    in_house(tmp_path, body)


def test_a_command_that_ended_while_the_coil_rested_counts(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await tire(house, "A01", 6)
        sent = command(house, expires_at_ms=house.clock.true_ms() + 5000)
        before = house.pulses
        await house.put(sent)
        await asyncio.sleep(90)
        assert house.pulses == before
        assert told(house, sent)[-1] == ("expired", "expired")

    in_house(tmp_path, body)


@pytest.mark.parametrize("taken_back", [False, True])
def test_a_command_fenced_or_taken_back_while_the_coil_rested_opens_nothing(
    tmp_path: Path, taken_back: bool
) -> None:
    async def body(house: House) -> None:
        await tire(house, "A01", 6)
        before = house.pulses
        await house.put(command(house))
        if taken_back:
            gone = "DELETE FROM replica_command"
            await house.edge.state_db.write(lambda conn: conn.execute(gone))
        else:
            await house.edge.link.fence.turned_away(house.clock.true_ms())
        await asyncio.sleep(90)
        assert house.pulses == before

    in_house(tmp_path, body)


def test_the_next_door_waits_until_the_one_in_hand_is_shut(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001", "LP-0002")
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        await house.edge.pickup.proceed()
        assert (await house.until(Step.OPEN)).index == 1
        await house.edge.pickup.proceed()
        await asyncio.sleep(3)
        assert house.pulses == 3, "two put-ins, one pickup"
        await house.push(house.edge.pickup.session().compartment)  # type: ignore[union-attr]
        await house.until(Step.CLOSED)
        await house.edge.pickup.proceed()
        assert (await house.until(Step.OPEN)).index == 2

    in_house(tmp_path, body)


def test_a_session_that_goes_on_past_the_end_opens_no_further_door(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001", "LP-0002", valid_for_s=60)
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        first = await house.until(Step.OPEN)
        await house.push(first.compartment)
        await house.until(Step.CLOSED)
        for _ in range(4):
            await asyncio.sleep(30)
            house.edge.pickup.stay()
        before = house.pulses
        await house.edge.pickup.proceed()
        await asyncio.sleep(3)
        assert house.pulses == before
        assert house.grant_state(grant.grant_id) == "expired"
        view = house.edge.pickup.session()
        assert view is not None
        assert view.step is Step.DONE
        assert view.refused, "not thanked for what still lies here"

    in_house(tmp_path, body)


def test_a_fenced_station_offers_no_other_door(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001", "LP-0002")
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        first = await house.until(Step.OPEN)
        await house.edge.link.fence.turned_away(house.clock.true_ms())
        await house.push(first.compartment)
        shut = await house.until(Step.CLOSED)
        assert shut.refused
        assert not shut.another
        await house.edge.pickup.proceed()
        done = house.edge.pickup.session()
        assert done is not None
        assert done.step is Step.DONE
        assert done.refused

    in_house(tmp_path, body)


def test_a_fenced_station_opens_no_door_again(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        await house.push((await house.until(Step.OPEN)).compartment)
        await house.until(Step.CLOSED)
        await house.edge.link.fence.turned_away(house.clock.true_ms())
        with pytest.raises(ConflictError):
            await house.edge.pickup.reopen()

    in_house(tmp_path, body)


def test_a_fence_that_came_while_a_second_opening_waited_counts(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        label = house.sql("SELECT compartment FROM placement")[0]["compartment"]
        await tire(house, label, 4)
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        await house.until(Step.OPEN, within_s=90)
        await house.push(label)
        await house.until(Step.CLOSED)
        before = house.pulses
        await house.edge.pickup.reopen()
        assert house.pulses == before, "the coil rests"
        await house.edge.link.fence.turned_away(house.clock.true_ms())
        await asyncio.sleep(90)
        assert house.pulses == before

    in_house(tmp_path, body)


def test_a_door_in_hand_that_leaves_the_settings_frees_the_screen(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001", "LP-0002")
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        first = await house.until(Step.OPEN)
        await house.cut()
        house.cabinet.push(first.compartment)
        parts = tuple(one for one in house.config.compartment if one.label != first.compartment)
        house.config = house.config.model_copy(update={"compartment": parts})
        await house.boot()
        await asyncio.sleep(5)
        assert house.edge.pickup.session() is None
        assert house.grant_state(grant.grant_id) == "issued"
        answer = await house.edge.pickup.submit(CODE)
        assert isinstance(answer, Accepted), "the order's other door"
        assert answer.session.compartment != first.compartment

    in_house(tmp_path, body)


def test_a_parcel_taken_out_of_a_living_session_frees_its_code(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001", "LP-0002")
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        first = await house.until(Step.OPEN)
        await house.push(first.compartment)
        await house.until(Step.CLOSED)
        await house.edge.state_db.write(
            lambda conn: conn.execute(
                "DELETE FROM grant_item WHERE compartment = ?", (first.compartment,)
            )
        )
        await house.edge.pickup.refresh()
        assert house.edge.pickup.session() is None
        assert house.grant_state(grant.grant_id) == "issued"
        assert not house.sql("SELECT * FROM pickup_session WHERE live")
        assert not isinstance(await house.edge.pickup.submit(CODE), Refused)
        await house.edge.state_db.write(house.edge.pickup._finish_lost_tx)
        assert house.sql("SELECT * FROM pickup_session WHERE live"), "who stands there now stays"

    in_house(tmp_path, body)
