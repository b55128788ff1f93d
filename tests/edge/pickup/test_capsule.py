"""Capsules at the unmodified daemon: they end codes with the cable cut, for good, and refuse with words."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from common.contract.capsule import Capsule, encode
from common.contract.replica import GrantRow
from common.kit.identity import new_private_key, sign
from edge.pickup.papers import PaperSays
from edge.pickup.views import Accepted, Refused, Step
from tests.edge.cable import STATION_ID
from tests.edge.pickup.house import CODE, House, cut_at, in_house
from tests.edge.pickup.test_family import CHILD, SIBLING, child
from tests.edge.pickup.test_qr import KID, Signer
from tests.edge.salvage.test_station import _answer, rot, stopped

HOUR_MS = 3_600_000


def capsule(house: House, *grants: GrantRow, **changes: object) -> Capsule:
    ids = tuple(one.grant_id for one in grants)
    made = Capsule(KID, STATION_ID, 10, 1, 1, house.clock.true_ms() + HOUR_MS, ids)
    return replace(made, **changes)  # type: ignore[arg-type]


def text(signer: Signer, one: Capsule) -> str:
    return encode(one, sign(signer.key, one.message()))


async def says(house: House, sheet: str) -> PaperSays:
    assert house.edge.papers.is_one(sheet)
    return (await house.edge.papers.show(sheet)).says


def test_a_capsule_ends_a_code_and_what_was_given_away_from_it(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        parent = await house.delivered("LP-0001")
        kid = child(house, parent, CHILD)
        await house.put(kid)
        other = await house.delivered("LP-0002", code=SIBLING)
        before = house.pulses
        sheet = text(signer, capsule(house, parent))
        assert await says(house, sheet.lower()) is PaperSays.APPLIED
        assert [house.grant_state(one.grant_id) for one in (parent, kid)] == ["revoked"] * 2
        for code in (CODE, CHILD):
            assert await house.edge.pickup.submit(code) == Refused(0)
        untold = child(house, parent)
        shown = replace(signer.grant(untold), parent_id=parent.grant_id)
        assert await house.edge.pickup.submit_qr(signer.text(shown)) == Refused(0)
        assert house.pulses == before
        assert house.events("revocation.applied") == [{"epoch": 10, "grant_ids": [parent.grant_id]}]
        assert await says(house, sheet) is PaperSays.KNOWN  # once more is nothing
        assert len(house.events("revocation.applied")) == 1
        assert isinstance(await house.edge.pickup.submit(SIBLING), Accepted)
        assert house.grant_state(other.grant_id) != "revoked"

    in_house(tmp_path, body)


def test_it_holds_through_restarts_and_against_an_older_hub(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        grant = await house.delivered("LP-0001")
        cut_at("pickup.paper_committed")
        showing = asyncio.create_task(house.edge.papers.show(text(signer, capsule(house, grant))))
        await asyncio.gather(showing, return_exceptions=True)
        await house.cut()
        await house.boot()
        await house.put(grant)  # a hub put back from its backup knows of no revocation
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        assert await house.edge.pickup.submit_qr(signer.text(signer.grant(grant))) == Refused(0)

    in_house(tmp_path, body)


def test_a_grant_that_is_still_on_its_way_is_ended_before_it_comes(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        parcel = house.parcel("LP-0001")
        grant = house.grant(parcel)
        assert await says(house, text(signer, capsule(house, grant))) is PaperSays.APPLIED
        await house.put(parcel, grant)
        await house.stored("LP-0001")
        assert await house.edge.pickup.submit(CODE) == Refused(0)

    in_house(tmp_path, body)


def test_an_open_door_wins_over_the_capsule(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        grant = await house.delivered("LP-0001")
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        door = (await house.until(Step.OPEN)).compartment
        assert await says(house, text(signer, capsule(house, grant))) is PaperSays.APPLIED
        assert house.grant_state(grant.grant_id) == "opened"
        await house.push(door)
        await house.until(Step.CLOSED)
        await house.edge.pickup.finish()
        assert house.grant_state(grant.grant_id) == "done"

    in_house(tmp_path, body)


def test_a_foreign_forged_old_or_expired_one_changes_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer, thief = Signer(house), Signer(house)
        await house.put(signer.row())
        grant = await house.delivered("LP-0001")
        other = await house.delivered("LP-0002", code=SIBLING)
        good = capsule(house, grant)
        for wrong, expected in (
            (
                text(signer, replace(good, station_id="01JABCDEFGHJKMNPQRSTVWXYZ9")),
                PaperSays.FOREIGN,
            ),
            (text(thief, good), PaperSays.FORGED),
            (text(signer, replace(good, kid=KID + 1)), PaperSays.FORGED),
            (text(signer, good)[:-2], PaperSays.FORGED),
            (
                text(signer, replace(good, expires_at_ms=house.clock.true_ms() - 1000)),
                PaperSays.OVER,
            ),
            ("LR1", PaperSays.FORGED),
        ):
            assert await says(house, wrong) is expected
        assert house.grant_state(grant.grant_id) == "issued"
        assert await says(house, text(signer, capsule(house, other, epoch=12))) is PaperSays.APPLIED
        assert await says(house, text(signer, good)) is PaperSays.OLD  # epoch 10
        assert await says(house, text(signer, replace(good, epoch=12, part=2, parts=2))) is (
            PaperSays.APPLIED
        )
        assert house.sql("SELECT epoch FROM revocation_epoch")[0]["epoch"] == 12
        assert house.sql("SELECT * FROM limiter_attempt") == []

    in_house(tmp_path, body)


def test_a_fenced_station_takes_it_too(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        grant = await house.delivered("LP-0001")
        house.sql("INSERT OR REPLACE INTO sync_fence VALUES (1, 'fenced', 0)")
        assert await says(house, text(signer, capsule(house, grant))) is PaperSays.APPLIED
        assert house.grant_state(grant.grant_id) == "revoked"

    in_house(tmp_path, body)


@pytest.mark.parametrize("table", ["withdrawn_grant", "revocation_epoch"])
def test_damage_revives_no_withdrawn_code(tmp_path: Path, table: str) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        parcel = house.parcel("LP-0001")
        grant = house.grant(parcel)
        await house.put(parcel, grant)
        # Not put in yet: nothing in `grant_use` says that it is revoked.
        assert await says(house, text(signer, capsule(house, grant))) is PaperSays.APPLIED
        other = await house.delivered("LP-0002", code=SIBLING)
        path = await stopped(house)
        rot(path, table)
        await house.boot()
        await house.stored("LP-0001")
        assert not isinstance(await _answer(house, CODE), Accepted)
        if table == "withdrawn_grant":  # any of them may have been withdrawn: the hub has to speak
            assert not isinstance(await _answer(house, SIBLING), Accepted)
            await house.put(grant.model_copy(update={"state": "revoked"}))
            house.sql("UPDATE sync_self SET gen = 3")
            assert await _answer(house, CODE) == Refused(0)
        assert isinstance(await _answer(house, SIBLING), Accepted), other

    in_house(tmp_path, body)


def test_what_is_wrongly_signed_is_not_taken_though_the_key_is_the_stations_own(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row(by=new_private_key(house.chance)))  # nobody vouches for it
        grant = await house.delivered("LP-0001")
        assert await says(house, text(signer, capsule(house, grant))) is PaperSays.FORGED

    in_house(tmp_path, body)
