"""Impatient people at one door, a daemon that is restarted meanwhile: what the coil gets is counted on its own wire."""

import asyncio
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from common.contract.words import ActorKind, Purpose
from common.kit.chance import seeded_chance
from common.kit.errors import ConflictError
from common.kit.sqlite import SqliteDb
from edge.doors import DDL, Doors, DoorWish
from edge.doors.duty import WINDOW_S
from edge.hardware.build import build_hardware
from edge.sync import DDL as SYNC_DDL
from edge.sync import Outbox
from linli.drill.busnoise.stand import STATION_ID, Stand

LASTS_S, RESTART_AFTER_S, LABEL = 150.0, 4.0, "A02"
_SLACK_S = 0.05


async def wear_out(stand: Stand, folder: Path) -> list[str]:
    """Ask for one door as fast as people can for `LASTS_S`, restart twice; return what its coil should not have got."""
    db = SqliteDb(folder / "state.db", inline=True, synchronous="OFF")
    db.write_now(lambda conn: [conn.execute(one) for one in (*SYNC_DDL, *DDL)])
    began = len(stand.cabinet.witness.pulses)
    try:
        for boot, lasts_s in enumerate((RESTART_AFTER_S, RESTART_AFTER_S, LASTS_S), 1):
            stand.clock.boot_id = f"boot-{boot}"
            await _life(stand, db, lasts_s)
    finally:
        db.close()
    return _judge(stand, began)


async def _life(stand: Stand, db: SqliteDb, lasts_s: float) -> None:
    chance, clock = seeded_chance("duty"), stand.clock
    outbox = Outbox(db, clock, chance, STATION_ID)
    await outbox.boot()
    hardware = build_hardware(stand.station, stand.line)
    doors = Doors(db, hardware.door_bus, outbox, stand.station.doors, clock, chance)
    wires = asyncio.create_task(hardware.run())
    await doors.start()
    jobs = [asyncio.create_task(doors.run()), asyncio.create_task(_impatient(stand, db, doors))]
    await asyncio.sleep(lasts_s)
    for job in (*jobs, wires):
        job.cancel()
    for end in await asyncio.gather(*jobs, wires, return_exceptions=True):
        if end is not None and not isinstance(end, asyncio.CancelledError):
            raise end


async def _impatient(stand: Stand, db: SqliteDb, doors: Doors) -> None:
    wish = DoorWish(LABEL, ActorKind.RESIDENT, "", Purpose.PICKUP, "again", None)
    while True:
        await asyncio.sleep(0.2)
        if stand.is_open(LABEL):
            stand.cabinet.push(LABEL)
        with suppress(ConflictError):
            await db.write(lambda conn: doors.request_tx(conn, wish))
            doors.kick()


def _judge(stand: Stand, began: int) -> list[str]:
    settings, pulse_s = stand.station.doors, stand.hardware.door_bus.pulse_s(LABEL)
    stand.cabinet.settle_now()
    times_s = [one.at_s for one in stand.cabinet.witness.pulses[began:]]
    stand.cabinet.witness.pulses.clear()
    found = [] if len(times_s) > 2 else [f"door {LABEL} was pulsed {len(times_s)} times only"]
    for count, at_s in enumerate(times_s):
        within = [one for one in times_s[: count + 1] if one > at_s - WINDOW_S + _SLACK_S]
        if len(within) > settings.max_pulses_per_min:
            found.append(f"the coil of {LABEL} got {len(within)} pulses in a minute")
            break
    least_s = pulse_s * (1 + settings.min_off_pulses)
    rests = [later - earlier for earlier, later in pairwise(times_s)]
    if rests and min(rests) < least_s - _SLACK_S:
        found.append(f"the coil of {LABEL} got two pulses {min(rests):.2f} s apart")
    return found
