"""What a station owes while it is alone, and how fast the hub knows everything afterwards."""

import asyncio

from linli.world.custody import Order, Place
from linli.world.level1.link import Weather
from linli.world.level1.town import Town
from linli.world.scenario import DAY_S

CATCH_UP_S, CATCH_UP_EVENTS = 600.0, 20_000
"""Promised for the events of seven days; a longer time alone may take longer in proportion."""
_SLOW_LINE = Weather(slow_s=3.0)
_LOOK_S = 5.0
_SETTLED_S = 16 * 3600.0
"""The next round of the keeper, and half a day in which its owner comes."""


def judge_alone(town: Town, gone: frozenset[int]) -> None:
    """Hold every parcel announced before the cut against what was promised; `gone`: errands that came to their end."""
    since_s, found = town.plan.alone_from_s or 0.0, town.figures
    found["alone bytes"] = _bytes(town)
    for order in town.oracle.orders:
        _judge_order(town, order, order.number in gone)
        found["alone put-ins"] += sum(one.puts for one in order.parcels if one.arrives_s > since_s)
        found["alone pickups"] += sum(one.place is Place.PERSON for one in order.parcels)


def _judge_order(town: Town, order: Order, gone: bool) -> None:
    now_s, say = town.loop.time(), town.oracle.violate
    for parcel in order.parcels:
        if parcel.place is Place.VAN and not parcel.puts and parcel.arrives_s < now_s - DAY_S:
            say(f"{parcel.label} was announced before the cut and could not be put in")
    whole = all(one.puts == 1 for one in order.parcels)  # one taken back comes when she has gone
    owed = whole and order.is_ready and order.doors and not town.oracle.is_over(order)
    if owed and gone and order.ready_s < now_s - _SETTLED_S:
        say(f"order {order.number} could not be fetched while the station was alone")


async def catch_up(town: Town) -> None:
    """Let the backlog travel over a slow line, and measure how long it takes in virtual time."""
    edge = await town.station_up()
    backlog = await edge.outbox.count()
    events = town.figures["alone events"] = backlog.facts + backlog.telemetry
    usual, town.wire.weather = town.wire.weather, _SLOW_LINE
    started_s, owed_s = town.loop.time(), CATCH_UP_S * max(1.0, events / CATCH_UP_EVENTS)
    while backlog.facts or backlog.telemetry > 2:  # a measurement of just now may be on its way
        if town.loop.time() - started_s > 2 * owed_s:
            break
        await asyncio.sleep(_LOOK_S)
        backlog = await edge.outbox.count()
    town.wire.weather = usual
    took_s = round(town.loop.time() - started_s)
    town.figures["catch-up s"] = took_s
    if took_s > owed_s:
        town.oracle.violate(f"{events} events: {backlog} are still left after {took_s} s")


def _bytes(town: Town) -> int:
    return sum(path.stat().st_size for path in town.ground.station.glob("*.db*"))
