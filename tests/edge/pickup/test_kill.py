"""Killed at every failpoint and started again: no parcel lost, no pulse by itself, code valid unless seen open."""

import asyncio
from pathlib import Path

import pytest

from common.kit.errors import LinliError
from edge.pickup.views import Accepted, DeskStep, Step
from tests.edge.pickup.house import CODE, KEEPER, House, cut_at, in_house
from tests.edge.pickup.test_qr import Signer
from tests.house_rules import failpoint_names
from tests.parts import ROOT

PICKUP_POINTS = (
    "pickup.token_taken",
    "pickup.code_checked",
    "pickup.accepted",
    "kit.sqlite.before_commit",
    "pickup.intent_committed",
    "doors.before_pulse_row",
    "pickup.door_pulsing",
    "doors.pulse_row_committed",
    "doors.pulse_sent",
    "doors.sensor_judged",
    "pickup.door_open",
    "doors.outcome_committed",
)
QR_POINTS = ("pickup.accepted", "kit.sqlite.before_commit", "pickup.qr_intent_committed")
AFTER_OPEN_POINTS = (
    "doors.before_closed",
    "pickup.door_closed",
    "doors.closed_committed",
    "pickup.finished",
    "pickup.finish_committed",
)
PUT_IN_POINTS = (
    "pickup.desk_asked",
    "pickup.desk_committed",
    "pickup.desk_pulsing",
    "doors.pulse_sent",
    "pickup.desk_open",
    "pickup.put_in_stored",
    "pickup.desk_closed",
)
OTHERS = {
    "pickup.desk_<…>", "pickup.door_<…>",  # filled in above
    "pickup.act_committed", "pickup.again_asked", "pickup.reopen_asked", "pickup.proceeded",
    "pickup.swept", "pickup.taken_out",
    "pickup.paper_committed", "pickup.maintenance_committed",  # test_capsule, test_maintenance
}  # fmt: skip


async def _quietly(asking: "asyncio.Task[object]") -> None:
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize("reboot", [False, True], ids=["restart", "power cut"])
@pytest.mark.parametrize("point", PICKUP_POINTS)
def test_killed_on_the_way_to_the_door(tmp_path: Path, point: str, reboot: bool) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        before = house.pulses
        cut_at(point)
        asking = asyncio.create_task(house.edge.pickup.submit(CODE))
        assert await house.died(), f"nothing passes {point}"
        await _quietly(asking)
        pulsed = house.pulses - before
        await house.boot(new_machine_boot=reboot)
        await asyncio.sleep(5)
        assert house.pulses - before == pulsed, "a pulse by itself"
        await _collect(house)
        assert house.pulses - before <= pulsed + 1
        assert house.grant_state(grant.grant_id) == "done"
        assert [e["parcel_id"] for e in house.events("parcel.collected")] == [*grant.parcel_ids]

    in_house(tmp_path, body)


@pytest.mark.parametrize("point", QR_POINTS)
def test_killed_after_a_scan(tmp_path: Path, point: str) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        grant = await house.delivered("LP-0001")
        before = house.pulses
        cut_at(point)
        text = signer.text(signer.grant(grant))
        asking = asyncio.create_task(house.edge.pickup.submit_qr(text))
        assert await house.died(), f"nothing passes {point}"
        await _quietly(asking)
        await house.boot(new_machine_boot=True)
        await asyncio.sleep(5)
        assert house.pulses == before, "a pulse by itself"
        await _collect(house)
        assert house.pulses == before + 1
        assert house.grant_state(grant.grant_id) == "done"

    in_house(tmp_path, body)


async def _collect(house: House) -> None:
    """Do what a resident would: look at the screen, type the code again if the door is shut."""
    view = house.edge.pickup.session()
    if view is None:
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted), "the code is dead"
    elif view.step is Step.NOT_OPENED:
        await house.edge.pickup.again()
    view = await house.until(Step.OPEN)
    await house.push(view.compartment)
    await house.until(Step.CLOSED)
    await house.edge.pickup.finish()


@pytest.mark.parametrize("point", AFTER_OPEN_POINTS)
def test_killed_after_the_door_was_seen_open(tmp_path: Path, point: str) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        door = (await house.until(Step.OPEN)).compartment
        pulses = house.pulses
        cut_at(point)
        finishing = asyncio.create_task(_shut_and_finish(house, door))
        assert await house.died(), f"nothing passes {point}"
        await _quietly(finishing)
        await house.boot()
        await asyncio.sleep(130)
        assert house.pulses == pulses
        assert house.grant_state(grant.grant_id) == "done"
        assert len(house.events("parcel.collected")) == 1
        assert not isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


async def _shut_and_finish(house: House, door: str) -> None:
    await house.push(door)
    await house.until(Step.CLOSED)
    await house.edge.pickup.finish()


@pytest.mark.parametrize("point", PUT_IN_POINTS)
def test_killed_while_putting_in(tmp_path: Path, point: str) -> None:
    async def body(house: House) -> None:
        parcel = house.parcel("LP-0001")
        grant = house.grant(parcel)
        await house.put(parcel, grant)
        cut_at(point)
        storing = asyncio.create_task(house.stored("LP-0001"))
        assert await house.died(), f"nothing passes {point}"
        await _quietly(storing)
        pulses = house.pulses
        await house.boot()
        await asyncio.sleep(3)
        assert house.pulses == pulses, "a pulse by itself"
        await _put_in_anyway(house)
        assert len(house.sql("SELECT * FROM placement WHERE state = 'placed'")) == 1
        assert len(house.events("parcel.put_in")) == 1
        assert house.grant_state(grant.grant_id) == "issued"
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


async def _put_in_anyway(house: House) -> None:
    """Do what a keeper would: shut what stands open, scan again what is not stored."""
    await asyncio.sleep(1)
    for door in house.cabinet.state().doors:
        if door.open:
            house.cabinet.push(door.label)
    await asyncio.sleep(3)
    view = house.edge.desk.put_in_view()
    if view is None or view.step is not DeskStep.STORED:
        await house.stored("LP-0001")


def test_every_pickup_failpoint_is_killed_somewhere() -> None:
    named = {*PICKUP_POINTS, *QR_POINTS, *AFTER_OPEN_POINTS, *PUT_IN_POINTS, *OTHERS}
    points = {
        point
        for path in (ROOT / "edge/pickup").glob("*.py")
        for point, _ in failpoint_names(path.read_text("utf-8"), path.name)
    }
    assert points <= named


@pytest.mark.parametrize("point", ["pickup.again_asked", "pickup.act_committed"])
def test_killed_at_again(tmp_path: Path, point: str) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (row,) = house.sql("SELECT compartment FROM placement")
        house.cabinet.jam(row["compartment"])
        await house.edge.pickup.submit(CODE)
        await house.until(Step.NOT_OPENED)
        pulses = house.pulses
        cut_at(point)
        asking = asyncio.create_task(house.edge.pickup.again())
        assert await house.died()
        await _quietly(asking)
        house.cabinet.free(row["compartment"])
        await house.boot()
        await asyncio.sleep(5)
        assert house.pulses == pulses
        assert house.grant_state(grant.grant_id) == "issued"
        await house.edge.pickup.again()
        await house.until(Step.OPEN)

    in_house(tmp_path, body)


@pytest.mark.parametrize("point", ["pickup.taken_out", "pickup.desk_committed"])
def test_killed_at_a_hand_over(tmp_path: Path, point: str) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (parcel_id,) = grant.parcel_ids
        cut_at(point)
        asking = asyncio.create_task(house.edge.desk.hand_over(KEEPER, parcel_id, "no phone"))
        assert await house.died()
        await _quietly(asking)
        await house.boot()
        await asyncio.sleep(3)
        if not house.events("parcel.handed_over"):
            await house.edge.desk.hand_over(KEEPER, parcel_id, "no phone")
            await house.desk_until(DeskStep.OPEN)
        assert len(house.events("parcel.handed_over")) == 1
        assert house.grant_state(grant.grant_id) == "done"
        with pytest.raises(LinliError):
            await house.edge.desk.hand_over(KEEPER, parcel_id, "twice")

    in_house(tmp_path, body)
