"""Controllers, meters and scales that were found: which zone each belongs to, by its reading and a person's word."""

from provisioning.bench import Workbench
from provisioning.job import Job
from provisioning.plate import learn_scale
from provisioning.profiled import PROFILES, is_profiled
from provisioning.record import DrawnZone, FoundUnit, LearntDevice
from provisioning.zones import distance

NO_ZONE = "-"
"""What a technician types for a device that belongs to no single zone."""


async def learn_devices(job: Job, bench: Workbench) -> None:
    """Ask for the zone of every controller and meter, and the plate of a scale, that is not known yet."""
    known = {(one.bus, one.unit) for one in job.record.devices}
    for bus in job.record.buses:
        for unit in bus.units:
            place = (bus.name, unit.unit)
            if bus.name in bench.owners and place not in known and _is_device(unit):
                if PROFILES[unit.kind].weight is None:
                    await _learn(job, bench, bus.name, unit)
                else:
                    await learn_scale(job, bus.name, unit)


def _is_device(unit: FoundUnit) -> bool:
    return (
        is_profiled(unit.kind) and not unit.shared and PROFILES[unit.kind].device.family != "probes"
    )


async def _learn(job: Job, bench: Workbench, bus: str, unit: FoundUnit) -> None:
    family = PROFILES[unit.kind].device.family
    zones = {zone.name: zone for zone in job.record.drawing.zone}
    answer = await job.talk.ask(
        "zone_of_device", "Which zone does %(device)s belong to? %(zones)s, or - for none",
        default=await _guess(job, bench, bus, unit), device=f"{bus}/{unit.unit} {unit.seen}",
        zones=", ".join(zones),
    )  # fmt: skip
    while answer not in (*zones, NO_ZONE):
        job.talk.tell("no_such_zone", "there is no zone %(zone)s", zone=answer)
        answer = await job.talk.ask(
            "zone_of_device", "Which zone does %(device)s belong to? %(zones)s, or - for none",
            default=NO_ZONE, device=f"{bus}/{unit.unit}", zones=", ".join(zones),
        )  # fmt: skip
    zone = None if answer == NO_ZONE else answer
    name = f"{family}-{bus}-{unit.unit}"[:20]
    learnt = LearntDevice(name=name, bus=bus, unit=unit.unit, kind=unit.kind, zone=zone)
    job.keep(devices=(*job.record.devices, learnt))
    job.talk.tell("device_learnt", "  %(device)s: %(zone)s", device=name, zone=answer)


async def _guess(job: Job, bench: Workbench, bus: str, unit: FoundUnit) -> str:
    """Return the zone whose set point the controller's own air is nearest to; of a meter nothing is known."""
    profile, zones = PROFILES[unit.kind], job.record.drawing.zone
    if profile.device.family != "controller" or not zones:
        return NO_ZONE
    channel = min(profile.probes, default=None)
    if channel is None:
        return NO_ZONE
    reading = await bench.probe(bus, unit.unit, unit.kind, "", channel).read()

    def away(zone: DrawnZone) -> float:
        return distance(zone, reading)

    return min(zones, key=away).name
