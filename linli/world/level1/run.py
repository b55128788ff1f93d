"""One seed at level 1: live the plan, heal everything, let everybody fetch what is theirs, reckon."""

import asyncio
import gc
from collections import Counter
from dataclasses import dataclass, field

from common.kit.failpoints import disarm_all
from linli.world.custody import Place
from linli.world.level1.alone import catch_up, judge_alone
from linli.world.level1.cabinet import BusMood, SensorMood
from linli.world.level1.calm import calm
from linli.world.level1.ground import Ground
from linli.world.level1.keepers import Keeper
from linli.world.level1.link import Weather
from linli.world.level1.others import change_of_mind, nemesis, open_from_afar, thief
from linli.world.level1.reckoning import reckon
from linli.world.level1.residents import Resident
from linli.world.level1.town import Town
from linli.world.loop import VirtualLoop, run_virtual
from linli.world.scenario import Level, Plan
from linli.world.trace import Trace

HOUR_S = 3600.0
_LAST_GOODS_S = 73 * HOUR_S
"""When the last code has ended by itself."""
_AT_REST_S = 14 * 24 * HOUR_S
_STEPS_A_DAY = 250_000
"""Ten times what the busiest day takes: more is two programs that keep each other busy."""


@dataclass(slots=True)
class Result:
    """What one seed came to."""

    seed: int
    digest: str
    violations: list[str]
    last: list[str]
    figures: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)


def live(ground: Ground, plan: Plan, level: Level) -> Result:
    """Live one plan on fresh ground."""
    trace = Trace(keep=60)
    ground.fresh(level)
    town: list[Town] = []

    async def main(loop: VirtualLoop) -> None:
        town.append(Town(loop, ground, plan, trace, level))
        try:
            await _to_the_end(town[0])
        finally:
            await town[0].close()

    gc.disable()  # nothing here lives longer than a seed
    try:
        with calm():
            run_virtual(plan.seed, main)
    finally:
        gc.enable()
        disarm_all()
    return _result(town[0], plan, trace)


async def _to_the_end(town: Town) -> None:
    """Live until the reckoning, or until there is no hope for it."""
    living, hopeless = (
        asyncio.ensure_future(_live(town)),
        asyncio.ensure_future(town.hopeless.wait()),
    )
    town.loop.on_too_many = lambda: _busy_without_end(town)
    town.loop.most_steps = town.loop.steps + (town.plan.days + 1) * _STEPS_A_DAY
    longest_s = town.plan.horizon_s + _AT_REST_S
    await asyncio.wait((living, hopeless), timeout=longest_s, return_when=asyncio.FIRST_COMPLETED)
    if living.done():
        living.result()
    elif not hopeless.done():
        town.oracle.violate("the town never came to rest")
    for task in (living, hopeless):
        task.cancel()


def _busy_without_end(town: Town) -> None:
    town.oracle.violate(f"busy without end: {town.loop.steps} steps")
    town.station.kill()
    town.hopeless.set()


async def _live(town: Town) -> None:
    await town.open()
    keeper = Keeper(town)
    town.hand_over = keeper.help
    residents = [Resident(town, errand) for errand in town.plan.errands]
    jobs = [town.spawn(one.run()) for one in residents]
    jobs.append(town.spawn(keeper.run()))
    jobs += [
        town.spawn(change_of_mind(town, errand))
        for errand in town.plan.errands
        if errand.cancel_after_s is not None or errand.revoke_after_s is not None
    ]
    jobs += [town.spawn(open_from_afar(town, at_s)) for at_s in town.plan.remote_opens]
    jobs += [town.spawn(thief(town, at_s)) for at_s in town.plan.thief_visits]
    faults = [town.spawn(nemesis(town, fault)) for fault in town.plan.faults]
    await asyncio.sleep(town.plan.horizon_s - town.loop.time())
    if town.plan.alone_from_s is not None:
        gone = frozenset(i for i, job in enumerate(jobs[: len(residents)]) if job.done())
        judge_alone(town, gone)
    await _heal(town, faults)
    if town.plan.alone_from_s is not None:
        await catch_up(town)
    await asyncio.sleep(HOUR_S)
    for job in jobs:
        job.cancel()
    await asyncio.sleep(HOUR_S)
    await _last_days(town, keeper, residents)
    await reckon(town)


async def _heal(town: Town, faults: list[asyncio.Task[None]]) -> None:
    town.note("heal")
    for fault in faults:
        fault.cancel()
    disarm_all()
    town.wire.weather = Weather()
    town.wire.cut(False)
    town.cabinet.set_mood(BusMood.WELL)
    for door in town.cabinet.doors.values():
        door.jammed, door.late_s, door.sensor = False, 0.0, SensorMood.WELL
    town.put_clock(0.0)
    town.cabinet.news()
    await town.hub_up()
    await town.station_up()


async def _last_days(town: Town, keeper: Keeper, residents: list[Resident]) -> None:
    keeper.is_last = True
    await keeper.round()
    await asyncio.sleep(HOUR_S)
    await asyncio.gather(*(one.fetch() for one in residents))
    for order in town.oracle.orders:
        lies = order.is_ready and any(one.place is Place.DOOR for one in order.parcels)
        if lies and not (order.revoke_asked or order.cancel_asked or town.oracle.is_over(order)):
            town.oracle.violate(
                f"order {order.number} could not be fetched after everything healed"
            )
    keeper.puts_in = False  # what found no room by now stays in the van
    await asyncio.sleep(_LAST_GOODS_S)
    for _ in range(2):
        await keeper.round()
        await asyncio.sleep(2 * HOUR_S)
    await town.hub.sweep()
    await asyncio.sleep(HOUR_S)


def _result(town: Town, plan: Plan, trace: Trace) -> Result:
    oracle = town.oracle
    parcels = [one for order in oracle.orders for one in order.parcels]
    figures = Counter(
        orders=len(oracle.orders),
        parcels=len(parcels),
        fetched=sum(one.place is Place.PERSON for one in parcels),
        pulses=len(town.cabinet.pulses),
        notes=trace.count,
        steps=town.loop.steps,
    )
    figures.update(town.figures)
    figures.update({f"codes {name}": count for name, count in oracle.verdicts.items()})
    violations = list(oracle.violations)
    kills = Counter(town.kills)
    return Result(plan.seed, trace.digest, violations, list(trace.last), figures, kills)
