"""A pickup given away, at the unmodified daemon: one parcel, one opening among all its codes, with the cable cut."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from common.contract.qr import CHILD_PREFIX, encode
from common.contract.replica import GrantRow
from common.kit.errors import UnavailableError
from common.kit.identity import sign
from edge.pickup import kin
from edge.pickup.views import Accepted, ParcelState, Refused, Step
from edge.salvage.caution import Moment, hold_grants_tx
from edge.salvage.rows import Rescued, Table
from edge.salvage.stock import Stock
from tests.edge.pickup.house import CODE, House, cut_at, in_house
from tests.edge.pickup.test_qr import Signer, leave
from tests.edge.salvage.test_station import _answer, rot, stopped

CHILD, SIBLING = "30517248", "61830529"


def child(house: House, parent: GrantRow, code: str = CHILD, number: int = 0) -> GrantRow:
    """Give one parcel of `parent` to somebody else."""
    return parent.model_copy(
        update={
            "grant_id": house.id(), "verifier": house.tag(code).hex(),
            "parcel_ids": (parent.parcel_ids[number],), "parent_id": parent.grant_id,
        }
    )  # fmt: skip


async def given(house: House, *codes: str) -> tuple[GrantRow, ...]:
    """Put one parcel in; return its grant and those given away from it."""
    parent = await house.delivered("LP-0001")
    kids = [child(house, parent, code) for code in codes]
    await house.put(*kids)
    return parent, *kids


@pytest.mark.parametrize("first", [CODE, CHILD, SIBLING])
def test_whoever_comes_first_has_the_parcel_and_every_other_code_is_spent(
    tmp_path: Path, first: str
) -> None:
    async def body(house: House) -> None:
        grants = await given(house, CHILD, SIBLING)
        before = house.pulses
        assert isinstance(await house.edge.pickup.submit(first), Accepted)
        await house.until(Step.OPEN)
        states = {house.grant_state(one.grant_id) for one in grants}
        assert states == {"opened", "done"}  # at once, not when the door is shut
        await leave(house)
        for code in (CODE, CHILD, SIBLING):
            assert await house.edge.pickup.submit(code) == Refused(0), code
        assert house.pulses == before + 1
        assert {house.grant_state(one.grant_id) for one in grants} == {"done"}
        (taken,) = house.events("parcel.collected")
        codes = dict(zip((CODE, CHILD, SIBLING), grants, strict=True))
        assert taken["grant_id"] == codes[first].grant_id

    in_house(tmp_path, body)


def test_a_door_left_open_by_one_is_not_opened_by_another(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await given(house, CHILD)
        assert isinstance(await house.edge.pickup.submit(CHILD), Accepted)
        await house.until(Step.OPEN)
        before = house.pulses
        await house.edge.pickup.finish()
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        await house.cut()
        await house.boot(new_machine_boot=True)
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        await house.push("A01")
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        assert house.pulses == before

    in_house(tmp_path, body)


@pytest.mark.parametrize(
    "point",
    ["pickup.accepted", "pickup.intent_committed", "pickup.door_open", "pickup.door_closed"],
)
def test_power_that_goes_at_any_moment_gives_no_second_opening(tmp_path: Path, point: str) -> None:
    async def body(house: House) -> None:
        grants = await given(house, CHILD)
        opened = len(house.cabinet.witness.pulses)
        shuts = point == "pickup.door_closed"
        if not shuts:
            cut_at(point)
        pressing = asyncio.create_task(house.edge.pickup.submit(CHILD))
        if shuts:
            await house.until(Step.OPEN)
            cut_at(point)
            await house.push("A01")
        assert await house.died()
        pressing.cancel()
        await asyncio.gather(pressing, return_exceptions=True)
        await house.boot(new_machine_boot=True)
        was_open = len(house.cabinet.witness.pulses) > opened
        if was_open and house.is_open("A01"):
            await house.push("A01")
            await asyncio.sleep(5)
        if house.edge.pickup.session():
            await house.edge.pickup.finish()
        said = [await house.edge.pickup.submit(CODE)]
        if isinstance(said[0], Accepted):
            await leave(house)
        said.append(await house.edge.pickup.submit(CHILD))
        assert sum(isinstance(one, Accepted) for one in said) == (0 if was_open else 1)
        assert len(house.events("parcel.collected")) == 1
        assert {house.grant_state(one.grant_id) for one in grants} == {"done"}

    in_house(tmp_path, body)


def test_one_parcel_of_two_is_given_away_and_the_other_stays_the_owners(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        parcels = [house.parcel("LP-0001"), house.parcel("LP-0002")]
        parent = house.grant(*parcels)
        kid = child(house, parent, number=1)
        await house.put(*parcels, parent, kid)
        own, other = [await house.stored(one.label) for one in parcels]
        assert isinstance(await house.edge.pickup.submit(CHILD), Accepted)
        session = await house.until(Step.OPEN)
        assert (session.compartment, session.total) == (other, 1)
        await leave(house)
        assert house.grant_state(parent.grant_id) == "issued"
        accepted = await house.edge.pickup.submit(CODE)
        assert isinstance(accepted, Accepted)
        assert (accepted.session.compartment, accepted.session.total) == (own, 1)
        await leave(house)
        assert house.grant_state(parent.grant_id) == "done"
        assert len(house.events("parcel.collected")) == 2

    in_house(tmp_path, body)


def test_a_child_ends_with_its_parent_though_its_own_row_says_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        parent, kid = await given(house, CHILD)
        await house.put(parent.model_copy(update={"state": "revoked"}))
        assert house.grant_state(kid.grant_id) == "revoked"
        assert await house.edge.pickup.submit(CHILD) == Refused(0)

    in_house(tmp_path, body)


def test_a_child_lives_no_longer_than_its_parent(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        parcels = [house.parcel("LP-0001"), house.parcel("LP-0002")]
        parent = house.grant(*parcels, valid_for_s=3600)
        kid = child(house, parent, number=1)
        await house.put(*parcels, parent, kid)
        await house.stored("LP-0001")
        await asyncio.sleep(1800)
        await house.stored("LP-0002")  # its own time would run from here
        await asyncio.sleep(1800)
        assert await house.edge.pickup.submit(CHILD) == Refused(0)
        await asyncio.sleep(60)
        assert house.grant_state(kid.grant_id) == "expired"

    in_house(tmp_path, body, doors={"poll_idle_s": 30})


def test_a_child_taken_back_leaves_the_owners_code_and_the_keepers_list_alone(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        _, kid = await given(house, CHILD)
        await house.put(kid.model_copy(update={"state": "revoked"}))
        (view,) = (await house.edge.desk.today()).parcels
        assert view.state is ParcelState.PLACED
        assert await house.edge.pickup.submit(CHILD) == Refused(0)
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


def test_the_put_in_is_told_of_the_owners_grant(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        parcel = house.parcel("LP-0001")
        parent = house.grant(parcel)
        await house.put(parcel, parent, child(house, parent))
        await house.stored("LP-0001")
        (told,) = house.events("parcel.put_in")
        assert told["grant_id"] == parent.grant_id

    in_house(tmp_path, body)


def test_a_given_qr_code_works_at_a_station_that_was_not_told_and_ends_with_its_parent(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        parent = await house.delivered("LP-0001")
        kid, late = child(house, parent), child(house, parent, SIBLING)

        def text(row: GrantRow) -> str:
            shown = replace(signer.grant(row), parent_id=row.parent_id)
            return encode(shown, sign(signer.key, shown.message()))

        assert text(kid).startswith(CHILD_PREFIX)
        orphan = replace(signer.grant(kid), parent_id=None)
        forged = encode(replace(orphan, parent_id=house.id()), sign(signer.key, orphan.message()))
        assert await house.edge.pickup.submit_qr(forged) == Refused(0)
        assert isinstance(await house.edge.pickup.submit_qr(text(kid)), Accepted)
        await leave(house)
        assert await house.edge.pickup.submit_qr(text(late)) == Refused(0)
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        second = await house.delivered("LP-0002")
        await house.put(second.model_copy(update={"state": "revoked"}))
        assert await house.edge.pickup.submit_qr(text(child(house, second))) == Refused(0)

    in_house(tmp_path, body)


@pytest.mark.parametrize("table", ["grant_use", "grant_item"])
def test_damage_that_hides_a_childs_opening_opens_nothing_to_its_parent(
    tmp_path: Path, table: str
) -> None:
    async def body(house: House) -> None:
        await given(house, CHILD)
        assert isinstance(await house.edge.pickup.submit(CHILD), Accepted)
        await house.until(Step.OPEN)  # still open when the power goes: nothing says *collected*
        path = await stopped(house)
        pulses = house.pulses
        rot(path, table)
        await house.boot()
        if house.edge.pickup.session():
            await house.edge.pickup.finish()
        for code in (CODE, CHILD):
            assert isinstance(await _answer(house, code), Refused | UnavailableError), code
        assert house.pulses == pulses

    in_house(tmp_path, body)


def test_a_child_whose_parents_row_is_lost_waits_for_the_hub(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        _, kid = await given(house, CHILD)
        await stopped(house)
        with closing(sqlite3.connect(tmp_path / "state.db")) as conn:
            rows = [
                Rescued(tuple(row.keys()), {(row["tbl"], row["key"]): tuple(row)}, whole=False)
                for row in named(conn).execute(
                    "SELECT * FROM sync_row WHERE key = ?", (kid.grant_id,)
                )
            ]
            stock = Stock(proven={"sync_row": rows[0]}, readable=True)
            stock.layout["sync_row"] = Table("sync_row", rows[0].columns, ("tbl", "key"), False)
            assert hold_grants_tx(conn, stock, Moment(0, 0.0, None)) == 1
            held = conn.execute("SELECT grant_id, cause FROM grant_doubt").fetchall()
        assert {tuple(one) for one in held} == {(kid.grant_id, "row"), ("*", "row")}
        await house.boot()

    in_house(tmp_path, body)


def named(conn: sqlite3.Connection) -> sqlite3.Connection:
    conn.row_factory = sqlite3.Row
    return conn


def test_with_siblings_that_stay_a_second_person_opens_the_same_door(tmp_path: Path) -> None:
    """The test of the tests above: without the rule the parcel is opened twice."""

    async def body(house: House) -> None:
        await given(house, CHILD)
        with patch.object(kin, "opened_by_another", lambda *_: False):
            assert isinstance(await house.edge.pickup.submit(CHILD), Accepted)
            await house.until(Step.OPEN)
            await house.edge.pickup.finish()
            assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)
