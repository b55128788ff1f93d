"""Grants given away: a child of one parcel, a page of its own, never beyond its parent, and gone with it."""

import pytest

from cloud.stations.machine import HubGrantState
from cloud.stations.service import GrantView, Kin, PreparedGrant
from common.contract.events import GrantActivated
from common.contract.qr import decode
from common.contract.replica import GrantRow
from common.kit.errors import ConflictError, NotFoundError
from tests.cloud.stations.test_grants import PARCEL, issue, moved
from tests.cloud.stations.world import STATION_ID, World, open_station

LINK = bytes(32)


async def give(
    world: World, parent_id: str, link: bytes = LINK, prepared: PreparedGrant | None = None
) -> GrantView:
    ready = prepared or await world.stations.grants.prepare(STATION_ID)
    kin = Kin(parent_id, "my sister", link)
    return await world.db.write(lambda c: world.stations.grants.give_tx(c, ready, kin, PARCEL))


async def view(world: World, grant_id: str) -> GrantView:
    return await world.db.read(lambda c: world.stations.grants.view_tx(c, grant_id))


async def test_a_child_is_a_grant_of_its_own_over_one_parcel(world: World) -> None:
    await open_station(world)
    parent_id = await issue(world)
    child = await give(world, parent_id)
    assert (child.parent_id, child.parcel_ids, child.state) == (parent_id, (PARCEL,), "waiting")
    rows = [row for row in await world.rows("grant") if isinstance(row, GrantRow)]
    assert {row.grant_id for row in rows} == {parent_id, child.grant_id}
    assert len({row.verifier for row in rows}) == 2
    grants = world.stations.grants
    assert await world.db.read(lambda c: grants.children_tx(c, parent_id)) == (child,)
    assert await world.db.read(lambda c: grants.by_link_tx(c, LINK)) == child
    assert await world.db.read(lambda c: grants.by_link_tx(c, bytes(31) + b"1")) is None
    assert await world.violations() == []


async def test_the_qr_code_of_a_child_names_its_parent(world: World) -> None:
    """A station that has heard of neither ends the child with its parent all the same."""
    await open_station(world)
    parent_id = await issue(world)
    child = await give(world, parent_id)
    for grant_id, named in ((child.grant_id, parent_id), (parent_id, None)):
        grant, _ = decode(await world.stations.codes.qr(grant_id))
        assert (grant.grant_id, grant.parent_id) == (grant_id, named)


async def test_a_child_never_outlives_its_parent(world: World) -> None:
    await open_station(world)
    parent_id = await issue(world)
    early = await give(world, parent_id)
    until = world.now_ms() + 3_600_000
    await world.report(GrantActivated(grant_id=parent_id, expires_at_ms=until))
    late = await give(world, parent_id, bytes(31) + b"2")
    rows = {row.grant_id: row for row in await world.rows("grant") if isinstance(row, GrantRow)}
    assert rows[early.grant_id].not_after_ms == rows[parent_id].not_after_ms
    assert rows[late.grant_id].not_after_ms == until


async def test_revoking_a_parent_takes_its_children_and_only_those_that_live(world: World) -> None:
    await open_station(world)
    parent_id = await issue(world)
    used, open_one = [await give(world, parent_id, bytes(31) + bytes([n])) for n in (1, 2)]
    await moved(world, used.grant_id, "opened")
    await moved(world, used.grant_id, "done")
    await world.stations.grants.revoke(parent_id, "operator:wang")
    assert (await view(world, open_one.grant_id)).revoke_state == "pending"
    assert (await view(world, used.grant_id)).revoke_state == "none"
    with pytest.raises(ConflictError) as refused:
        await give(world, parent_id, bytes(31) + b"3")
    assert (refused.value.key, refused.value.params) == ("grant.over", {"state": "waiting"})
    await world.apply_all()
    assert (await view(world, open_one.grant_id)).state is HubGrantState.REVOKED
    with pytest.raises(ConflictError):
        await give(world, parent_id, bytes(31) + b"4")
    assert await world.violations() == []


async def test_as_many_are_given_as_may_be_and_an_ended_one_makes_room(world: World) -> None:
    await open_station(world)
    parent_id = await issue(world)
    given = [await give(world, parent_id, bytes(31) + bytes([n])) for n in range(3)]
    with pytest.raises(ConflictError) as refused:
        await give(world, parent_id, bytes(31) + b"9")
    assert refused.value.key == "grant.too_many_given"
    await moved(world, given[0].grant_id, "opened")
    await moved(world, given[0].grant_id, "done")
    assert (await give(world, parent_id, bytes(31) + b"9")).state == "waiting"


async def test_a_childs_code_is_never_mistaken_for_its_parents(world: World) -> None:
    await open_station(world)
    prepared = await world.stations.grants.prepare(STATION_ID)
    parent_id = await issue(world, prepared)
    twin = PreparedGrant("01K0GRANT00000000000000001", STATION_ID, bytes(16), prepared.digits, b"")
    with pytest.raises(ConflictError) as refused:
        await give(world, parent_id, prepared=twin)
    assert refused.value.key == "grant.prepare_again"


async def test_nothing_is_given_of_a_grant_nobody_issued(world: World) -> None:
    await open_station(world)
    with pytest.raises(NotFoundError):
        await give(world, "01K0GRANT00000000000000009")
