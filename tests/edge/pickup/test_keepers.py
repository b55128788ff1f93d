"""Keepers signing in at the tablet of a whole station: sessions, PINs that change, wrong ones of strangers."""

import asyncio
from pathlib import Path

import pytest

from edge.access.keepers import TABLETS_MAX, KeeperSession, SignInRefused
from tests.edge.pickup.house import KEEPER, PIN, House, in_house


def test_signing_in_names_the_keeper_and_lasts_twelve_hours(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.keeper(), house.keeper("770423", "01JABCDEFGHJKMNPQRSTVWXYZM"))
        assert isinstance(await house.edge.desk.sign_in("111222"), SignInRefused)
        session = await house.edge.desk.sign_in(PIN)
        assert isinstance(session, KeeperSession)
        assert (session.keeper_id, session.display_name) == (KEEPER, "老周")
        stored = house.sql("SELECT token_hash FROM keeper_session")[0]["token_hash"]
        assert session.token.encode() not in stored
        await house.cut()
        await house.boot()
        again = await house.edge.desk.session(session.token)
        assert again is not None
        assert again.keeper_id == KEEPER
        await house.put(house.keeper().model_copy(update={"active": False}))
        assert await house.edge.desk.session(session.token) is None
        await house.put(house.keeper())
        await house.edge.desk.sign_out(session.token)
        assert await house.edge.desk.session(session.token) is None
        assert await house.edge.desk.session("\udcff") is None  # a cookie of bytes that are no text

    in_house(tmp_path, body)


@pytest.mark.parametrize("how", ["another PIN", "inactive and active again", "gone and back"])
def test_what_ends_a_pin_ends_its_sessions(tmp_path: Path, how: str) -> None:
    """Whoever saw the old PIN and signed in with it is out."""

    async def body(house: House) -> None:
        await house.put(house.keeper())
        session = await house.edge.desk.sign_in(PIN)
        assert isinstance(session, KeeperSession)
        if how == "another PIN":
            await house.put(house.keeper("771204"))
        elif how == "gone and back":
            await house.edge.state_db.write(
                lambda conn: house.edge.replica.delete_tx(conn, "keeper", KEEPER)
            )
            await house.put(house.keeper())
        else:
            row = house.keeper()
            await house.put(row.model_copy(update={"active": False}), row)
        assert await house.edge.desk.session(session.token) is None

    in_house(tmp_path, body)


def test_wrong_pins_of_strangers_lock_no_known_tablet_out(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.keeper())
        first = await house.edge.desk.sign_in(PIN)
        assert isinstance(first, KeeperSession)
        for _ in range(5):
            assert isinstance(await house.edge.desk.sign_in("100200"), SignInRefused)
        locked = await house.edge.desk.sign_in(PIN)
        assert isinstance(locked, SignInRefused)
        assert locked.wait_s > 0, "the guesses of strangers are used up"
        again = await house.edge.desk.sign_in(PIN, first.tablet)
        assert isinstance(again, KeeperSession)
        assert again.tablet == first.tablet
        stored = house.sql("SELECT * FROM keeper_tablet")
        assert len(stored) == 1
        assert first.tablet not in str([tuple(row) for row in stored])

    in_house(tmp_path, body)


def test_a_known_tablet_may_guess_no_faster(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.keeper())
        first = await house.edge.desk.sign_in(PIN)
        assert isinstance(first, KeeperSession)
        for _ in range(5):
            wrong = await house.edge.desk.sign_in("100200", first.tablet)
            assert isinstance(wrong, SignInRefused)
        refused = await house.edge.desk.sign_in(PIN, first.tablet)
        assert isinstance(refused, SignInRefused)
        assert 0 < refused.wait_s <= 60
        assert isinstance(await house.edge.desk.sign_in(PIN), KeeperSession), (
            "strangers have theirs"
        )

    in_house(tmp_path, body)


def test_the_tablet_used_longest_ago_is_forgotten_first(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.keeper())
        tablets: list[str] = []
        for _ in range(TABLETS_MAX):
            session = await house.edge.desk.sign_in(PIN)
            assert isinstance(session, KeeperSession)
            tablets.append(session.tablet)
            await asyncio.sleep(1)
        await house.edge.desk.sign_in("100200", tablets[1])
        await house.edge.desk.sign_in(PIN, tablets[0])
        await asyncio.sleep(1)
        newest = await house.edge.desk.sign_in(PIN)
        assert isinstance(newest, KeeperSession)
        assert len(house.sql("SELECT * FROM keeper_tablet")) == TABLETS_MAX
        answers = [await house.edge.desk.sign_in(PIN, one) for one in (tablets[0], tablets[1])]
        known = [isinstance(a, KeeperSession) and a.tablet for a in answers]
        assert known[0] == tablets[0]
        assert known[1] != tablets[1]
        buckets = house.sql("SELECT name FROM limiter WHERE name GLOB 'keeper:*'")
        assert len(buckets) <= TABLETS_MAX

    in_house(tmp_path, body)
