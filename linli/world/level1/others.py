"""Operators at the hub, a thief at the keypad, and the nemesis that breaks things by the plan."""

import asyncio

from common.kit.errors import LinliError
from common.kit.failpoints import arm
from linli.world.custody import Order, Place
from linli.world.level1.cabinet import BusMood, SensorMood
from linli.world.level1.life import Away
from linli.world.level1.residents import revoke, type_code
from linli.world.level1.town import Town
from linli.world.scenario import Errand, Fault, FaultKind

_WAITS_FOR_PLACE_S = 12 * 3600.0
_LOOKS, _LOOK_EVERY_S = 60, 30.0


async def change_of_mind(town: Town, errand: Errand) -> None:
    """Cancel or revoke an order some time after it was placed, through the hub."""
    after_s = errand.cancel_after_s if errand.revoke_after_s is None else errand.revoke_after_s
    assert after_s is not None
    await asyncio.sleep(errand.at_s + 600.0 + after_s)
    order = next((one for one in town.oracle.orders if one.number == errand.number), None)
    if order is None:
        return
    if errand.revoke_after_s is not None:
        await revoke(town, order)
    else:
        await _cancel(town, order)


async def _cancel(town: Town, order: Order) -> None:
    order.cancel_asked = order.revoke_asked = True
    try:
        await town.hub.insist(lambda desk: desk.cancel(order.order_id))
    except LinliError as error:  # it has left the warehouse
        order.cancel_asked = order.revoke_asked = False
        town.note("not cancelled", order.number, error.key)
    else:
        town.note("cancel asked", order.number)


async def open_from_afar(town: Town, at_s: float) -> None:
    """Open one door from the operator's desk, with a reason."""
    await asyncio.sleep(at_s)
    rng = town.rng(f"operator|{at_s}")
    label = rng.choice(sorted(town.cabinet.doors))
    act = town.oracle.act(f"remote opening of {label}", {label}, lasting=True)
    try:
        await town.hub.ask(lambda desk: desk.open_door(label))
    except LinliError:
        town.oracle.void(act)
        return
    except Away:  # perhaps it was written down
        pass
    town.oracle.allowed_again(label)
    town.note("remote", label)


async def thief(town: Town, at_s: float) -> None:
    """Take what stands open, then try numbers, and codes that were good once."""
    await asyncio.sleep(at_s)
    await _lurk(town)
    rng = town.rng(f"thief|{at_s}")
    async with town.screen:
        await town.station_up()
        for _ in range(rng.randint(2, 8)):
            old = [one for one in town.oracle.orders if town.oracle.expected(one) == "refuse"]
            if old and rng.random() < 0.6:
                order = rng.choice(old)
                await type_code(town, order.code, order)
            else:
                code = f"{rng.randrange(10**8):08d}"
                if all(code != one.code for one in town.oracle.orders):
                    await type_code(town, code, None)
            await asyncio.sleep(rng.uniform(1, 40))


async def _lurk(town: Town) -> None:
    """Watch for a door that stands open and nobody stands at: only its owner or staff can have left it so."""
    seen: set[str] = set()
    for _ in range(_LOOKS):
        doors = town.cabinet.doors.items()
        found = {label for label, door in doors if door.open and label not in town.busy_doors}
        for label in sorted(found & seen):
            if town.oracle.takes(None, label, Place.PERSON) is not None:
                town.note("stolen from open door", label)
                return
        seen = found
        await asyncio.sleep(_LOOK_EVERY_S)


async def nemesis(town: Town, fault: Fault) -> None:
    """Bring one fault about, and undo it."""
    await asyncio.sleep(fault.at_s)
    town.note("fault", fault.kind, fault.detail, round(fault.for_s))
    if fault.kind in (FaultKind.STOP_STATION, FaultKind.STOP_HUB):
        hub = fault.kind is FaultKind.STOP_HUB
        # Beside this task: whoever heals the world ends the nemesis, not the restart.
        town.later(
            town.cycle_hub(fault.for_s) if hub else town.cycle_station(fault.for_s, cold=False)
        )
    elif fault.kind in (FaultKind.KILL_STATION, FaultKind.KILL_HUB):
        await _kill(town, fault)
    else:
        label = town.rng(f"fault|{fault.at_s}").choice(sorted(town.cabinet.doors))
        _set(town, fault, label, on=True)
        try:
            await asyncio.sleep(fault.for_s)
        finally:
            _set(town, fault, label, on=False)


async def _kill(town: Town, fault: Fault) -> None:
    hub = fault.kind is FaultKind.KILL_HUB
    nth = town.rng(f"fault|{fault.at_s}").choice((1, 1, 1, 2, 3, 7))
    town.arm_kill(fault.detail, nth, fault.for_s, cold=bool(fault.amount), hub=hub)
    await asyncio.sleep(_WAITS_FOR_PLACE_S)
    arm(fault.detail, _nothing)


def _set(town: Town, fault: Fault, label: str, *, on: bool) -> None:
    door = town.cabinet.doors[label]
    if fault.kind is FaultKind.CUT:
        town.wire.cut(on)
    elif fault.kind is FaultKind.BUS:
        town.cabinet.set_mood(BusMood(fault.detail) if on else BusMood.WELL)
    elif fault.kind is FaultKind.JAM:
        door.jammed = on
    elif fault.kind is FaultKind.LATE_DOOR:
        door.late_s = fault.amount if on else 0.0
    elif fault.kind is FaultKind.SENSOR:
        door.sensor = SensorMood(fault.detail) if on else SensorMood.WELL
        town.oracle.blinded()
        town.cabinet.news()
    elif fault.kind is FaultKind.CLOCK:
        town.put_clock(fault.amount if on else 0.0)


def _nothing() -> None:
    return
