"""A day in town: ten people order, the cable is cut twice, everybody gets the food; returns the trace."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from device_sim.config import CabinetConfig
from linli.journey.patience import until
from linli.journey.story import Basket, Bought, Cast, bring, buy, pick_up, put_in
from linli.world.loop import VirtualLoop
from linli.world.town import HUB_HOST, Town
from linli.world.trace import Trace

DAY_S = 86_400.0
_BASKETS: tuple[Basket, ...] = (
    (("MILK-1L", 1),),
    (("EGG-10", 2),),
    (("MILK-1L", 1), ("EGG-10", 1)),
    (("TEA-100", 1),),
    (("TOFU-400", 2),),
    (("YOGURT-6", 1), ("NOODLE-1KG", 1)),
    (("SHRIMP-300", 1),),
    (("NOODLE-1KG", 1),),
    (("TOFU-400", 1), ("TEA-100", 1)),
    (("MILK-1L", 2),),
)
_CUTS = (2, 7)  # before these pickups the cable is pulled; it is plugged in again after two more


@dataclass(frozen=True, slots=True)
class DayResult:
    """What a day left behind."""

    digest: str
    notes: int
    pickups: int
    pulses: int
    doors: int
    events: Counter[str]
    steps: int

    def record(self) -> dict[str, object]:
        """Return it for JSON, events by name."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        return record | {"events": dict(sorted(self.events.items()))}


async def day(loop: VirtualLoop, seed: int, cabinet: CabinetConfig, data: Path) -> DayResult:
    """Live one day of `seed`."""
    trace = Trace()
    town = Town(loop, seed, cabinet, data)
    await town.prepare()
    await town.start_hub()
    await town.start_edge()
    async with AsyncExitStack() as closing:
        cast = await town.cast(closing)
        orders = [await _stock_up(cast, basket, loop, trace) for basket in _BASKETS]
        doors = await _pick_everything_up(town, cast, orders, trace)
        await _all_collected(cast, orders)
        await asyncio.sleep(max(0.0, DAY_S - loop.time()))
        events = await _events(cast, trace)
        pulses = len(await cast.hands.pulses())
    await town.stop(town.edge)
    await town.stop(town.hub)
    trace.note("witness", *town.witness)
    return DayResult(trace.digest, trace.count, len(orders), pulses, doors, events, loop.steps)


async def _stock_up(cast: Cast, basket: Basket, loop: VirtualLoop, trace: Trace) -> Bought:
    bought = await buy(cast, basket)
    await bring(cast, bought)
    await asyncio.sleep(60)  # the van unloads; the rows reach the station meanwhile
    doors = await put_in(cast, bought)
    trace.note("put in", round(loop.time(), 6), bought.labels, doors)
    return bought


async def _pick_everything_up(town: Town, cast: Cast, orders: list[Bought], trace: Trace) -> int:
    count = 0
    for number, bought in enumerate(orders):
        if number in _CUTS:
            town.loop.net.cut(HUB_HOST)
        elif number - 2 in _CUTS:
            town.loop.net.heal(HUB_HOST)
        await asyncio.sleep(town.loop.rng.uniform(600, 3000))
        doors = await pick_up(cast, bought.code)
        trace.note("picked up", round(town.loop.time(), 6), bought.order_id, doors)
        count += len(doors)
    town.loop.net.heal(HUB_HOST)
    return count


async def _all_collected(cast: Cast, orders: list[Bought]) -> None:
    async def states() -> list[str]:
        return [(await cast.buyer.get(f"/orders/{one.order_id}"))["state"] for one in orders]

    await until(
        states,
        lambda seen: set(seen) == {"collected"},
        what="every order collected at the hub",
        within_s=900,
        every_s=30,
    )


async def _events(cast: Cast, trace: Trace) -> Counter[str]:
    found: Counter[str] = Counter()
    before = ""
    while True:
        path = f"/stations/{cast.station_id}/events?limit=200{before}"
        answer: Any = await cast.staff.get(path)
        for event in answer["events"]:
            found[event["type"]] += 1
            trace.note(event["lane"], event["boot_epoch"], event["seq"], event["type"])
        if not answer.get("next"):
            return found
        before = f"&before={answer['next']}"
