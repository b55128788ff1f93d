"""What the hub takes back is gone here: a keeper is signed out, a key reads no code, a command opens nothing."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from common.contract.replica import CompartmentRow, StationRow
from common.kit.errors import ConflictError
from common.kit.sqlite import SqliteDb
from edge.access.keepers import KeeperSession
from edge.access.limiter import Empty
from edge.pickup.views import DoorCell, PutInStep, Refused
from tests.edge.access.test_commands import command, told
from tests.edge.cable import STATION_ID
from tests.edge.pickup.house import KEEPER, PIN, House, in_house
from tests.edge.pickup.test_fenced import lower
from tests.edge.pickup.test_qr import KID, Signer


async def withdraw(house: House, table: str, key: str) -> None:
    def tx(conn: sqlite3.Connection) -> None:
        house.edge.replica.delete_tx(conn, table, key)

    await house.edge.state_db.write(tx)
    for wake in house.edge.replica.on_applied:
        wake()
    await asyncio.sleep(0.05)


def test_a_keeper_who_is_no_keeper_any_more_is_signed_out(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.keeper())
        session = await house.edge.desk.sign_in(PIN)
        assert isinstance(session, KeeperSession)
        assert await house.edge.desk.session(session.token) is not None
        await withdraw(house, "keeper", KEEPER)
        assert await house.edge.desk.session(session.token) is None
        assert not isinstance(await house.edge.desk.sign_in(PIN), KeeperSession)

    in_house(tmp_path, body)


def test_codes_under_a_withdrawn_key_open_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        grant = await house.delivered("LP-0001")
        pulses = house.pulses
        await withdraw(house, "grant_key", str(KID))
        assert await house.edge.pickup.submit_qr(signer.text(signer.grant(grant))) == Refused(0)
        assert house.pulses == pulses

    in_house(tmp_path, body)


def test_a_command_withdrawn_before_its_turn_opens_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.edge.link.fence.turned_away(house.clock.true_ms())
        row = command(house)
        await house.put(row)
        await withdraw(house, "command", row.command_id)
        await lower(house)
        house.edge.commands.wake()
        await asyncio.sleep(3)
        assert told(house, row) == []
        assert house.pulses == 0

    in_house(tmp_path, body)


def test_a_command_whose_request_the_disk_lost_is_unknown_and_not_begun_anew(
    tmp_path: Path,
) -> None:
    async def body(house: House) -> None:
        house.cabinet.jam("A01")
        row = command(house)
        await house.put(row)
        await asyncio.sleep(0.3)
        assert told(house, row)[-1][0] == "started"
        path = house.edge.state_db.path
        await house.cut()
        other = SqliteDb(path, inline=True)
        other.write_now(lambda conn: conn.execute("DELETE FROM open_request").rowcount)
        other.close()
        pulses = house.pulses
        await house.boot()
        assert told(house, row)[-1] == ("unknown", "restarted meanwhile")
        await asyncio.sleep(5)
        assert house.pulses == pulses

    in_house(tmp_path, body)


def test_a_locked_tablet_says_how_long(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.put(house.keeper())
        for _ in range(5):
            await house.edge.desk.sign_in("111222")
        locked = await house.edge.desk.sign_in(PIN)
        assert not isinstance(locked, KeeperSession | Empty)
        assert locked.wait_s > 0

    in_house(tmp_path, body)


def test_a_command_whose_door_still_answers_is_not_called_unknown(tmp_path: Path) -> None:
    """The disk says "started" of a door that stands open: the door will tell, nobody guesses."""

    async def body(house: House) -> None:
        row = command(house)
        await house.put(row)
        await asyncio.sleep(3)
        assert house.is_open("A01")
        path = house.edge.state_db.path
        await house.cut()
        other = SqliteDb(path, inline=True)
        other.write_now(
            lambda conn: conn.execute("UPDATE command_run SET state = 'started'").rowcount
        )
        other.close()
        await house.boot()
        assert "unknown" not in [state for state, _ in told(house, row)]
        (run,) = house.sql("SELECT state FROM command_run")
        assert run["state"] == "started"

    in_house(tmp_path, body)


def test_a_parcel_the_hub_took_back_is_no_longer_in_the_keepers_hands(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        parcel = house.parcel("LP-0001")
        await house.put(parcel)
        step = await house.edge.desk.scan(KEEPER, "LP-0001")
        assert isinstance(step, PutInStep)
        await withdraw(house, "parcel", parcel.parcel_id)
        pulses = house.pulses
        with pytest.raises(ConflictError) as refused:
            await house.edge.desk.put_in_next(KEEPER, "too_small")
        assert refused.value.key == "put_in.nothing_in_hand"
        assert house.pulses == pulses

    in_house(tmp_path, body)


def test_a_compartment_and_a_site_the_hub_no_longer_speaks_of_are_as_before(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        site = StationRow(
            station_id=STATION_ID, name_zh="阳光里", name_en="Yangguangli", help_phone="95555"
        )
        door = CompartmentRow(label="A01", out_of_service=True, reason="recall")
        await house.put(site, door)
        await asyncio.sleep(1)
        facts = house.edge.facts
        assert (facts.name_en, _cell(house).out_of_service) == ("Yangguangli", True)
        await withdraw(house, "compartment", "A01")
        await withdraw(house, "station", STATION_ID)
        await asyncio.sleep(1)
        assert (facts.help_phone, _cell(house).out_of_service) == ("", False)

    in_house(tmp_path, body)


def _cell(house: House) -> DoorCell:
    return next(cell for cell in house.edge.facts.doors() if cell.label == "A01")
