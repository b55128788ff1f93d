"""Capsules of the hub on both engines: what a silent station has to refuse, numbered, in parts, until it has told."""

import pytest

from cloud.access.caller import RESIDENT, Caller
from cloud.stations.capsules import LIFE_MS
from cloud.stations.qr import kid_at, sign_text
from common.contract.capsule import GRANTS_MAX, decode
from common.contract.events import GrantStateChanged
from common.contract.papers import RevocationApplied
from common.contract.replica import GrantKeyRow
from common.kit.errors import NotFoundError
from common.kit.identity import verify
from tests.cloud.orders.shop import locked, shop
from tests.cloud.stations.world import STATION_ID, World


async def revoked(world: World, count: int) -> list[str]:
    """Sell and revoke; return the grants, the first revoked first."""
    owner, found = await shop(world), []
    for _ in range(count):
        view = await locked(world, owner, ("MILK", 1))
        assert view.pickup
        world.clock.pass_s(1)
        await world.stations.grants.revoke(view.pickup.grant_id, "wang")
        found.append(view.pickup.grant_id)
    return found


async def test_a_sheet_is_signed_by_a_key_that_the_station_has(world: World) -> None:
    assert (await revoked(world, 1)) != []
    (sheet,) = await world.stations.capsules.of(STATION_ID)
    capsule, signature = decode(sheet.text)
    keys = {row.kid: row for row in await world.rows("grant_key") if isinstance(row, GrantKeyRow)}
    assert verify(bytes.fromhex(keys[str(capsule.kid)].public_key), capsule.message(), signature)
    assert signature == sign_text(world.secrets, kid_at(world.now_ms()), capsule.message())
    assert (capsule.station_id, capsule.part, capsule.parts) == (STATION_ID, 1, 1)
    assert capsule.expires_at_ms == world.now_ms() + LIFE_MS


async def test_many_are_told_in_parts_the_newest_first_and_each_revoke_makes_it_newer(
    world: World,
) -> None:
    grants = await revoked(world, GRANTS_MAX + 2)
    sheets = await world.stations.capsules.of(STATION_ID)
    assert [(one.part, one.parts) for one in sheets] == [(1, 2), (2, 2)]
    assert [one for sheet in sheets for one in sheet.grant_ids] == grants[::-1]
    assert len({one.epoch for one in sheets}) == 1
    view = await locked(world, await _owner(world), ("MILK", 1))
    assert view.pickup
    await world.stations.grants.revoke(view.pickup.grant_id, "wang")  # within the same millisecond
    assert (await world.stations.capsules.of(STATION_ID))[0].epoch > sheets[0].epoch


async def test_what_the_sheet_ended_is_revoked_when_the_station_tells_and_not_before(
    world: World,
) -> None:
    owner = await shop(world)
    view = await locked(world, owner)
    assert view.pickup
    kid = await world.orders.give(view.order_id, view.parcels[0].parcel_id, "妈妈", "zhang")
    await world.stations.grants.revoke(view.pickup.grant_id, "wang")
    (sheet,) = await world.stations.capsules.of(STATION_ID)
    assert sheet.grant_ids == (view.pickup.grant_id,)  # the child ends with its parent
    assert sheet.order_ids == (view.order_id,)
    before = (await world.orders.view(view.order_id, owner)).pickup
    assert before
    assert (before.revoke_state, before.delegates[0].revoke_state) == ("pending", "pending")
    await world.report(
        RevocationApplied(epoch=sheet.epoch + 5, grant_ids=(view.pickup.grant_id, kid[:25] + "Z"))
    )
    after = (await world.orders.view(view.order_id, owner)).pickup
    assert after
    assert (after.grant_state, after.revoke_state) == ("revoked", "done")
    assert (after.delegates[0].grant_state, after.delegates[0].revoke_state) == ("revoked", "done")
    assert await world.stations.capsules.of(STATION_ID) == ()
    await world.apply_all()  # the rows come too, later
    assert await world.violations() == []


async def test_a_hub_that_fell_behind_takes_over_the_stations_number(world: World) -> None:
    await revoked(world, 1)
    far = world.now_ms() + 10**9
    await world.report(RevocationApplied(epoch=far, grant_ids=("01K0N0B0DYKN0WS00000000001",)))
    (sheet,) = await world.stations.capsules.of(STATION_ID)
    assert sheet.epoch == far


async def test_an_open_door_wins(world: World) -> None:
    (grant_id,) = await revoked(world, 1)
    (sheet,) = await world.stations.capsules.of(STATION_ID)
    await world.report(
        GrantStateChanged(grant_id=grant_id, state="opened", pulses=1),
        RevocationApplied(epoch=sheet.epoch, grant_ids=(grant_id,)),
    )
    view = await world.db.read(lambda c: world.stations.grants.view_tx(c, grant_id))
    assert (view.state, view.revoke_state) == ("opened", "too_late")
    assert await world.stations.capsules.of(STATION_ID) == ()


async def test_what_has_ended_by_itself_needs_no_sheet(world: World) -> None:
    await revoked(world, 1)
    world.clock.pass_s(20 * 86_400)
    assert await world.stations.capsules.of(STATION_ID) == ()
    with pytest.raises(NotFoundError):
        await world.stations.capsules.of("01K0N0B0DYKN0WS00000000001")


async def _owner(world: World) -> Caller:
    (person,) = await world.people.page(after="", limit=1)
    return Caller("acc", "zhang", frozenset({RESIDENT}), person.person_id)
