"""Stock is promised all or nothing, also under a crowd; its counters are the sum of its movements."""

import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.app import Rooms
from cloud.catalog.checks import violations
from cloud.catalog.models import stock
from cloud.catalog.service import Catalog, Product, consume_tx, products_tx, release_tx, reserve_tx
from common.contract.words import Size, TemperatureClass
from common.kit.errors import ConflictError, NotFoundError

EGG = Product(
    "EGG-10", "鸡蛋", "Eggs", TemperatureClass.AMBIENT, Size.M, 1690, item="EGG", units=10
)
BOX = replace(EGG, sku="EGG-30", units=30)
MILK = Product("MILK", "牛奶", "Milk", TemperatureClass.CHILLED, Size.S, 1590, item="MILK", units=1)


@pytest.fixture
async def subject(rooms: Rooms) -> Catalog:
    for product, pieces in ((EGG, 6), (BOX, 0), (MILK, 5)):
        await rooms.catalog.add(product)
        if pieces:
            await rooms.catalog.receive(product.sku, pieces, "delivery")
    return rooms.catalog


async def free(rooms: Rooms) -> dict[str, int]:
    return {product.sku: product.available for product in await rooms.catalog.products()}


async def test_products_that_share_an_item_share_its_stock(subject: Catalog, rooms: Rooms) -> None:
    assert await free(rooms) == {"EGG-10": 6, "EGG-30": 2, "MILK": 5}
    await rooms.db.write(lambda conn: reserve_tx(conn, [("EGG-30", 1), ("EGG-10", 2)]))
    assert await free(rooms) == {"EGG-10": 1, "EGG-30": 0, "MILK": 5}


async def test_lines_of_one_item_are_summed_and_nothing_is_taken_when_one_lacks(
    subject: Catalog, rooms: Rooms
) -> None:
    lines = [("MILK", 2), ("EGG-30", 1), ("EGG-10", 4)]  # 70 eggs of 60, each line alone would fit
    with pytest.raises(ConflictError) as caught:
        await rooms.db.write(lambda conn: reserve_tx(conn, lines))
    assert caught.value.key == "stock.short"
    assert caught.value.params == {"sku": "EGG-30"}
    assert await free(rooms) == {"EGG-10": 6, "EGG-30": 2, "MILK": 5}
    assert await rooms.db.read(violations) == []


async def test_a_promise_is_given_back_or_used_up(subject: Catalog, rooms: Rooms) -> None:
    def work(conn: sa.Connection) -> None:
        reserve_tx(conn, [("MILK", 4)], reference="o1")
        release_tx(conn, [("MILK", 1)], reference="o1")
        consume_tx(conn, [("MILK", 3)], reference="o1")

    await rooms.db.write(work)
    assert (await subject.product("MILK")).available == 2
    for undo in (release_tx, consume_tx):
        with pytest.raises(ConflictError):
            await rooms.db.write(lambda conn, undo=undo: undo(conn, [("MILK", 1)]))  # type: ignore[misc]


async def test_a_crowd_never_gets_more_than_there_is(subject: Catalog, rooms: Rooms) -> None:
    async def one() -> bool:
        try:
            await rooms.db.write(lambda conn: reserve_tx(conn, [("MILK", 1)]))
        except ConflictError:
            return False
        return True

    got = await asyncio.gather(*(one() for _ in range(20)))
    assert sum(got) == 5
    assert await rooms.db.read(violations) == []


async def test_a_count_is_corrected_but_never_below_what_is_promised(
    subject: Catalog, rooms: Rooms
) -> None:
    await rooms.db.write(lambda conn: reserve_tx(conn, [("MILK", 3)]))
    with pytest.raises(ConflictError):
        await subject.receive("MILK", -3, "broken")
    assert (await subject.receive("MILK", -2, "broken")).available == 0


async def test_unknown_and_doubled_products_are_refused(subject: Catalog, rooms: Rooms) -> None:
    with pytest.raises(NotFoundError):
        await subject.product("NOTHING")
    with pytest.raises(NotFoundError):
        await rooms.db.write(lambda conn: reserve_tx(conn, [("NOTHING", 1)]))
    with pytest.raises(ConflictError):
        await subject.add(MILK)
    found = await rooms.db.read(lambda conn: products_tx(conn, ["MILK", "NOTHING"]))
    assert list(found) == ["MILK"]


async def test_verify_finds_a_counter_that_lies(subject: Catalog, rooms: Rooms) -> None:
    spoil = stock.update().where(stock.c.item == "MILK").values(on_hand=7)
    await rooms.db.write(lambda conn: conn.execute(spoil).rowcount)
    (found,) = await rooms.db.read(violations)
    assert found == "stock MILK: on hand 7, reserved 0; its movements say 5 and 0"


MOVES = st.lists(
    st.tuples(st.sampled_from([reserve_tx, release_tx, consume_tx]), st.integers(1, 4)), max_size=12
)


@given(MOVES)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_tried_the_counters_are_the_sums(
    rooms: Rooms,
    moves: list[tuple[object, int]],
) -> None:
    if not await rooms.catalog.products():
        await rooms.catalog.add(MILK)
    await rooms.catalog.receive("MILK", 2, "delivery")
    for act, qty in moves:
        try:
            await rooms.db.write(lambda conn, act=act, qty=qty: act(conn, [("MILK", qty)]))  # type: ignore[misc]
        except ConflictError:
            continue
    assert await rooms.db.read(violations) == []
