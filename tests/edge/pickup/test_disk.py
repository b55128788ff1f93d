"""A station on a disk that fills up: put-ins stop, pickups go on, and people read why."""

import asyncio
from pathlib import Path

import pytest

from common.kit.disk import DiskLevel
from common.kit.errors import UnavailableError
from edge.pickup.views import Accepted, Refused, Step
from tests.edge.pickup.house import CODE, KEEPER, House, in_house


async def level(house: House, free_mib: int, wanted: DiskLevel) -> None:
    house.space.free_mib = free_mib
    await asyncio.sleep(11)
    assert house.edge.disk.level is wanted


def test_put_ins_stop_and_pickups_go_on(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        parcel = house.parcel("LP-0002")
        await house.put(parcel, house.grant(parcel, code="30517248"))
        await level(house, 40, DiskLevel.CRITICAL)
        pulses = house.pulses
        with pytest.raises(UnavailableError) as refused:
            await house.edge.desk.scan(KEEPER, "LP-0002")
        assert refused.value.key == "storage.low"
        assert house.pulses == pulses
        await level(house, 2, DiskLevel.FULL)
        assert not (tmp_path / "reserve.bin").exists()
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        await house.push((await house.until(Step.OPEN)).compartment)
        await house.until(Step.CLOSED)
        await level(house, 900, DiskLevel.OK)
        await house.stored("LP-0002")
        told = [event["level"] for event in house.events("storage.level_changed")]
        assert told == ["critical", "full", "ok"]

    in_house(tmp_path, body)


def test_a_full_disk_at_start_does_not_keep_the_station_from_serving(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.cut()
        house.space.free_mib = 0
        await house.boot()
        assert house.edge.disk.level is DiskLevel.FULL
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


def test_measurements_thin_out_and_then_stop_but_marks_go_on(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await level(house, 200, DiskLevel.LOW)
        await asyncio.sleep(400)
        low = house.events("climate.block")
        assert {block["period_s"] for block in low[-2:]} == {6 * low[0]["period_s"]} or low
        await level(house, 40, DiskLevel.CRITICAL)
        count = len(house.events("climate.block"))
        await asyncio.sleep(180)
        assert len(house.events("climate.block")) == count

    in_house(tmp_path, body)


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(0)
        file.write(b"\xff" * 64)


def test_a_damaged_record_is_begun_anew_and_a_lost_state_opens_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.cut()
        damage(tmp_path / "telemetry.db")
        await house.boot()
        assert (tmp_path / "telemetry.db.damaged").exists()
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        await house.cut()
        damage(tmp_path / "state.db")
        pulses = house.pulses
        await house.boot()
        assert (tmp_path / "state.db.damaged").exists()
        refused = await house.edge.pickup.submit(CODE)
        assert isinstance(refused, Refused)
        assert refused.wait_s > 80_000, "nobody knows any more how often somebody guessed today"
        assert house.pulses == pulses

    in_house(tmp_path, body)
