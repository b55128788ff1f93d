"""A technician's certificate at the unmodified daemon: verified offline, by trusted time, each opening by name."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common.contract.certificate import LIFE_MAX_S, Certificate, encode
from common.contract.replica import StationRow
from common.kit.errors import ConflictError, InvalidError, LinliError, NotFoundError
from common.kit.identity import sign
from edge.pickup.papers import PaperSays
from tests.edge.cable import STATION_ID
from tests.edge.pickup.house import House, cut_at, in_house
from tests.edge.pickup.test_capsule import capsule, says
from tests.edge.pickup.test_capsule import text as sheet
from tests.edge.pickup.test_qr import KID, Signer
from tests.edge.salvage.test_station import rot, stopped

NAME = "李师傅"


def certificate(house: House, **changes: Any) -> Certificate:
    made = Certificate(KID, STATION_ID, house.id(), 10, house.clock.true_ms(), 3600, NAME)
    return replace(made, **changes)


def text(signer: Signer, one: Certificate) -> str:
    return encode(one, sign(signer.key, one.message()))


async def refusal(house: House, paper: str, door: str = "A01", **options: bool) -> str:
    before = house.pulses
    with pytest.raises(LinliError) as refused:
        await house.edge.maintenance.open(paper, door, "broken latch", **options)
    await asyncio.sleep(5)
    assert house.pulses == before
    return refused.value.key


async def ready(house: House) -> Signer:
    signer = Signer(house)
    await house.put(signer.row())
    return signer


def test_an_empty_door_opens_in_the_technicians_name(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = await ready(house)
        one = certificate(house)
        paper = text(signer, one)
        view = await house.edge.maintenance.look(paper)
        assert (view.technician, len(view.doors)) == (NAME, len(house.config.compartment))
        for door in ("A01", "A02"):
            await house.edge.maintenance.open(paper, door, "broken latch")
            await asyncio.sleep(3)
            assert house.is_open(door)
        opened = [one for one in house.events("door.changed") if one["state"] == "open"]
        assert [(one["actor_kind"], one["actor_id"], one["reason"]) for one in opened] == [
            ("technician", NAME, "broken latch")
        ] * 2
        assert await says(house, paper) is PaperSays.CERTIFICATE  # the screen opens nothing with it
        (started,) = house.events("maintenance.started")
        assert (started["technician"], started["expires_at_ms"]) == (NAME, one.expires_at_ms)

    in_house(tmp_path, body)


def test_an_occupied_door_needs_a_word_for_it_and_they_are_counted(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = await ready(house)
        await house.delivered("LP-0001")
        (row,) = house.sql("SELECT compartment FROM placement")
        door, paper = row["compartment"], text(signer, certificate(house))
        assert await refusal(house, paper, door) == "maintenance.occupied"
        for _ in range(5):
            await house.edge.maintenance.open(paper, door, "leaks", occupied=True)
            await asyncio.sleep(3)
            await house.push(door)
            await asyncio.sleep(5)
        assert await refusal(house, paper, door, occupied=True) == "desk.budget"
        assert house.sql("SELECT state FROM placement")[0]["state"] == "placed"

    in_house(tmp_path, body)


def test_foreign_forged_ended_and_too_long_ones_open_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer, thief = await ready(house), Signer(house)
        good, now_ms = certificate(house), house.clock.true_ms()
        for paper, key in (
            (text(signer, replace(good, station_id="01JABCDEFGHJKMNPQRSTVWXYZ9")), "foreign"),
            (text(thief, good), "forged"),
            (text(signer, replace(good, kid=KID + 1)), "forged"),
            (text(signer, good)[:-1], "forged"),
            ("LT1", "forged"),
            (text(signer, replace(good, life_s=LIFE_MAX_S + 1)), "forged"),
            (text(signer, replace(good, issued_at_ms=now_ms - 3_700_000)), "over"),
            (text(signer, replace(good, issued_at_ms=now_ms + 600_000)), "time_unsure"),
        ):
            assert await refusal(house, paper) == f"maintenance.{key}"
        assert house.events("maintenance.started") == []
        with pytest.raises(NotFoundError):
            await house.edge.maintenance.open(text(signer, good), "Z99", "broken latch")
        with pytest.raises(InvalidError):
            await house.edge.maintenance.open(text(signer, good), "A01", " x ")

    in_house(tmp_path, body)


@pytest.mark.parametrize("back_s", [3600, 86_400, 10 * 365 * 86_400])
def test_a_clock_that_is_set_back_revives_no_certificate(tmp_path: Path, back_s: int) -> None:
    async def body(house: House) -> None:
        signer = await ready(house)
        paper = text(signer, certificate(house, life_s=1800))
        await asyncio.sleep(1801)
        assert await refusal(house, paper) == "maintenance.over"
        house.clock.skew = -timedelta(seconds=back_s)
        assert await refusal(house, paper) == "maintenance.over"
        await house.cut()
        await house.boot()
        assert await refusal(house, paper) == "maintenance.over"
        await house.cut()
        await house.boot(new_machine_boot=True)
        assert await refusal(house, paper) in ("maintenance.over", "maintenance.time_unsure")
        fresh = text(signer, certificate(house))
        assert await refusal(house, fresh) == "maintenance.time_unsure"  # a cold boot, no hub yet
        await house.hear_hub()
        assert await refusal(house, paper) == "maintenance.over"
        await house.edge.maintenance.open(fresh, "A01", "broken latch")

    in_house(tmp_path, body, doors={"poll_idle_s": 30})


@pytest.mark.parametrize("road", ["row", "sheet"])
def test_a_revoked_certificate_opens_nothing_and_a_newer_one_does(
    tmp_path: Path, road: str
) -> None:
    async def body(house: House) -> None:
        signer = await ready(house)
        paper = text(signer, certificate(house))
        await house.edge.maintenance.look(paper)
        if road == "row":
            row = StationRow(
                station_id=STATION_ID,
                name_zh="站",
                name_en="S",
                help_phone="400",
                revocation_epoch=11,
            )
            await house.put(row)
        else:
            grant = await house.delivered("LP-0001")
            sent = sheet(signer, capsule(house, grant, epoch=11))
            assert await says(house, sent) is PaperSays.APPLIED
        assert await refusal(house, paper, "A05") == "maintenance.revoked"
        newer = text(signer, certificate(house, epoch=11))
        await house.edge.maintenance.open(newer, "A05", "broken latch")

    in_house(tmp_path, body)


def test_a_door_in_use_is_left_alone(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = await ready(house)
        paper = text(signer, certificate(house))
        await house.edge.maintenance.open(paper, "A01", "broken latch")
        with pytest.raises(ConflictError):
            await house.edge.maintenance.open(paper, "A01", "broken latch")

    in_house(tmp_path, body)


@pytest.mark.parametrize("table", ["revocation_epoch", "placement"])
def test_damage_gives_a_technician_no_more_than_before(tmp_path: Path, table: str) -> None:
    async def body(house: House) -> None:
        signer = await ready(house)
        grant = await house.delivered("LP-0001")
        door = house.sql("SELECT compartment FROM placement")[0]["compartment"]
        paper = text(signer, certificate(house))
        if table == "revocation_epoch":
            assert await says(house, sheet(signer, capsule(house, grant, epoch=11))) is (
                PaperSays.APPLIED
            )
        path = await stopped(house)
        rot(path, table)
        await house.boot()
        await house.hear_hub()
        if table == "placement":  # every row of the hub is proven: it need not speak again
            house.sql("UPDATE sync_self SET gen = 3")
        key = await refusal(house, paper, door)
        assert key == (
            "maintenance.occupied" if table == "placement" else "maintenance.time_unsure"
        )

    in_house(tmp_path, body)


def test_power_that_goes_behind_the_intent_moves_no_door_by_itself(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = await ready(house)
        paper = text(signer, certificate(house))
        cut_at("pickup.maintenance_committed")
        asking = asyncio.create_task(house.edge.maintenance.open(paper, "A01", "broken latch"))
        await asyncio.gather(asking, return_exceptions=True)
        await house.cut()
        await house.boot()
        before = house.pulses
        await asyncio.sleep(10)
        assert house.pulses == before
        await house.edge.maintenance.open(paper, "A01", "broken latch")
        await asyncio.sleep(3)
        assert house.is_open("A01")
        assert len(house.events("maintenance.started")) == 1

    in_house(tmp_path, body)
