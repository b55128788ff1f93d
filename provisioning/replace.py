"""The step `replace`: a board was swapped; its doors keep their places, and are tried again before they count.

A daemon machine is swapped by `backup` and `restore`.
"""

from common.kit.errors import ConflictError, InvalidError
from common.kit.said import Said
from provisioning.job import Job
from provisioning.known import board_of
from provisioning.record import FoundBus, FoundUnit
from provisioning.scan import Wanted, look_at, units_of


async def replace_step(job: Job, board: str, new_unit: int | None) -> bool:
    """Take the board that is there now for the one that was; ConflictError unless it is of the same kind."""
    bus, old = board_of(job.record, board)
    unit = old.unit if new_unit is None else new_unit
    if unit not in units_of(bus.protocol):
        there = units_of(bus.protocol)
        text = "%(unit)s is no address on %(bus)s: %(first)s to %(last)s"
        wrong = Said(text, unit=unit, bus=bus.name, first=there[0], last=there[-1])
        raise InvalidError("provision.units", wrong)
    if unit != old.unit and any(one.unit == unit for one in bus.units):
        taken = Said("%(bus)s/%(unit)s is another device", bus=bus.name, unit=unit)
        raise ConflictError("provision.address_taken", taken)
    if await job.leases.take(bus.port) is not None:
        job.talk.tell("leased", "the station lends %(port)s", port=bus.port)
    try:
        found = await look_at(bus, Wanted((bus.port,), units=range(unit, unit + 1)))
    finally:
        for held in list(job.leases.held):
            await job.leases.give_back(held, 0.0)
    if found is None or found.kind != old.kind or found.shared:
        raise ConflictError("provision.other_board", _other(bus, unit, old, found))
    labels = swapped(job, bus, old, found)
    job.talk.tell(
        "replaced",
        "%(seen)s stands for board %(old)s now. Try its doors (%(doors)s): linli provision test, then config",
        seen=found.seen, old=board, doors=labels,
    )  # fmt: skip
    for one in job.record.calibrations:
        if f"{one.probe}/".startswith(f"{board}/") and one.record and one.record.kind == "offset":
            job.talk.tell(
                "offset_stands",
                "Probe %(probe)s still has the old one's offset: compare the new one (linli provision calibrate)",
                probe=one.probe,
            )  # fmt: skip
    return True


def _other(bus: FoundBus, unit: int, old: FoundUnit, found: FoundUnit | None) -> Said:
    text = "%(bus)s/%(unit)s: %(seen)s; a %(kind)s is wanted there. Nothing was changed"
    seen = Said("nothing answers") if found is None else found.seen
    return Said(text, bus=bus.name, unit=unit, seen=seen, kind=old.kind)


def swapped(job: Job, bus: FoundBus, old: FoundUnit, new: FoundUnit) -> list[str]:
    """Put the new board into the record; return the doors that have to be tried again."""
    record, labels = job.record, []
    doors = []
    for door in record.doors:
        touched = door.bus == bus.name and old.unit in (door.unit, door.sensor_unit)
        if touched:
            labels.append(door.label)
        moved = {
            name: new.unit
            for name in ("unit", "sensor_unit")
            if touched and getattr(door, name) == old.unit
        }
        doors.append(door.model_copy(update=moved))
    units = tuple(new if one.unit == old.unit else one for one in bus.units)
    buses = tuple(
        one.model_copy(update={"units": units}) if one.name == bus.name else one
        for one in record.buses
    )
    probes = tuple(
        one.model_copy(update={"unit": new.unit})
        if (one.bus, one.unit) == (bus.name, old.unit)
        else one
        for one in record.probes
    )
    tested = record.tested
    if tested is not None:
        kept = tuple(one for one in tested.doors if one.label not in labels)
        tested = tested.model_copy(update={"doors": kept})
    job.keep(buses=buses, doors=tuple(doors), probes=probes, tested=tested)
    return labels
