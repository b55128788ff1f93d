"""The card reader's driver on the simulated one: once while it is held, through noise, after the port was away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from device_sim.card_device import CardDevice
from edge.hardware.ports import CardReader
from tests.edge.cable import Cable
from tests.edge.hardware.device_bench import DeviceBench, cabinet_with, on_devices, station_with

T = TypeVar("T")
CARD, OTHER = "0100ABCDEF", "62E3086CED"


class CardBench:
    """Short words."""

    def __init__(self, bench: DeviceBench) -> None:
        self.bench, self.cable = bench, bench.cables["card_reader"]
        assert isinstance(self.cable, Cable)
        found = bench.cabinet.serial.devices["card_reader"]
        assert isinstance(found, CardDevice)
        self.device = found
        assert bench.devices.card_reader is not None
        self.driver: CardReader = bench.devices.card_reader

    def hold(self, card: str, for_s: float) -> None:
        self.device.hold(card, self.bench.cabinet.settle_now() + for_s)

    async def next(self, within_s: float = 2.0) -> str:
        async with asyncio.timeout(within_s):
            return await self.driver.next()

    async def nothing(self, for_s: float) -> None:
        with pytest.raises(TimeoutError):
            await self.next(for_s)


def on_reader(body: Callable[[CardBench], Awaitable[T]], *, one_by_one: bool = False) -> T:
    async def main(bench: DeviceBench) -> T:
        async def time() -> None:
            while True:
                bench.cabinet.settle_now()
                await asyncio.sleep(0.05)

        ticking = asyncio.create_task(time())
        cards = CardBench(bench)
        cards.cable.one_by_one = one_by_one
        await bench.until(lambda: cards.driver.state.up)
        try:
            return await body(cards)
        finally:
            ticking.cancel()

    return on_devices(
        cabinet_with({"name": "card_reader", "kind": "rdm6300"}),
        station_with(card_reader={"port": "/dev/cards"}),
        main,
    )


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_card_counts_once_while_it_is_held(one_by_one: bool) -> None:
    async def body(cards: CardBench) -> None:
        cards.hold(CARD, for_s=8)
        assert await cards.next() == CARD
        await cards.nothing(9)
        cards.hold(OTHER, for_s=0.3)
        assert await cards.next() == OTHER
        await asyncio.sleep(4)
        cards.hold(OTHER, for_s=0.3)
        assert await cards.next() == OTHER

    on_reader(body, one_by_one=one_by_one)


def test_noise_and_damage_are_no_card() -> None:
    async def body(cards: CardBench) -> None:
        cards.cable.say(b"\x02" + b"0" * 11 + b"1\x03")
        await cards.nothing(1)
        cards.cable.noise_before = b"\x00\x02\xff"
        cards.hold(CARD, for_s=0.5)
        assert await cards.next() == CARD

    on_reader(body)


def test_cards_that_nobody_takes_are_dropped() -> None:
    async def body(cards: CardBench) -> None:
        for number in range(9):
            cards.hold(f"010000000{number}", for_s=0.3)
            await asyncio.sleep(0.5)
        seen = [await cards.next() for _ in range(4)]
        assert seen == [f"010000000{number}" for number in range(4)]
        await cards.nothing(1)

    on_reader(body)


def test_a_port_that_goes_away_comes_back() -> None:
    async def body(cards: CardBench) -> None:
        cards.cable.pull()
        assert not cards.driver.state.up
        cards.cable.plugged = True
        await cards.bench.until(lambda: cards.driver.state.up, within_s=5)
        cards.hold(CARD, for_s=1)
        assert await cards.next() == CARD
        assert "hold a card before it" in cards.bench.devices.devices[0].said()
        assert [news[:3] for news in cards.bench.news] == [
            ("card_reader", None, True),
            ("card_reader", None, False),
            ("card_reader", None, True),
        ]

    on_reader(body)
