"""Which probe hangs in which zone: from the drawing, the readings and a person's word."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from common.contract.words import Quality
from edge.hardware.ports import ProbeReading
from edge.instruments import OWN_PROBE_DRIVERS
from provisioning.bench import Workbench
from provisioning.job import Job
from provisioning.profiled import PROFILES, is_profiled
from provisioning.record import DrawnZone, FoundUnit, LearntProbe

_AMBIENT_C = 22.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One probe and what it says now."""

    bus: str
    unit: int
    kind: str
    channel: int | None
    """From 0; None: the unit has this one probe."""
    reading: ProbeReading

    @property
    def place(self) -> str:
        """Return what a technician types."""
        unit = f"{self.bus}/{self.unit}"
        return unit if self.channel is None else f"{unit}/{self.channel + 1}"

    def said(self) -> str:
        """Return place and reading for a person."""
        warm = self.reading.temperature_c
        return f"{self.place}: {self.reading.quality.value if warm is None else f'{warm} °C'}"


async def learn_probes(job: Job, bench: Workbench) -> bool:
    """Give every zone of the drawing a probe; True when all have one that answers."""
    known = {probe.zone for probe in job.record.probes}
    left = [zone for zone in job.record.drawing.zone if zone.name not in known]
    if not left:
        return bool(job.record.drawing.zone)
    seen = await _readings(job, bench)
    for zone in left:
        if (probe := await _probe_of(job, zone, left, seen)) is None:
            job.talk.tell(
                "no_probe", "zone %(zone)s has no probe: look at its wires and scan again",
                zone=zone.name,
            )  # fmt: skip
            continue
        seen.remove(probe)
        learnt = LearntProbe(
            zone=zone.name, bus=probe.bus, unit=probe.unit, kind=probe.kind,
            channel=probe.channel or 0,
        )  # fmt: skip
        job.keep(probes=(*job.record.probes, learnt))
        job.talk.tell(
            "probe_learnt", "  zone %(zone)s: probe %(probe)s", zone=zone.name, probe=probe.place
        )
    return len(job.record.probes) >= len(job.record.drawing.zone)


async def _readings(job: Job, bench: Workbench) -> list[Seen]:
    taken = {(probe.bus, probe.unit, probe.channel) for probe in job.record.probes}
    seen = []
    for bus in job.record.buses:
        for unit in bus.units:
            if bus.name in bench.owners and not unit.shared:
                seen += await _of_unit(bench, bus.name, unit, taken)
    return seen


async def _of_unit(
    bench: Workbench, bus: str, unit: FoundUnit, taken: Set[tuple[str, int, int]]
) -> list[Seen]:
    """Read every probe of a unit that hangs nowhere yet; empty places of a module are passed over."""
    several = False
    if unit.kind in OWN_PROBE_DRIVERS:
        channels = [0]
    elif is_profiled(unit.kind):
        channels = sorted(PROFILES[unit.kind].probes)
        several = len(channels) > 1
    else:
        return []
    found = []
    for channel in channels:
        if (bus, unit.unit, channel) in taken:
            continue
        reading = await bench.probe(bus, unit.unit, unit.kind, "", channel).read()
        if reading.quality is Quality.GOOD or not several:
            found.append(Seen(bus, unit.unit, unit.kind, channel if several else None, reading))
    return found


async def _probe_of(
    job: Job, zone: DrawnZone, left: Sequence[DrawnZone], seen: Sequence[Seen]
) -> Seen | None:
    """Ask; the guess is the probe whose reading is nearest to what the zone is set to."""
    if not seen:
        return None
    name = zone.name_zh if job.talk.texts.lang.value.startswith("zh") else zone.name_en
    guess = min(seen, key=lambda one: distance(zone, one.reading))
    places = {one.place: one for one in seen}
    if len(places) == 1 and len(left) == 1:
        return guess
    while True:
        answer = await job.talk.ask(
            "probe_of_zone", "Which probe hangs in zone %(name)s? %(probes)s",
            default=guess.place, zone=zone.name, name=name, probes=[one.said() for one in seen],
        )  # fmt: skip
        if answer in places:
            return places[answer]
        job.talk.tell("no_such_probe", "there is no probe %(probe)s", probe=answer)


def distance(zone: DrawnZone, reading: ProbeReading) -> float:
    """Return how far a reading is from what the zone is set to, in K; a bad one is far from everything."""
    if reading.quality is not Quality.GOOD or reading.temperature_c is None:
        return 1000.0
    wanted_c = _AMBIENT_C if zone.set_point_c is None else zone.set_point_c
    return abs(reading.temperature_c - wanted_c)
