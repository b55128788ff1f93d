"""The step `test`: every door opens and shuts n times, probes say something plausible, devices do their work once.

Figures for the report.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from common.contract.words import Quality
from common.kit.errors import InvalidError
from common.kit.said import Said, listed
from edge.hardware.ports import PulseResult
from provisioning.bench import Workbench, open_bench
from provisioning.contacts import goes_back, settled, wait_moved
from provisioning.equipment import tell_equipment, try_equipment
from provisioning.job import Job
from provisioning.known import check_doors
from provisioning.parts import DEVICES, Part
from provisioning.record import DoorCycles, LastTest, LearntDoor, LearntProbe, ProbeSeen
from provisioning.station_file import load_settings

READINGS = 3
SPREAD_C = 1.0
PLAUSIBLE_C = (-40.0, 60.0)


def whole(door: DoorCycles) -> bool:
    """Tell whether a door did everything it was told."""
    return door.pulses > 0 and door.pulses == door.opened == door.shut


async def try_step(
    job: Job,
    *,
    cycles: int,
    technician: str,
    labels: Sequence[str],
    again: bool,
    config: Path | None = None,
    parts: Collection[Part] = (),
) -> bool:
    """Try `parts` (none: all); what did well before is not tried again without `again`. True: all did well.

    Devices are those of the settings at `config`; without it only doors and probes are tried.
    """
    chosen = set(parts or Part)
    check_doors(job.record, labels)
    if config is None and (asked := [part.value for part in DEVICES if part in parts]):
        text = "give --config station.toml: it says where these hang: %(devices)s"
        raise InvalidError("provision.no_settings", Said(text, devices=listed(asked)))
    settings = None if config is None else load_settings(config)
    doors = [door for door in job.record.doors if not labels or door.label in labels]
    doors = doors if Part.DOORS in chosen else []
    probes = job.record.probes if Part.PROBES in chosen else ()
    await _try_lines(job, doors, probes, cycles, again=again)
    if settings is not None:
        await try_equipment(job, settings, chosen, again=again)
    _keep(job, technician)
    return _sum_up(job, chosen)


async def _try_lines(
    job: Job,
    doors: Sequence[LearntDoor],
    probes: Sequence[LearntProbe],
    cycles: int,
    *,
    again: bool,
) -> None:
    buses = {door.bus for door in doors} | {probe.bus for probe in probes}
    async with open_bench(job, buses) as bench:
        for door in doors:
            before = _before(job, door.label)
            if before is None or again or not (whole(before) and before.pulses >= cycles):
                _keep(job, door=await _try_door(job, bench, door, cycles))
        if probes:
            _keep(job, probes=[await _try_probe(bench, one) for one in probes])


def _before(job: Job, label: str) -> DoorCycles | None:
    tested = job.record.tested
    return next((one for one in tested.doors if one.label == label), None) if tested else None


async def _try_door(job: Job, bench: Workbench, door: LearntDoor, cycles: int) -> DoorCycles:
    board = bench.boards.get((door.bus, door.unit))
    if board is None:
        job.talk.tell("board_gone", "%(label)s: its board is gone; scan again", label=door.label)
        return DoorCycles(label=door.label, pulses=1, opened=0, shut=0)
    place, opened, shut = (door.sensor_unit, door.sensor_channel), 0, 0
    latencies: list[int] = []
    await _shut_first(job, bench, door)
    for _ in range(cycles):
        before = await settled(bench, door.bus)
        result = await bench.pulse(board, door.channel, door.pulse_ms)
        if result in (PulseResult.NOT_SENT, PulseResult.REJECTED):
            continue
        moved = await wait_moved(bench, door.bus, before)
        if moved.inputs != {place: bool(door.open_level)}:
            await job.talk.ask("shut_all", "Shut them all, then press Enter.")
            continue
        opened += 1
        latencies.append(moved.after_ms)
        await job.talk.ask(
            "shut_door", "Now shut %(label)s by hand, then press Enter.", label=door.label
        )
        shut += await goes_back(bench, door.bus, before, moved.inputs)
    done = DoorCycles(
        label=door.label, pulses=cycles, opened=opened, shut=shut, latencies_ms=tuple(latencies)
    )
    job.talk.tell(
        "door_tested", "  %(label)s: %(pulses)s pulses, opened %(opened)s, shut %(shut)s, %(ms)s ms",
        label=door.label, pulses=cycles, opened=opened, shut=shut, ms=latencies,
    )  # fmt: skip
    return done


async def _shut_first(job: Job, bench: Workbench, door: LearntDoor) -> None:
    now = await settled(bench, door.bus)
    if now.get((door.sensor_unit, door.sensor_channel)) == bool(door.open_level):
        await job.talk.ask(
            "shut_door", "Now shut %(label)s by hand, then press Enter.", label=door.label
        )


async def _try_probe(bench: Workbench, probe: LearntProbe) -> ProbeSeen:
    driver = bench.probe(probe.bus, probe.unit, probe.kind, probe.zone, probe.channel)
    readings = [await driver.read() for _ in range(READINGS)]
    said = [one.temperature_c for one in readings if one.temperature_c is not None]
    last = readings[-1]
    in_range = all(PLAUSIBLE_C[0] <= one <= PLAUSIBLE_C[1] for one in said)
    steady = len(said) == READINGS and max(said) - min(said) <= SPREAD_C
    return ProbeSeen(
        zone=probe.zone, quality=last.quality.value, temperature_c=last.temperature_c,
        humidity_pct=last.humidity_pct,
        plausible=last.quality is Quality.GOOD and in_range and steady,
    )  # fmt: skip


def _keep(
    job: Job,
    technician: str = "",
    *,
    door: DoorCycles | None = None,
    probes: Sequence[ProbeSeen] | None = None,
) -> None:
    at = job.clock.wall().isoformat(timespec="seconds")
    old = job.record.tested or LastTest(at=at, technician="", doors=(), probes=())
    doors = {one.label: one for one in old.doors} | ({door.label: door} if door else {})
    news = {
        "at": at,
        "technician": technician or old.technician,
        "doors": tuple(doors.values()),
        "probes": old.probes if probes is None else tuple(probes),
    }
    job.keep(tested=old.model_copy(update=news))


def _sum_up(job: Job, parts: Collection[Part]) -> bool:
    """Say how all of `parts` did, also what was tried earlier."""
    tested = job.record.tested
    assert tested is not None
    known = {door.label for door in job.record.doors}
    bad = [one.label for one in tested.doors if one.label in known and not whole(one)]
    missing = sorted(known - {one.label for one in tested.doors})
    for probe in tested.probes if Part.PROBES in parts else ():
        job.talk.tell(
            "probe_tested", "  zone %(zone)s: %(quality)s %(warm)s °C",
            zone=probe.zone, quality=probe.quality, warm=probe.temperature_c,
            plausible=probe.plausible,
        )  # fmt: skip
    odd = [one.zone for one in tested.probes if not one.plausible]
    devices = tell_equipment(job, tested.devices)
    if not tested.devices:
        job.talk.line(
            "Scale, printer, scanner, card reader and camera: not tried, for that give --config."
        )
    job.talk.tell(
        "tested", "%(well)s door(s) well; not well: %(bad)s; not tried: %(missing)s; look at: %(probes)s; %(devices)s",
        well=len(tested.doors) - len(bad), bad=bad, missing=missing, probes=odd, devices=devices,
    )  # fmt: skip
    doors_fine = Part.DOORS not in parts or (bool(tested.doors) and not (bad or missing))
    return doors_fine and not (Part.PROBES in parts and odd) and not devices
