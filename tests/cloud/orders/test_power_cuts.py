"""A transaction that ends at any of its edges leaves nothing behind, and the same act works afterwards."""

from collections.abc import Iterator

import pytest

from cloud.orders.service import OrderView
from common.kit.failpoints import arm, disarm_all
from tests.cloud.orders.shop import collected, locked, ordered, put_in, shop
from tests.cloud.stations.world import World


class PowerCut(BaseException):
    """Nothing catches this on its way out."""


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    disarm_all()


async def cut(name: str, world: World, act: object) -> None:
    """Run `act` with the failpoint armed; it must be passed."""

    def power_cut() -> None:
        raise PowerCut(name)

    arm(name, power_cut)
    with pytest.raises(PowerCut):
        await act()  # type: ignore[operator]
    disarm_all()
    assert await world.violations() == []


@pytest.mark.parametrize("name", ["orders.stock_reserved", "orders.placed"])
async def test_placing(world: World, name: str) -> None:
    resident = await shop(world)
    await cut(name, world, lambda: ordered(world, resident))
    assert (await world.catalog.product("MILK")).available == 10
    await ordered(world, resident)
    assert (await world.catalog.product("MILK")).available == 8


@pytest.mark.parametrize("name", ["money.posted", "orders.paid"])
async def test_paying(world: World, name: str) -> None:
    resident = await shop(world)
    order_id = await ordered(world, resident)
    await cut(name, world, lambda: world.orders.pay(order_id))
    assert (await world.orders.view(order_id, resident)).payment == "unpaid"
    await world.orders.pay(order_id)
    assert (await world.orders.view(order_id, resident)).payment == "paid"


@pytest.mark.parametrize(
    "name", ["orders.parcels_made", "stations.grant_issued", "sync.hub.op_written", "orders.locked"]
)
async def test_locking(world: World, name: str) -> None:
    resident = await shop(world)
    order_id = await ordered(world, resident)
    await world.orders.pay(order_id)
    await cut(name, world, lambda: world.orders.lock(order_id))
    assert await world.rows("grant") == await world.rows("parcel") == []
    await world.orders.lock(order_id)
    assert len(await world.rows("grant")) == len(await world.rows("parcel")) == 1
    assert await world.violations() == []


async def test_a_cut_off_interrupted_half_way_is_finished_by_the_sweep(world: World) -> None:
    resident = await shop(world)
    for _ in range(3):
        await world.orders.pay(await ordered(world, resident, ("MILK", 1)))
    [one] = await world.orders.rounds()
    await cut("orders.locked", world, lambda: world.orders.close_round(one.round_id))
    await world.orders.sweep()
    assert len(await world.rows("grant")) == 3
    assert await world.violations() == []


@pytest.mark.parametrize(
    "name", ["stations.grant_revoked", "orders.cancel_requested", "orders.refunded"]
)
async def test_cancelling(world: World, name: str) -> None:
    resident = await shop(world)
    view: OrderView = await locked(world, resident)

    async def cancel() -> None:
        await world.orders.cancel(view.order_id, "resident:zhang")
        await world.apply_all()

    await cut(name, world, cancel)
    await cancel()
    done = await world.orders.view(view.order_id, resident)
    assert (done.cancel, done.payment) == ("done", "refunded")
    assert await world.violations() == []


@pytest.mark.parametrize(
    "name", ["orders.parcel_moved", "orders.collected", "sync.hub.cursor_moved"]
)
async def test_a_fact_taken_in_again_after_the_cut(world: World, name: str) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    await world.report(put_in(view))
    await cut(name, world, lambda: world.report(collected(view)))
    assert (await world.orders.view(view.order_id, resident)).state == "ready"
    await world.report(collected(view))
    assert (await world.orders.view(view.order_id, resident)).state == "collected"
    journals = await world.db.read(lambda c: world.money.journals_tx(c, view.order_id))
    assert [one.kind for one in journals] == ["payment_captured", "collected"]
    assert await world.violations() == []
