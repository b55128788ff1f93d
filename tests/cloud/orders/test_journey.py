"""An order from basket to hand: what moves, what is told, what the ledger and the shelf say."""

import asyncio

import pytest

from cloud.access.caller import RESIDENT, Caller
from cloud.orders.service import CustodyStep, OrderFilter, Wish
from cloud.orders.store import orders
from common.contract.events import (
    GrantActivated,
    GrantStateChanged,
    ParcelHandedOver,
    ParcelPutInUndone,
    ParcelRemoved,
    ParcelUnknownScanned,
)
from common.contract.replica import GrantRow, ParcelRow
from common.kit.codes import code_verifier
from common.kit.errors import ConflictError, InvalidError, LinliError, NotFoundError
from tests.cloud.orders.shop import (
    DESK,
    KEEPER,
    collected,
    kinds,
    locked,
    ordered,
    put_in,
    shop,
)
from tests.cloud.stations.world import STATION_ID, World, open_station, stock


async def test_the_whole_way(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident, ("MILK", 2), ("RICE", 1))
    assert view.pickup
    assert [parcel.temperature_class for parcel in view.parcels] in (
        ["ambient", "chilled"],
        ["chilled", "ambient"],
    )
    for step in CustodyStep:
        for parcel in view.parcels:
            await world.orders.hand_on(parcel.parcel_id, step, caller=DESK, place="truck 7")
        assert (await world.orders.view(view.order_id, DESK)).state == step.value
    await world.report(put_in(view, 0), put_in(view, 1, "B01"))
    grant_id = view.pickup.grant_id
    until = view.placed_at_ms + 48 * 3_600_000
    await world.report(GrantActivated(grant_id=grant_id, expires_at_ms=until))
    ready = await world.orders.view(view.order_id, resident)
    assert ready.state == "ready"
    assert ready.pickup
    assert (ready.pickup.live, ready.pickup.compartments) == (True, ("A01", "B01"))
    assert ready.pickup.expires_at_ms == until
    await world.report(
        GrantStateChanged(grant_id=grant_id, state="opened", pulses=1),
        collected(view, 0),
    )
    assert (await world.orders.view(view.order_id, DESK)).state == "partly_collected"
    await world.report(
        collected(view, 1, "B01"), GrantStateChanged(grant_id=grant_id, state="done", pulses=2)
    )
    done = await world.orders.view(view.order_id, resident)
    assert done.state == "collected"
    assert done.pickup
    assert done.pickup.code is None
    assert kinds(done) == [
        "placed", "confirmed", "locked", "packed", "departed", "arrived", "ready",
        "partly_collected", "collected",
    ]  # fmt: skip
    milk = await world.catalog.product("MILK")
    assert milk.available == 8
    assert await world.violations() == []


async def test_the_code_is_its_owners_and_the_station_holds_its_verifier(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    assert view.pickup
    code = view.pickup.code
    assert code is not None
    assert (await world.orders.view(view.order_id, DESK)).pickup.code is None  # type: ignore[union-attr]
    stranger = Caller("x", "x", frozenset({RESIDENT}), "01K0STRANGER00000000000001")
    with pytest.raises(NotFoundError):
        await world.orders.view(view.order_id, stranger)
    with pytest.raises(NotFoundError):
        await world.orders.refuse_foreign(view.order_id, stranger)
    assert view.link_token is not None
    by_link = await world.orders.by_link(view.link_token)
    assert by_link.pickup
    assert by_link.pickup.code == code
    with pytest.raises(NotFoundError):
        await world.orders.by_link(view.link_token[:-1] + "x")
    pairing = await world.stations.pair(STATION_ID, bytes(range(32)))
    tag = await world.work.run(
        code_verifier,
        pepper=pairing.pepper,
        salt=pairing.code_salt,
        station_id=STATION_ID,
        code=code,
    )
    [grant] = await world.rows("grant")
    assert isinstance(grant, GrantRow)
    assert bytes.fromhex(grant.verifier) == tag
    [parcel] = await world.rows("parcel")
    assert isinstance(parcel, ParcelRow)
    assert (parcel.person_masked, parcel.phone_tail) == ("张*明", "1234")
    seen = [who for who, _ in await world.stations.codes.shown_to(view.pickup.grant_id)]
    assert sorted(seen) == [f"link:{view.order_id}", "resident:zhang"]


async def test_fifty_buyers_and_ten_in_stock_make_ten_orders(world: World) -> None:
    resident = await shop(world)

    buyers = (ordered(world, resident, ("MILK", 1)) for _ in range(50))
    outcomes = await asyncio.gather(*buyers, return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, ConflictError)]
    assert [one.key for one in refused] == ["stock.short"] * 40
    assert sum(isinstance(one, str) for one in outcomes) == 10
    assert (await world.catalog.product("MILK")).available == 0
    assert await world.violations() == []


async def test_paying_twenty_times_at_once_is_one_payment(world: World) -> None:
    resident = await shop(world)
    order_id = await ordered(world, resident)
    await asyncio.gather(*(world.orders.pay(order_id) for _ in range(20)))
    journals = await world.db.read(lambda c: world.money.journals_tx(c, order_id))
    assert [entry.kind for entry in journals] == ["payment_captured"]
    assert (await world.orders.view(order_id, DESK)).payment == "paid"
    assert await world.violations() == []


async def test_lines_of_one_article_are_summed_before_stock_is_promised(world: World) -> None:
    resident = await shop(world)
    with pytest.raises(ConflictError):
        await ordered(world, resident, ("MILK", 6), ("MILK", 5))
    view = await world.orders.view(
        await ordered(world, resident, ("MILK", 6), ("MILK", 4)), resident
    )
    assert [(line.sku, line.qty) for line in view.lines] == [("MILK", 10)]


@pytest.mark.parametrize(
    ("lines", "error", "key"),
    [
        ((("NOTHING", 1),), NotFoundError, "order.sku_unknown"),
        ((), InvalidError, "order.empty"),
        ((("MILK", 99), ("MILK", 99), ("TEA", 3)), InvalidError, "order.too_large"),
    ],
)
async def test_a_wrong_basket_promises_nothing(
    world: World, lines: tuple[tuple[str, int], ...], error: type[LinliError], key: str
) -> None:
    resident = await shop(world)
    with pytest.raises(error) as refused:
        await world.orders.place(Wish(resident.person_id or "", STATION_ID, lines))
    assert refused.value.key == key
    assert (await world.catalog.product("MILK")).available == 10


async def test_who_and_where_must_exist_and_a_round_must_be_open(world: World) -> None:
    await open_station(world)
    await stock(world, "MILK", 10)
    person = await world.people.add("李雷", "13900005678")
    wish = Wish(person.person_id, STATION_ID, (("MILK", 1),))
    with pytest.raises(ConflictError, match="no round"):
        await world.orders.place(wish)
    await world.orders.open_round("团")
    with pytest.raises(NotFoundError):
        await world.orders.place(Wish(KEEPER, STATION_ID, (("MILK", 1),)))
    with pytest.raises(NotFoundError):
        await world.orders.place(Wish(person.person_id, KEEPER, (("MILK", 1),)))
    await world.orders.place(wish)


async def test_an_unpaid_order_gives_its_stock_back(world: World) -> None:
    resident = await shop(world)
    order_id = await ordered(world, resident)
    world.clock.pass_s(31 * 60)
    with pytest.raises(ConflictError, match="over"):
        await world.orders.pay(order_id)
    await world.orders.sweep()
    assert (await world.orders.view(order_id, DESK)).state == "expired"
    assert (await world.catalog.product("MILK")).available == 10
    with pytest.raises(ConflictError) as refused:
        await world.orders.pay(order_id)
    assert refused.value.key == "order.pay_too_late"
    assert await world.violations() == []


async def test_the_cut_off_locks_every_paid_order_once(world: World) -> None:
    resident = await shop(world)
    paid = [await ordered(world, resident, ("MILK", 1)) for _ in range(3)]
    unpaid = await ordered(world, resident, ("MILK", 1))
    for order_id in paid:
        await world.orders.pay(order_id)
    [open_one] = await world.orders.rounds()
    await world.orders.close_round(open_one.round_id)
    await world.orders.close_round(open_one.round_id)
    states = {one.order_id: one.state for one in await world.orders.page(DESK, OrderFilter())}
    assert [states[order_id] for order_id in paid] == ["locked"] * 3
    assert states[unpaid] == "placed"
    await world.orders.pay(unpaid)
    await world.orders.sweep()
    assert (await world.orders.view(unpaid, DESK)).state == "locked"
    assert len(await world.rows("grant")) == 4
    assert await world.violations() == []


async def test_an_order_that_cannot_be_locked_keeps_no_other_from_the_truck(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    resident = await shop(world)
    bad, *good = sorted([await ordered(world, resident, ("MILK", 1)) for _ in range(3)])
    for order_id in (bad, *good):
        await world.orders.pay(order_id)
    await _set_station(world, bad, "01JNOSUCHSTATION0000000000")
    [open_one] = await world.orders.rounds()
    await world.orders.close_round(open_one.round_id)
    for order_id in good:
        assert (await world.orders.view(order_id, DESK)).state == "locked"
    assert bad in await world.db.read(orders.to_lock)
    await world.orders.sweep()
    assert [bad in record.message for record in caplog.records] == [True]  # said once
    await _set_station(world, bad, STATION_ID)
    await world.orders.sweep()
    assert (await world.orders.view(bad, DESK)).state == "locked"
    assert await world.violations() == []


async def _set_station(world: World, order_id: str, station_id: str) -> None:
    """Damage, or mend, one order by hand."""
    await world.db.write(lambda conn: orders.update_order(conn, order_id, station_id=station_id))


async def test_the_same_event_again_changes_nothing(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    await world.report(put_in(view))
    await world.report(collected(view))
    last = world.last
    assert last is not None
    before = await world.orders.view(view.order_id, resident)
    await world.deliver(last)
    assert await world.orders.view(view.order_id, resident) == before
    journals = await world.db.read(lambda c: world.money.journals_tx(c, view.order_id))
    assert [entry.kind for entry in journals] == ["payment_captured", "collected"]
    assert await world.violations() == []


async def test_staff_steps_out_of_order_are_refused(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    parcel_id = view.parcels[0].parcel_id
    with pytest.raises(ConflictError) as refused:
        await world.orders.hand_on(parcel_id, CustodyStep.ARRIVED, caller=DESK)
    assert refused.value.key == "parcel.state"
    with pytest.raises(NotFoundError):
        await world.orders.hand_on(KEEPER, CustodyStep.PACKED, caller=DESK)
    await world.orders.hand_on(parcel_id, CustodyStep.PACKED, caller=DESK, place="bin 4")
    [entry] = await world.orders.custody(parcel_id)
    assert (entry.actor, entry.place, entry.to_state) == ("operator:wang", "bin 4", "packed")


async def test_undo_hand_over_and_removal_are_told(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    parcel_id = view.parcels[0].parcel_id
    undone = ParcelPutInUndone(parcel_id=parcel_id, compartment="A01", keeper_id=KEEPER)
    await world.report(put_in(view), undone)
    arrived = await world.orders.view(view.order_id, resident)
    assert arrived.state == "arrived"
    assert arrived.parcels[0].compartment is None
    removed = ParcelRemoved(
        parcel_id=parcel_id, compartment="A01", keeper_id=KEEPER, reason="overdue"
    )
    await world.report(put_in(view), removed)
    assert (await world.orders.view(view.order_id, resident)).state == "overdue"
    await world.report(
        ParcelHandedOver(parcel_id=parcel_id, compartment=None, keeper_id=KEEPER, reason="counter")
    )
    done = await world.orders.view(view.order_id, resident)
    assert done.state == "collected"
    assert [kind for kind in kinds(done) if kind in ("put_in_undone", "removed", "handed_over")] == [
        "put_in_undone", "removed", "handed_over",
    ]  # fmt: skip
    assert await world.violations() == []


async def test_a_parcel_that_lies_too_long_is_overdue_and_its_code_is_forgotten(
    world: World,
) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    assert view.pickup
    await world.report(put_in(view, hours=48))
    until = view.placed_at_ms + 48 * 3_600_000
    await world.report(GrantActivated(grant_id=view.pickup.grant_id, expires_at_ms=until))
    world.clock.pass_s(48 * 3600 + 1)
    await world.stations.sweep()
    await world.orders.sweep()
    late = await world.orders.view(view.order_id, resident)
    assert late.state == "overdue"
    assert late.pickup
    assert (late.pickup.grant_state, late.pickup.code) == ("expired", None)
    assert late.pickup.compartments == ("A01",)
    assert await world.violations() == []


async def test_facts_that_fit_nothing_open_a_case(world: World) -> None:
    resident = await shop(world)
    view = await locked(world, resident)
    stray = put_in(view).model_copy(update={"parcel_id": KEEPER})
    await world.report(
        stray,
        ParcelUnknownScanned(label="LL0000000000", keeper_id=KEEPER),
        ParcelUnknownScanned(label=view.parcels[0].label, keeper_id=KEEPER),
        ParcelRemoved(
            parcel_id=view.parcels[0].parcel_id, compartment="A01", keeper_id=KEEPER, reason="odd"
        ),
    )
    found = {case.kind for case in await world.orders.cases()}
    assert found == {
        "parcel_unknown", "label_unknown", "label_of_other_station", "fact_does_not_fit",
    }  # fmt: skip
    assert await world.violations() == []
