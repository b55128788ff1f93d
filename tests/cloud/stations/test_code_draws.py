"""Drawing codes: a weak or mistakable draw is thrown away; who saw a code is written down once."""

from dataclasses import replace

import pytest

from cloud.stations.grants import Grants
from cloud.stations.service import PreparedGrant
from cloud.stations.store.grants import note_shown, shown
from cloud.sync import feed
from common.contract.events import ReplicaApplied
from common.kit.chance import Chance
from common.kit.codes import new_code
from common.kit.errors import ConflictError
from tests.cloud.stations.test_grants import PARCEL, issue, moved
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
        await world.stations.codes.show(grant_id, shown_to=who)
        world.clock.pass_s(60)
    assert await world.stations.codes.shown_to(grant_id) == [
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


async def test_a_revocation_is_done_when_that_station_has_that_row_and_not_before(
    world: World,
) -> None:
    other = STATION_ID[:-1] + "9"
    ids: dict[str, str] = {}
    for number, station_id in enumerate((STATION_ID, other)):
        await open_station(world, station_id)
        prepared = await world.stations.grants.prepare(station_id)
        ids[station_id] = await issue(
            world, prepared, parcel_id=f"01K0PARCE1000000000000000{number}"
        )
    untouched = await issue(
        world, await world.stations.grants.prepare(STATION_ID), parcel_id=PARCEL[:-1] + "8"
    )
    for grant_id in ids.values():
        await world.stations.grants.revoke(grant_id, "operator:wang")

    async def states() -> list[str]:
        asked = (*ids.values(), untouched)
        views = [
            await world.db.read(lambda c, g=one: world.stations.grants.view_tx(c, g))  # type: ignore[misc]
            for one in asked
        ]
        return [str(view.revoke_state) for view in views]

    assert await states() == ["pending", "pending", "none"]
    head = await world.db.read(lambda c: feed.station_tx(c, STATION_ID).head_op)
    await world.report(ReplicaApplied(gen=1, op=head - 1))
    assert await states() == ["pending", "pending", "none"], "the row before it"
    await world.apply_all(STATION_ID)
    assert await states() == ["done", "pending", "none"]
    await world.apply_all(other)
    assert await states() == ["done", "done", "none"]


async def test_a_tag_that_was_given_out_once_is_not_given_out_again(world: World) -> None:
    """The digits of an ended code are forgotten; its tag still stands at the station."""
    await open_station(world)
    first = await world.stations.grants.prepare(STATION_ID)
    grant_id = await issue(world, first)
    for state in ("opening", "opened", "done"):
        await moved(world, grant_id, state)
    far = "63958017" if first.digits != "63958017" else "27581936"
    again = PreparedGrant("01K0GRANT00000000000000001", STATION_ID, first.verifier, far, b"x")
    with pytest.raises(ConflictError) as refused:
        await issue(world, again)
    assert refused.value.key == "grant.prepare_again"
