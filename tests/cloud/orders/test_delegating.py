"""A pickup given away, at the hub on both engines: a code of its own, ended with its parent, told to the owner."""

import pytest

from cloud.access.caller import Caller
from cloud.orders.delegating import DelegateView
from cloud.orders.service import OrderView
from common.contract.events import GrantActivated, GrantStateChanged, ParcelCollected
from common.contract.qr import decode
from common.contract.replica import GrantRow
from common.kit.errors import ConflictError, NotFoundError
from tests.cloud.orders.shop import collected, kinds, locked, put_in, shop
from tests.cloud.stations.world import OTHER_ID, STATION_ID, World, open_station

MUM = "妈妈"


async def given(world: World, view: OrderView, owner: Caller, number: int = 0) -> DelegateView:
    """Give one parcel away; return how the owner sees it."""
    parcel_id = view.parcels[number].parcel_id
    grant_id = await world.orders.give(view.order_id, parcel_id, MUM, owner.name)
    return await seen(world, view.order_id, owner, grant_id)


async def seen(world: World, order_id: str, owner: Caller, grant_id: str) -> DelegateView:
    view = await world.orders.view(order_id, owner)
    assert view.pickup
    return next(one for one in view.pickup.delegates if one.grant_id == grant_id)


async def rows(world: World) -> dict[str, GrantRow]:
    found = await world.rows("grant")
    return {row.grant_id: row for row in found if isinstance(row, GrantRow)}


async def refusal(world: World, view: OrderView, parcel_id: str | None = None) -> str:
    with pytest.raises((ConflictError, NotFoundError)) as refused:
        await world.orders.give(view.order_id, parcel_id or view.parcels[0].parcel_id, MUM, "zhang")
    return refused.value.key


async def test_a_child_has_a_code_of_its_own_and_never_the_owners(world: World) -> None:
    owner = await shop(world)
    view = await locked(world, owner, ("MILK", 1), ("RICE", 1))
    assert view.pickup
    assert view.pickup.code
    one = await given(world, view, owner, 1)
    row = (await rows(world))[one.grant_id]
    own = (await rows(world))[view.pickup.grant_id]
    assert (row.parent_id, own.parent_id) == (view.pickup.grant_id, None)
    assert row.parcel_ids == (view.parcels[1].parcel_id,)
    assert row.not_after_ms <= own.not_after_ms
    assert row.valid_for_s == own.valid_for_s
    assert row.verifier != own.verifier
    assert one.code not in (None, view.pickup.code)
    assert one.link_token
    errand = await world.orders.errand(one.link_token)
    assert errand.code == one.code
    assert view.pickup.code not in repr(errand)
    assert view.link_token
    assert view.link_token not in repr(errand)
    assert errand.qr
    qr, _ = decode(errand.qr)
    assert (qr.grant_id, qr.parent_id) == (one.grant_id, view.pickup.grant_id)
    assert kinds(await world.orders.view(view.order_id, owner))[-1] == "given"
    assert await world.violations() == []


async def test_the_desk_sees_to_whom_and_no_code(world: World) -> None:
    owner = await shop(world)
    view = await locked(world, owner)
    await given(world, view, owner)
    desk = Caller("desk", "wang", frozenset({"operator"}))
    found = (await world.orders.view(view.order_id, desk)).pickup
    assert found
    (one,) = found.delegates
    assert (one.given_to, one.code, one.link_token) == (MUM, None, None)


async def test_three_at_a_time_and_one_asked_back_counts_until_the_station_has_heard(
    world: World,
) -> None:
    owner = await shop(world)
    view = await locked(world, owner)
    first, *_ = [await given(world, view, owner) for _ in range(3)]
    assert await refusal(world, view) == "grant.too_many_given"
    await world.orders.take_back(view.order_id, first.grant_id, owner.name)
    await world.orders.take_back(view.order_id, first.grant_id, owner.name)  # once more is nothing
    pending = await seen(world, view.order_id, owner, first.grant_id)
    assert (pending.revoke_state, pending.code, pending.link_token) == ("pending", None, None)
    assert await refusal(world, view) == "grant.too_many_given"
    await world.apply_all()
    ended = await seen(world, view.order_id, owner, first.grant_id)
    assert (ended.grant_state, ended.revoke_state) == ("revoked", "done")
    fresh = await world.orders.view(view.order_id, owner)
    assert fresh.pickup
    assert (fresh.pickup.grant_state, fresh.pickup.revoke_state) == ("waiting", "none")
    assert kinds(fresh).count("taken_back") == 1
    await given(world, view, owner)
    assert await world.violations() == []


async def test_revoking_the_owners_code_ends_what_was_given_in_the_same_transaction(
    world: World,
) -> None:
    owner = await shop(world)
    view = await locked(world, owner)
    assert view.pickup
    kids = [await given(world, view, owner) for _ in range(2)]
    await world.stations.grants.revoke(view.pickup.grant_id, "wang")
    assert {row.state for row in (await rows(world)).values()} == {"revoked"}
    assert await refusal(world, view) == "grant.over"
    for one in kids:
        assert (await seen(world, view.order_id, owner, one.grant_id)).revoke_state == "pending"
        assert one.link_token
        assert (await world.orders.errand(one.link_token)).code is None
    await world.apply_all()
    for one in kids:
        assert (await seen(world, view.order_id, owner, one.grant_id)).grant_state == "revoked"
    await world.orders.renew_code(view.order_id, "wang")
    fresh = await world.orders.view(view.order_id, owner)
    assert fresh.pickup
    assert fresh.pickup.delegates == ()
    assert await world.violations() == []


async def test_cancelling_ends_what_was_given(world: World) -> None:
    owner = await shop(world)
    view = await locked(world, owner)
    one = await given(world, view, owner)
    await world.orders.cancel(view.order_id, owner.name)
    assert (await rows(world))[one.grant_id].state == "revoked"
    assert await refusal(world, view) == "order.cancel_pending"
    await world.apply_all()
    assert (await world.orders.view(view.order_id, owner)).state == "cancelled"
    assert await world.violations() == []


async def test_the_owner_is_told_who_came(world: World) -> None:
    owner = await shop(world)
    view = await locked(world, owner)
    assert view.pickup
    kid, other = [await given(world, view, owner) for _ in range(2)]
    end_ms = view.placed_at_ms + 48 * 3_600_000
    await world.report(
        put_in(view),
        GrantActivated(grant_id=view.pickup.grant_id, expires_at_ms=end_ms),
        GrantActivated(grant_id=kid.grant_id, expires_at_ms=end_ms),
        GrantStateChanged(grant_id=kid.grant_id, state="opening", pulses=0),
        GrantStateChanged(grant_id=kid.grant_id, state="opened", pulses=1),
        GrantStateChanged(grant_id=view.pickup.grant_id, state="done", pulses=0),
        GrantStateChanged(grant_id=other.grant_id, state="done", pulses=0),
        ParcelCollected(
            parcel_id=view.parcels[0].parcel_id, grant_id=kid.grant_id, compartment="A01"
        ),
        GrantStateChanged(grant_id=kid.grant_id, state="done", pulses=1),
    )
    after = await world.orders.view(view.order_id, owner)
    assert after.state == "collected"
    assert kinds(after)[-2:] == ["collected", "collected_for_you"]
    assert after.timeline[-1].parcel_id == view.parcels[0].parcel_id
    assert kid.link_token
    errand = await world.orders.errand(kid.link_token)
    assert (errand.grant_state, errand.code, errand.qr, errand.compartment) == (
        "done", None, None, None,
    )  # fmt: skip
    assert await refusal(world, view) == "order.nothing_left"
    assert await world.violations() == []


async def test_another_stations_word_of_a_given_code_is_no_news(world: World) -> None:
    owner = await shop(world)
    view = await locked(world, owner)
    kid = await given(world, view, owner)
    await open_station(world, OTHER_ID)
    taken = ParcelCollected(
        parcel_id=view.parcels[0].parcel_id, grant_id=kid.grant_id, compartment="A01"
    )
    await world.report(put_in(view))
    await world.report(taken, station_id=OTHER_ID)
    after = await world.orders.view(view.order_id, owner)
    assert after.state == "ready"
    assert "collected_for_you" not in kinds(after)
    assert [case.kind for case in await world.orders.cases()] == ["parcel_of_other_station"]


async def test_what_she_collects_herself_is_no_news(world: World) -> None:
    owner = await shop(world)
    view = await locked(world, owner)
    await given(world, view, owner)
    await world.report(put_in(view), collected(view))
    assert "collected_for_you" not in kinds(await world.orders.view(view.order_id, owner))


async def test_what_is_not_there_is_not_given_and_not_taken_back(world: World) -> None:
    owner = await shop(world)
    view, other = await locked(world, owner), await locked(world, owner)
    assert view.pickup
    kid = await given(world, other, owner)
    assert await refusal(world, view, other.parcels[0].parcel_id) == "parcel.not_found"
    for grant_id in (view.pickup.grant_id, kid.grant_id):
        with pytest.raises(NotFoundError):
            await world.orders.take_back(view.order_id, grant_id, owner.name)
    for token in ("", "A" * 27, view.link_token or "", view.order_id):
        with pytest.raises(NotFoundError):
            await world.orders.errand(token)
    with pytest.raises(NotFoundError):
        await world.orders.by_link(kid.link_token or "")


async def test_an_older_disk_forgets_no_childs_use(world: World) -> None:
    """The child's opening alone was told; the owner's code must not open what the station forgot."""
    owner = await shop(world)
    view = await locked(world, owner)
    assert view.pickup
    kid = await given(world, view, owner)
    await world.db.write(
        lambda c: world.stations.grants.close_tx(c, STATION_ID, {kid.grant_id}, set())
    )
    assert {row.state for row in (await rows(world)).values()} == {"revoked"}
