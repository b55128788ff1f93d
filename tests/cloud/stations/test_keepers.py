"""Keepers and their personal PINs."""

import asyncio

import pytest

from cloud.stations.keepers import is_weak_pin
from common.contract.replica import KeeperRow
from common.kit.codes import secret_matches
from common.kit.errors import ConflictError, InvalidError, NotFoundError
from tests.cloud.stations.world import STATION_ID, World, open_station


@pytest.mark.parametrize(
    "pin", ["12345", "123456", "654321", "111111", "121212", "abcdef", "", "１２３４９０", "0" * 13]
)
def test_weak_pins(pin: str) -> None:
    assert is_weak_pin(pin)


@pytest.mark.parametrize("pin", ["482913", "9041752", "110293"])
def test_fair_pins(pin: str) -> None:
    assert not is_weak_pin(pin)


async def test_a_keepers_row_reaches_the_station_with_the_pins_verifier_only(world: World) -> None:
    await open_station(world)
    view = await world.stations.set_keeper(STATION_ID, display_name="王阿姨", pin="482913")
    [row] = await world.rows("keeper")
    assert isinstance(row, KeeperRow)
    assert row.keeper_id == view.keeper_id
    assert await world.work.run(secret_matches, row.pin_verifier, "482913")
    assert "482913" not in row.model_dump_json()


async def test_a_pin_is_unique_among_the_active_keepers_of_a_station(world: World) -> None:
    await open_station(world)
    first = await world.stations.set_keeper(STATION_ID, display_name="王", pin="482913")
    with pytest.raises(ConflictError):
        await world.stations.set_keeper(STATION_ID, display_name="陈", pin="482913")
    await world.stations.set_keeper(
        STATION_ID, display_name="王", pin=None, keeper_id=first.keeper_id, active=False
    )
    again = await world.stations.set_keeper(STATION_ID, display_name="陈", pin="482913")
    assert [one.active for one in await world.stations.keepers.views(STATION_ID)].count(True) == 1
    assert again.active


async def test_two_keepers_who_choose_one_pin_at_the_same_moment(world: World) -> None:
    await open_station(world)
    outcomes = await asyncio.gather(
        *(world.stations.set_keeper(STATION_ID, display_name=n, pin="482913") for n in "王陈"),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["ConflictError", "KeeperView"]


async def test_a_new_name_keeps_the_pin(world: World) -> None:
    await open_station(world)
    view = await world.stations.set_keeper(STATION_ID, display_name="王", pin="482913")
    await world.stations.set_keeper(
        STATION_ID, display_name="王阿姨", pin=None, keeper_id=view.keeper_id
    )
    [row] = await world.rows("keeper")
    assert isinstance(row, KeeperRow)
    assert row.display_name == "王阿姨"
    assert await world.work.run(secret_matches, row.pin_verifier, "482913")


async def test_what_is_refused(world: World) -> None:
    await open_station(world)
    with pytest.raises(InvalidError):
        await world.stations.set_keeper(STATION_ID, display_name="王", pin="123456")
    with pytest.raises(InvalidError):
        await world.stations.set_keeper(STATION_ID, display_name="王", pin=None)
    with pytest.raises(NotFoundError, match="a new one has a PIN"):
        await world.stations.set_keeper(
            STATION_ID, display_name="王", pin=None, keeper_id="01K0KEEPER0000000000000009"
        )
    other = "01K0TESTSTATN0000000000002"
    await open_station(world, other)
    view = await world.stations.set_keeper(other, display_name="陈", pin="482913")
    with pytest.raises(NotFoundError):
        await world.stations.set_keeper(
            STATION_ID, display_name="陈", pin="739105", keeper_id=view.keeper_id
        )
