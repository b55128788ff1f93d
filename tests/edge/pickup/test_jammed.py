"""An order behind several doors, one of which stays shut: the others are to be had."""

from pathlib import Path

from edge.pickup.views import SessionView, Step
from tests.edge.pickup.house import CODE, House, in_house


async def stuck(house: House) -> tuple[SessionView, str]:
    """Ask three times for the first of two doors, which is jammed; return what is shown then, and the other door."""
    await house.delivered("LP-0001", "LP-0002")
    rows = house.sql("SELECT compartment FROM placement ORDER BY compartment")
    first, second = (row["compartment"] for row in rows)
    house.cabinet.jam(first)
    await house.edge.pickup.submit(CODE)
    for _ in range(2):
        view = await house.until(Step.NOT_OPENED)
        assert (view.compartment, view.another) == (first, True)
        await house.edge.pickup.again()
    return await house.until(Step.FAILED), second


def test_a_door_that_stays_shut_keeps_no_other_door_of_the_order_shut(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        failed, second = await stuck(house)
        assert failed.another
        await house.edge.pickup.proceed()
        view = await house.until(Step.OPEN)
        assert (view.compartment, view.another) == (second, False)
        await house.push(second)
        await house.until(Step.CLOSED)
        await house.edge.pickup.proceed()  # the way to the first one is shown, not pulsed
        view = await house.until(Step.FAILED)
        assert (view.compartment, view.another) == (failed.compartment, False)
        before = house.pulses
        await house.edge.pickup.proceed()
        assert house.edge.pickup.session() is None
        assert house.pulses == before

    in_house(tmp_path, body)


def test_the_code_typed_again_begins_with_a_door_that_may_open(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        _, second = await stuck(house)
        await house.edge.pickup.finish()
        await house.edge.pickup.submit(CODE)
        assert (await house.until(Step.OPEN)).compartment == second

    in_house(tmp_path, body)


def test_when_every_door_of_the_order_stays_shut_next_ends_it(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        _, second = await stuck(house)
        house.cabinet.jam(second)
        await house.edge.pickup.proceed()
        for _ in range(2):
            await house.until(Step.NOT_OPENED)
            await house.edge.pickup.again()
        assert not (await house.until(Step.FAILED)).another
        before = house.pulses
        await house.edge.pickup.proceed()
        assert house.edge.pickup.session() is None
        assert house.pulses == before

    in_house(tmp_path, body)
