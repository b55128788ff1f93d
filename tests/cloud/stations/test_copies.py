"""A station on an older disk: what it forgot opens nothing, and a person decides which disk speaks."""

import pytest

from cloud.sync.sessions import hello_tx
from common.contract.events import GrantActivated, GrantStateChanged, ParcelCollected
from common.contract.protocol import Hello
from common.contract.replica import GrantRow
from common.kit.errors import NotFoundError
from tests.cloud.stations.test_grants import PARCEL, issue
from tests.cloud.stations.world import STATION_ID, World, open_station

ID = "01K0DAEMN{:017d}"


async def states(world: World) -> dict[str, str]:
    rows = await world.rows("grant")
    return {row.grant_id: row.state for row in rows if isinstance(row, GrantRow)}


async def test_a_used_code_that_the_disk_forgot_is_withdrawn(world: World) -> None:
    await open_station(world)
    grant_id = await issue(world)
    await world.report(GrantActivated(grant_id=grant_id, expires_at_ms=world.now_ms() + 1000))
    shared = (1, 2)  # the disk was copied here: the station has told of its start and of this
    await world.report(
        GrantStateChanged(grant_id=grant_id, state="opened", pulses=1),
        ParcelCollected(parcel_id=PARCEL, grant_id=grant_id, compartment="A01"),
        GrantStateChanged(grant_id=grant_id, state="done", pulses=1),
    )
    assert await states(world) == {grant_id: "issued"}
    await world.db.write(lambda c: world.gateway.forks.tell_tx(c, STATION_ID, (1, 5), 1))
    assert await states(world) == {grant_id: "issued"}  # it knows of everything
    await world.db.write(lambda c: world.gateway.forks.tell_tx(c, STATION_ID, shared, 1))
    assert await states(world) == {grant_id: "revoked"}
    assert await world.violations() == []


async def test_a_code_that_was_only_put_in_since_stays(world: World) -> None:
    await open_station(world)
    grant_id = await issue(world)
    await world.report(GrantActivated(grant_id=grant_id, expires_at_ms=world.now_ms() + 1000))
    await world.db.write(lambda c: world.gateway.forks.tell_tx(c, STATION_ID, (1, 1), 1))
    assert await states(world) == {grant_id: "issued"}


async def test_a_code_under_way_is_revoked_and_its_owner_told_so(world: World) -> None:
    await open_station(world)
    grant_id = await issue(world)
    await world.report(
        GrantActivated(grant_id=grant_id, expires_at_ms=world.now_ms() + 1000),
        GrantStateChanged(grant_id=grant_id, state="issued", pulses=3),
    )
    await world.db.write(lambda c: world.gateway.forks.tell_tx(c, STATION_ID, (1, 2), 1))
    view = await world.db.read(lambda c: world.stations.grants.view_tx(c, grant_id))
    assert view.revoke_state == "pending"
    await world.apply_all()
    view = await world.db.read(lambda c: world.stations.grants.view_tx(c, grant_id))
    assert view.state == "revoked"


async def test_the_desk_sees_who_was_turned_away_and_lets_it_speak(world: World) -> None:
    await open_station(world)

    async def hello(number: int, session: int = 0) -> int | None:
        said = Hello(
            install_id=ID.format(number), hello_id=ID.format(10 + number), session=session,
            boot_epoch=1, gen=0, op=0, digest="0" * 32, app_version="0.1.0", backlog_facts=7,
            backlog_telemetry=0, clock_offset_ms=0, run_id=ID.format(20 + number),
        )  # fmt: skip
        answer = await world.db.write(lambda c: hello_tx(c, STATION_ID, said, world.now_ms()))
        return answer.session if answer else None

    assert await hello(1) == 1
    assert await hello(2) is None
    detail = await world.stations.detail(STATION_ID)
    assert [(one.daemon, one.backlog_facts) for one in detail.claims] == [(ID.format(12), 7)]
    assert [(one.kind, one.times) for one in detail.alarms] == [("fenced", 1)]
    with pytest.raises(NotFoundError):
        await world.stations.readmit(STATION_ID, ID.format(13), "operator:wang")
    await world.stations.readmit(STATION_ID, ID.format(12), "operator:wang")
    assert await hello(2) == 2
    assert await hello(1, session=1) is None
    detail = await world.stations.detail(STATION_ID)
    assert [one.daemon for one in detail.claims] == [ID.format(11)]
    await world.stations.pair(STATION_ID, bytes(32))
    assert (await world.stations.detail(STATION_ID)).claims == ()


@pytest.mark.parametrize("body", ["null", "5", "not json", '["parcel_id"]', "[" * 5000, ""])
async def test_a_fact_that_cannot_be_read_keeps_no_code_from_being_withdrawn(
    world: World, body: str
) -> None:
    await open_station(world)
    grant_id = await issue(world)
    await world.tell("grant.state_changed", body)
    await world.report(GrantStateChanged(grant_id=grant_id, state="done", pulses=1))
    await world.tell("parcel.collected", body)
    await world.db.write(lambda c: world.gateway.forks.tell_tx(c, STATION_ID, (1, 1), 1))
    assert await states(world) == {grant_id: "revoked"}
    alarms = await world.db.read(lambda c: world.gateway.alarms_tx(c, STATION_ID))
    assert alarms == ()


async def test_a_fact_read_in_part_withdraws_what_it_names(world: World) -> None:
    """A newer station's word that this hub does not know: the code was touched, whatever became of it."""
    await open_station(world)
    grant_id = await issue(world)
    await world.tell("grant.state_changed", f'{{"grant_id": "{grant_id}", "state": "lent"}}')
    await world.db.write(lambda c: world.gateway.forks.tell_tx(c, STATION_ID, (1, 1), 1))
    assert await states(world) == {grant_id: "revoked"}
