"""A new code after a revoke: for what is left to collect, never beside a code that still works."""

import pytest

from common.contract.events import GrantActivated, GrantStateChanged
from common.contract.replica import GrantRow
from common.kit.errors import ConflictError
from tests.cloud.orders.shop import DESK, collected, kinds, locked, ordered, put_in, shop
from tests.cloud.stations.world import World


async def revoked(world: World, grant_id: str) -> None:
    """Revoke a code and let the station apply it."""
    await world.stations.grants.revoke(grant_id, "wang")
    await world.apply_all()


async def refusal(world: World, order_id: str) -> str:
    with pytest.raises(ConflictError) as refused:
        await world.orders.renew_code(order_id, "wang")
    return refused.value.key


async def test_a_new_code_for_a_parcel_that_lies_there(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    assert view.pickup
    assert view.pickup.code
    await world.report(put_in(view))
    await revoked(world, view.pickup.grant_id)
    await world.orders.renew_code(view.order_id, "wang")
    fresh = await world.orders.view(view.order_id, resident)
    assert fresh.pickup
    assert fresh.pickup.grant_id != view.pickup.grant_id
    assert fresh.pickup.code not in (None, view.pickup.code)
    assert (fresh.pickup.grant_state, fresh.pickup.revoke_state) == ("waiting", "none")
    assert kinds(fresh)[-1] == "code_renewed"
    rows = {row.grant_id: row for row in await world.rows("grant") if isinstance(row, GrantRow)}
    old, new = rows[view.pickup.grant_id], rows[fresh.pickup.grant_id]
    assert (old.state, new.state) == ("revoked", "issued")
    assert (new.parcel_ids, new.valid_for_s) == (old.parcel_ids, old.valid_for_s)
    assert new.not_after_ms == old.not_after_ms
    assert new.verifier != old.verifier
    expires_at_ms = view.placed_at_ms + 48 * 3_600_000
    await world.report(
        GrantActivated(grant_id=new.grant_id, expires_at_ms=expires_at_ms),
        GrantStateChanged(grant_id=new.grant_id, state="opened", pulses=1),
        collected(fresh),
        GrantStateChanged(grant_id=new.grant_id, state="done", pulses=1),
    )
    assert (await world.orders.view(view.order_id, resident)).state == "collected"
    assert await world.violations() == []


async def test_a_new_code_before_the_station_has_applied_the_revoke(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    assert view.pickup
    await world.stations.grants.revoke(view.pickup.grant_id, "wang")
    await world.orders.renew_code(view.order_id, "wang")
    await world.apply_all()
    fresh = await world.orders.view(view.order_id, resident)
    assert fresh.pickup
    assert (fresh.pickup.grant_state, fresh.pickup.revoke_state) == ("waiting", "none")
    assert await refusal(world, view.order_id) == "grant.live"
    assert await world.violations() == []


async def test_only_what_is_left_gets_a_new_code(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident, ("MILK", 1), ("RICE", 1))
    assert view.pickup
    await world.report(put_in(view, 0), put_in(view, 1, door="B01"), collected(view, 0))
    await revoked(world, view.pickup.grant_id)
    await world.orders.renew_code(view.order_id, "wang")
    fresh = await world.orders.view(view.order_id, DESK)
    assert fresh.pickup
    assert fresh.pickup.code is None  # the desk sees none
    rows = {row.grant_id: row for row in await world.rows("grant") if isinstance(row, GrantRow)}
    assert rows[fresh.pickup.grant_id].parcel_ids == (view.parcels[1].parcel_id,)


async def test_when_there_is_no_new_code(world: World) -> None:
    resident = await shop(world)
    assert await refusal(world, await ordered(world, resident)) == "order.state"
    live = await locked(world, resident)
    assert live.pickup
    assert await refusal(world, live.order_id) == "grant.live"
    await world.report(put_in(live), collected(live))
    await world.report(GrantStateChanged(grant_id=live.pickup.grant_id, state="done", pulses=1))
    assert await refusal(world, live.order_id) == "order.nothing_left"
    late = await locked(world, resident)
    assert late.pickup
    await world.report(put_in(late, door="A02"))
    await revoked(world, late.pickup.grant_id)
    world.clock.pass_s(49 * 3600)
    await world.orders.sweep()
    assert await refusal(world, late.order_id) == "grant.time_over"
    gone = await locked(world, resident)
    await world.orders.cancel(gone.order_id, "wang")
    assert await refusal(world, gone.order_id) == "order.cancel_pending"
