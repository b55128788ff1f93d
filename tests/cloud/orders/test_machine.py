"""The tables of orders and parcels, and how goods become parcels."""

from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.orders.machine import (
    PARCEL_TRANSITIONS,
    OrderState,
    OrderTrigger,
    ParcelState,
    ParcelTrigger,
    diagram,
    next_order_state,
    next_parcel_state,
    state_of_parcels,
)
from cloud.orders.packing import CAPACITY, VOLUME, Goods, pack
from common.contract.words import Size, TemperatureClass
from tests.parts import ROOT

P, S = ParcelState, OrderState


@pytest.mark.parametrize("name", ["order", "parcel"])
def test_the_page_shows_the_table(name: str) -> None:
    page = (ROOT / "docs/reference/orders.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{diagram(name)}\n```" in page


@pytest.mark.parametrize(
    ("parcels", "order"),
    [
        ([P.LOCKED, P.DEPARTED], S.LOCKED),
        ([P.PACKED, P.DEPOSITED], S.PACKED),
        ([P.DEPOSITED, P.ARRIVED], S.ARRIVED),
        ([P.DEPOSITED, P.DEPOSITED], S.READY),
        ([P.DEPOSITED, P.CANCELLED], S.READY),
        ([P.COLLECTED, P.DEPOSITED], S.PARTLY_COLLECTED),
        ([P.COLLECTED, P.OVERDUE], S.PARTLY_COLLECTED),
        ([P.COLLECTED, P.CANCELLED], S.COLLECTED),
        ([P.OVERDUE, P.DEPOSITED], S.OVERDUE),
        ([P.REMOVED], S.OVERDUE),
        ([P.CANCELLED, P.CANCELLED], S.CANCELLED),
    ],
)
def test_an_order_is_what_its_parcels_are(parcels: list[ParcelState], order: OrderState) -> None:
    assert state_of_parcels(parcels) is order
    assert state_of_parcels(parcels[::-1]) is order


def test_every_mix_of_parcels_has_a_state() -> None:
    for parcels in combinations_with_replacement(ParcelState, 3):
        assert state_of_parcels(parcels) in OrderState


def test_a_pickup_is_never_refused_and_never_taken_back() -> None:
    for state in ParcelState:
        if state is not P.COLLECTED:
            for trigger in (ParcelTrigger.COLLECTED, ParcelTrigger.HANDED_OVER):
                assert next_parcel_state(state, trigger) is P.COLLECTED
    assert not [pair for pair in PARCEL_TRANSITIONS if pair[0] is P.COLLECTED]


def test_unknown_pairs_raise() -> None:
    with pytest.raises(KeyError):
        next_order_state(S.PLACED, OrderTrigger.LOCK)
    with pytest.raises(KeyError):
        next_parcel_state(P.LOCKED, ParcelTrigger.DEPART)


_goods = st.builds(
    Goods,
    sku=st.sampled_from("ABCDEF"),
    qty=st.integers(1, 30),
    unit_price_fen=st.integers(0, 9999),
    temperature_class=st.sampled_from(TemperatureClass),
    size=st.sampled_from(Size),
)


@given(st.lists(_goods, max_size=6, unique_by=lambda one: one.sku))
def test_every_piece_is_in_exactly_one_parcel_of_its_class_that_holds_it(
    goods: list[Goods],
) -> None:
    of_sku = {one.sku: one for one in goods}
    found: dict[str, int] = {}
    for parcel in pack(goods):
        volume = 0
        for sku, qty in parcel.lines:
            assert of_sku[sku].temperature_class is parcel.temperature_class
            volume += qty * VOLUME[of_sku[sku].size]
            found[sku] = found.get(sku, 0) + qty
        assert 0 < volume <= CAPACITY[parcel.size]
        assert parcel.size is Size.S or volume > CAPACITY[_smaller(parcel.size)]
        assert parcel.value_fen == sum(q * of_sku[s].unit_price_fen for s, q in parcel.lines)
    assert found == {one.sku: one.qty for one in goods}


def _smaller(size: Size) -> Size:
    return list(Size)[list(Size).index(size) - 1]
