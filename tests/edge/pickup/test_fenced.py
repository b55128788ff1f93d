"""A station that may not speak: no code opens, no attempt is counted, nothing is put in, no command moves a door."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from common.contract.words import CommandState
from common.kit.errors import UnavailableError
from edge.pickup.views import Accepted, Step
from edge.sync.fence import Why
from tests.edge.access.test_commands import command
from tests.edge.pickup.house import CODE, KEEPER, House, in_house


async def lower(house: House) -> None:
    """The hub listens again and its rows are all here."""

    def tx(conn: sqlite3.Connection) -> None:
        conn.execute("DELETE FROM sync_fence")

    await house.edge.state_db.write(tx)
    await house.edge.link.fence.settle()


def test_no_code_opens_and_none_is_counted_until_the_fence_is_down(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        pulses = house.pulses
        await house.edge.link.fence.turned_away(house.clock.true_ms())
        for code in (CODE, "10020030") * 6:
            with pytest.raises(UnavailableError) as refused:
                await house.edge.pickup.submit(code)
            assert refused.value.key == "pickup.fenced"
        await house.cut()
        await house.boot()  # the mark stands on the disk
        assert house.edge.link.view().why is Why.FENCED
        with pytest.raises(UnavailableError):
            await house.edge.pickup.submit(CODE)
        assert house.pulses == pulses
        await lower(house)
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


def test_a_second_parcel_of_a_session_stays_shut(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001", "LP-0002")
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)
        await house.push((await house.until(Step.OPEN)).compartment)
        await house.until(Step.CLOSED)
        pulses = house.pulses
        await house.edge.link.fence.turned_away(house.clock.true_ms())
        await house.edge.pickup.proceed()
        assert house.pulses == pulses

    in_house(tmp_path, body)


def test_nothing_is_put_in_and_the_keeper_is_told_why(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        parcel = house.parcel("LP-0002")
        await house.put(parcel, house.grant(parcel))
        await house.edge.link.fence.turned_away(house.clock.true_ms())
        with pytest.raises(UnavailableError) as refused:
            await house.edge.desk.scan(KEEPER, "LP-0002")
        assert refused.value.key == "station.fenced"
        assert await house.edge.desk.open_door(KEEPER, "A01", "看看里面")  # a person in person may

    in_house(tmp_path, body)


def test_commands_wait_behind_the_fence_and_come_too_late(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.edge.link.fence.turned_away(house.clock.true_ms())
        pulses = house.pulses
        await house.put(command(house))
        await asyncio.sleep(90)
        assert house.events("command.result") == []
        await lower(house)
        house.edge.commands.wake()
        await house.put()
        told = [event["state"] for event in house.events("command.result")]
        assert told[-1] == CommandState.EXPIRED
        assert house.pulses == pulses

    in_house(tmp_path, body)
