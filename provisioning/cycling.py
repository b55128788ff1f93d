"""The step `test`: every door opens and shuts n times, probes say something plausible; figures for the report."""

from collections.abc import Sequence

from common.contract.words import Quality
from edge.hardware.ports import PulseResult
from provisioning.bench import Workbench, open_bench
from provisioning.contacts import goes_back, settled, wait_moved
from provisioning.job import Job
from provisioning.record import DoorCycles, LastTest, LearntDoor, LearntProbe, ProbeSeen

READINGS = 3
SPREAD_C = 1.0
PLAUSIBLE_C = (-40.0, 60.0)


def whole(door: DoorCycles) -> bool:
    """Tell whether a door did everything it was told."""
    return door.pulses > 0 and door.pulses == door.opened == door.shut


async def try_step(
    job: Job, *, cycles: int, technician: str, labels: Sequence[str], again: bool
) -> bool:
    """Try doors and probes; one that did well before is not tried again without `again`. True: all did well."""
    doors = [door for door in job.record.doors if not labels or door.label in labels]
    buses = {door.bus for door in doors} | {probe.bus for probe in job.record.probes}
    async with open_bench(job, buses) as bench:
        for door in doors:
            before = _before(job, door.label)
            if before is None or again or not (whole(before) and before.pulses >= cycles):
                _keep(job, technician, door=await _try_door(job, bench, door, cycles))
        _keep(job, technician, probes=[await _try_probe(bench, one) for one in job.record.probes])
    return _sum_up(job)


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
    technician: str,
    *,
    door: DoorCycles | None = None,
    probes: Sequence[ProbeSeen] | None = None,
) -> None:
    at = job.clock.wall().isoformat(timespec="seconds")
    old = job.record.tested or LastTest(at=at, technician=technician, doors=(), probes=())
    doors = {one.label: one for one in old.doors} | ({door.label: door} if door else {})
    tested = LastTest(
        at=at,
        technician=technician or old.technician,
        doors=tuple(doors.values()),
        probes=old.probes if probes is None else tuple(probes),
    )
    job.keep(tested=tested)


def _sum_up(job: Job) -> bool:
    tested = job.record.tested
    assert tested is not None
    known = {door.label for door in job.record.doors}
    bad = [one.label for one in tested.doors if one.label in known and not whole(one)]
    missing = sorted(known - {one.label for one in tested.doors})
    for probe in tested.probes:
        job.talk.tell(
            "probe_tested", "  zone %(zone)s: %(quality)s %(warm)s °C",
            zone=probe.zone, quality=probe.quality, warm=probe.temperature_c,
            plausible=probe.plausible,
        )  # fmt: skip
    odd = [one.zone for one in tested.probes if not one.plausible]
    job.talk.line("Camera, scale, scanner and printer: not fitted, not tested.")
    job.talk.tell(
        "tested", "%(well)s door(s) well; not well: %(bad)s; not tried: %(missing)s; probes to look at: %(probes)s",
        well=len(tested.doors) - len(bad), bad=bad, missing=missing, probes=odd,
    )  # fmt: skip
    return bool(tested.doors) and not (bad or missing or odd)
