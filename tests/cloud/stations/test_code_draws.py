"""Drawing codes: a weak or mistakable draw is thrown away; who saw a code is written down once."""

from dataclasses import replace

import pytest

from cloud.stations.grants import Grants
from cloud.stations.store.grants import note_shown, shown
from common.kit.chance import Chance
from common.kit.codes import new_code
from tests.cloud.stations.test_grants import PARCEL, issue
from tests.cloud.stations.world import STATION_ID, World, open_station


class Loaded:
    """Chance that draws these numbers first."""

    def __init__(self, *draws: int) -> None:
        self.draws = list(draws)

    def randbelow(self, below: int) -> int:
        assert below == 10**8
        return self.draws.pop(0)

    def token_bytes(self, count: int) -> bytes:
        return bytes(count)


def _loaded(world: World, *draws: int) -> Chance:
    return replace(world.chance, secure=Loaded(*draws))


def test_what_a_thief_tries_first_is_drawn_again(world: World) -> None:
    weak = (11111111, 12345678, 12341234, 12121212, 98765432, 40718253)
    assert new_code(_loaded(world, *weak)) == "40718253"
    assert new_code(_loaded(world, 718253)) == "00718253", (
        "eight digits, also with noughts in front"
    )


@pytest.mark.parametrize(
    ("draw", "taken"),
    [(40718253, False), (40718254, False), (47018253, False), (52709164, True)],
)
async def test_a_code_one_slip_away_from_a_live_one_is_not_given_out(
    world: World, draw: int, taken: bool
) -> None:
    await open_station(world)
    kit = world.stations.grants._kit
    live = Grants(replace(kit, chance=_loaded(world, 40718253)))
    await issue(world, await live.prepare(STATION_ID))
    subject = Grants(replace(kit, chance=_loaded(world, draw, 63958017)))
    prepared = await subject.prepare(STATION_ID)
    assert prepared.digits == (f"{draw:08d}" if taken else "63958017")


async def test_who_saw_a_code_is_written_down_with_the_first_time(world: World) -> None:
    await open_station(world)
    grant_id = await issue(world)
    began_ms = world.now_ms()
    for who in ("resident:zhang", "desk:wang", "resident:zhang"):
        await world.stations.grants.show_code(grant_id, shown_to=who)
        world.clock.pass_s(60)
    assert await world.stations.grants.shown_to(grant_id) == [
        ("resident:zhang", began_ms),
        ("desk:wang", began_ms + 60_000),
    ]
    # A second worker that did not know yet that it was shown.
    await world.db.write(lambda c: note_shown(c, grant_id, "desk:wang", began_ms + 1))
    assert len(await world.db.read(lambda c: shown(c, grant_id))) == 2


async def test_a_parcel_that_does_not_come_leaves_the_stations_rows(world: World) -> None:
    await open_station(world)
    await issue(world)
    assert len(await world.rows("parcel")) == 1
    taken = world.stations.grants.withdraw_parcel_tx
    first = await world.db.write(lambda c: taken(c, STATION_ID, PARCEL))
    assert await world.rows("parcel") == []
    assert await world.db.write(lambda c: taken(c, STATION_ID, PARCEL)) == first, "gone is gone"
