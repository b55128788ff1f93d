"""Watches the door contacts of a bus: what they say at rest, what moves after a pulse, whether it goes back."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from provisioning.bench import Place, Workbench

OPEN_S = 3.0
SHUT_S = 3.0
POLL_S = 0.1
EQUAL = 2
Inputs = dict[Place, bool | None]


@dataclass(frozen=True, slots=True)
class Moved:
    """The inputs that changed after a pulse, with their new state, and how long after it that was seen.

    A board that answers an opening late (8A: a second) keeps its line so long, and nobody sees the door sooner.
    """

    inputs: dict[Place, bool]
    after_ms: int


async def settled(bench: Workbench, bus: str) -> Inputs:
    """Return the inputs when they have said the same twice."""
    before = await bench.inputs(bus)
    while True:
        await asyncio.sleep(POLL_S)
        now = await bench.inputs(bus)
        if now == before:
            return now
        before = now


async def wait_moved(bench: Workbench, bus: str, before: Inputs) -> Moved:
    """Watch until something has changed and stays so, or the time is over."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    last: dict[Place, bool] = {}
    equal = first_ms = 0
    while loop.time() < start_s + OPEN_S:
        now = await bench.inputs(bus)
        changed = {
            place: state
            for place, state in now.items()
            if state is not None and before[place] is not None and state != before[place]
        }
        if changed and not last:
            first_ms = round((loop.time() - bench.sent_s) * 1000)
        equal = equal + 1 if changed == last else 1
        last = changed
        if changed and equal >= EQUAL:
            break
        await asyncio.sleep(POLL_S)
    return Moved(last, first_ms)


async def goes_back(bench: Workbench, bus: str, before: Inputs, places: Iterable[Place]) -> bool:
    """Tell whether these inputs say what they said before, within a moment."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + SHUT_S
    wanted = list(places)
    while loop.time() < until_s:
        now = await bench.inputs(bus)
        if all(now[place] == before[place] for place in wanted):
            return True
        await asyncio.sleep(POLL_S)
    return False
