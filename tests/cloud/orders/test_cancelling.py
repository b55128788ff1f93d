"""Cancelling: at once while only the hub knows; pending until the station has applied it; a pickup wins."""

import pytest

from cloud.orders.service import CustodyStep
from common.contract.events import GrantStateChanged
from common.contract.replica import GrantRow, ParcelRow
from common.kit.errors import ConflictError
from tests.cloud.orders.shop import DESK, collected, kinds, locked, ordered, put_in, shop
from tests.cloud.stations.world import World


async def ledger(world: World, order_id: str) -> list[str]:
    journals = await world.db.read(lambda c: world.money.journals_tx(c, order_id))
    return sorted(entry.kind for entry in journals)


async def test_an_unpaid_order_ends_at_once(world: World) -> None:
    resident = await shop(world)
    order_id = await ordered(world, resident)
    await world.orders.cancel(order_id, "resident:zhang")
    await world.orders.cancel(order_id, "resident:zhang")
    view = await world.orders.view(order_id, resident)
    assert (view.state, view.cancel, view.payment) == ("cancelled", "done", "unpaid")
    assert (await world.catalog.product("MILK")).available == 10
    with pytest.raises(ConflictError):
        await world.orders.pay(order_id)
    with pytest.raises(ConflictError):
        await world.orders.lock(order_id)
    assert await world.violations() == []


async def test_a_paid_order_is_refunded_at_once(world: World) -> None:
    resident = await shop(world)
    order_id = await ordered(world, resident)
    await world.orders.pay(order_id)
    await world.orders.cancel(order_id, "resident:zhang")
    view = await world.orders.view(order_id, resident)
    assert (view.state, view.payment, view.refunded_fen) == ("cancelled", "refunded", 3180)
    assert await ledger(world, order_id) == [
        "payment_captured",
        "refund_requested",
        "refund_settled",
    ]
    assert kinds(view) == ["placed", "confirmed", "cancelled", "refunded"]
    assert (await world.catalog.product("MILK")).available == 10
    assert await world.violations() == []


async def test_a_locked_order_waits_for_its_station(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    await world.apply_all()
    await world.orders.cancel(view.order_id, "resident:zhang")
    pending = await world.orders.view(view.order_id, resident)
    assert (pending.state, pending.cancel, pending.payment) == ("locked", "pending", "paid")
    assert pending.pickup
    assert (pending.pickup.code, pending.pickup.revoke_state) == (None, "pending")
    [grant], [parcel] = await world.rows("grant"), await world.rows("parcel")
    assert isinstance(grant, GrantRow)
    assert isinstance(parcel, ParcelRow)
    assert (grant.state, parcel.state) == ("revoked", "cancelled")
    with pytest.raises(ConflictError) as refused:
        await world.orders.hand_on(view.parcels[0].parcel_id, CustodyStep.PACKED, caller=DESK)
    assert refused.value.key == "order.cancel_pending"
    await world.apply_all()
    done = await world.orders.view(view.order_id, resident)
    assert (done.state, done.cancel, done.payment) == ("cancelled", "done", "refunded")
    assert done.pickup
    assert (done.pickup.grant_state, done.pickup.revoke_state) == ("revoked", "done")
    assert (await world.catalog.product("MILK")).available == 10
    assert await world.violations() == []


async def test_a_pickup_on_the_way_wins_over_the_cancel(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    assert view.pickup
    await world.orders.cancel(view.order_id, "resident:zhang")
    await world.report(
        put_in(view),
        GrantStateChanged(grant_id=view.pickup.grant_id, state="opened", pulses=1),
        collected(view),
        GrantStateChanged(grant_id=view.pickup.grant_id, state="done", pulses=1),
    )
    await world.apply_all()
    lost = await world.orders.view(view.order_id, resident)
    assert (lost.state, lost.cancel, lost.payment) == ("collected", "lost", "paid")
    assert lost.pickup
    assert lost.pickup.revoke_state == "too_late"
    assert [case.kind for case in await world.orders.cases()] == ["cancel_lost"]
    assert await ledger(world, view.order_id) == ["collected", "payment_captured"]
    assert kinds(lost)[-2:] == ["cancel_lost", "collected"]
    assert await world.violations() == []


async def test_half_collected_half_cancelled(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident, ("MILK", 1), ("RICE", 1))
    await world.orders.cancel(view.order_id, "resident:zhang")
    await world.report(put_in(view, 0), collected(view, 0))
    await world.apply_all()
    half = await world.orders.view(view.order_id, resident)
    assert (half.state, half.cancel, half.payment) == ("collected", "lost", "part_refunded")
    assert {parcel.state for parcel in half.parcels} == {"collected", "cancelled"}
    assert await ledger(world, view.order_id) == [
        "collected", "payment_captured", "refund_requested", "refund_settled",
    ]  # fmt: skip
    assert await world.violations() == []


async def test_collected_after_the_refund_is_a_case_not_a_second_sale(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    assert view.pickup
    await world.orders.cancel(view.order_id, "resident:zhang")
    await world.apply_all()
    await world.report(
        collected(view), GrantStateChanged(grant_id=view.pickup.grant_id, state="opened", pulses=1)
    )
    late = await world.orders.view(view.order_id, resident)
    assert (late.state, late.cancel, late.payment) == ("collected", "lost", "refunded")
    assert late.pickup
    assert late.pickup.revoke_state == "too_late"
    assert [case.kind for case in await world.orders.cases()] == ["collected_after_refund"]
    assert (await world.catalog.product("MILK")).available == 8
    assert await world.violations() == []


async def test_goods_put_in_while_the_cancel_was_under_way_stay_promised(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    await world.orders.cancel(view.order_id, "resident:zhang")
    await world.report(put_in(view))
    await world.apply_all()
    done = await world.orders.view(view.order_id, resident)
    assert (done.state, done.cancel, done.payment) == ("cancelled", "done", "refunded")
    assert [case.kind for case in await world.orders.cases()] == ["cancelled_goods_out"]
    assert (await world.catalog.product("MILK")).available == 8
    assert await world.violations() == []


async def test_a_station_that_never_answers_ends_with_the_lease(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    await world.orders.cancel(view.order_id, "resident:zhang")
    world.clock.pass_s(15 * 24 * 3600)
    await world.stations.sweep()
    await world.orders.sweep()
    done = await world.orders.view(view.order_id, resident)
    assert (done.state, done.payment) == ("cancelled", "refunded")
    assert await world.violations() == []


async def test_what_has_left_cannot_be_cancelled(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident, ("MILK", 1), ("RICE", 1))
    parcel_id = view.parcels[0].parcel_id
    await world.orders.hand_on(parcel_id, CustodyStep.PACKED, caller=DESK)
    await world.orders.hand_on(parcel_id, CustodyStep.DEPARTED, caller=DESK)
    with pytest.raises(ConflictError) as refused:
        await world.orders.cancel(view.order_id, "resident:zhang")
    assert refused.value.key == "order.cancel_too_late"


async def test_rows_of_what_is_over_leave_the_station(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    await world.orders.cancel(view.order_id, "resident:zhang")
    await world.apply_all()
    world.clock.pass_s(47 * 3600)
    await world.stations.sweep()
    await world.orders.sweep()
    assert len(await world.rows("grant")) == len(await world.rows("parcel")) == 1
    world.clock.pass_s(2 * 3600)
    await world.stations.sweep()
    await world.orders.sweep()
    assert await world.rows("parcel") == []
    assert len(await world.rows("grant")) == 1  # the station must go on refusing its QR code
    world.clock.pass_s(14 * 86_400)
    await world.stations.sweep()
    assert await world.rows("grant") == []
