"""Which line is which: what a scan may take over from what it has found.

A line on which something was learnt is never dropped, given to other boards, or its name to another line: the doors of
`station.toml` hang on that name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.hardware.line import is_tcp
from provisioning.known import check_lines
from provisioning.record import (
    FoundBus,
    FoundUnit,
    LearntDevice,
    LearntDoor,
    LearntProbe,
    Record,
)


@dataclass(frozen=True, slots=True)
class TakenOver:
    """The line as it stands in the record now, and which of its boards did not answer this time."""

    bus: FoundBus
    missing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class OtherLine:
    """What answers is not what was learnt there; nothing is changed."""

    name: str
    was: str
    now: str


def same_port(one: str, other: str) -> bool:
    """Tell whether two names lead to one port; a link and the device behind it do."""
    if one == other or is_tcp(one) or is_tcp(other):
        return one == other
    return Path(one).resolve() == Path(other).resolve()


def once_each(ports: Iterable[str]) -> tuple[str, ...]:
    """Return the ports without those that an earlier name leads to already."""
    chosen: list[str] = []
    for port in ports:
        if not any(same_port(port, other) for other in chosen):
            chosen.append(port)
    return tuple(chosen)


def known_at(record: Record, port: str) -> FoundBus | None:
    """Return the line of the record at a port."""
    return next((bus for bus in record.buses if same_port(bus.port, port)), None)


def learnt_kinds(record: Record, name: str) -> dict[int, set[str]]:
    """Return address → kinds of what was learnt on a line."""
    kinds: dict[int, set[str]] = {}
    for door in record.doors:
        if door.bus == name:
            kinds.setdefault(door.unit, set()).add(door.kind)
            kinds.setdefault(door.sensor_unit, set()).add(door.sensor_kind)
    parts: tuple[LearntProbe | LearntDevice, ...] = (*record.probes, *record.devices)
    for part in parts:
        if part.bus == name:
            kinds.setdefault(part.unit, set()).add(part.kind)
    return kinds


def take_over(
    record: Record, found: FoundBus, name: str | None = None, *, asked: range | None = None
) -> TakenOver | OtherLine:
    """Judge a line that was found; `name`: it is this one of the record, at another port.

    `asked`: only these addresses were; None: all.
    """
    old = record.bus(name) if name is not None else known_at(record, found.port)
    if old is None:
        return TakenOver(found.model_copy(update={"name": _fresh_name(record)}))
    learnt = learnt_kinds(record, old.name)
    if learnt and found.protocol is not old.protocol:
        return OtherLine(old.name, old.protocol.value, found.protocol.value)
    here = {unit.unit: unit for unit in found.units}
    for unit, kinds in learnt.items():
        kind = here[unit].kind if unit in here else ""
        if kind and kind not in kinds:
            was, now = (f"{unit} {kind}" for kind in (", ".join(sorted(kinds)), kind))
            return OtherLine(old.name, was, now)
    silent = learnt.keys() - here.keys()
    missing = tuple(sorted(unit for unit in silent if asked is None or unit in asked))
    if name is not None and missing:
        return OtherLine(old.name, _units(learnt), _units(here))
    stays: list[FoundUnit] = [
        unit
        for unit in old.units
        if unit.unit in silent or (asked is not None and unit.unit not in {*asked, *here})
    ]
    units = tuple(sorted([*found.units, *stays], key=lambda unit: unit.unit))
    return TakenOver(found.model_copy(update={"name": old.name, "units": units}), missing)


def kept(record: Record, bus: FoundBus) -> Record:
    """Return the record with a line; at another port than before its doors have to be tried again."""
    old = record.bus(bus.name)
    others = [one for one in record.buses if one.name != bus.name]
    record = record.with_(buses=tuple(sorted([*others, bus], key=lambda one: one.name)))
    if old is None or same_port(old.port, bus.port):
        return record
    return untried(record, {door.label for door in record.doors if door.bus == bus.name})


def untried(record: Record, labels: Iterable[str]) -> Record:
    """Return the record without the last test's word on some doors."""
    if record.tested is None:
        return record
    doors = tuple(one for one in record.tested.doors if one.label not in set(labels))
    return record.with_(tested=record.tested.model_copy(update={"doors": doors}))


def forgotten(record: Record, names: Iterable[str]) -> Record:
    """Return the record without some lines and all that was learnt on them; InvalidError for one that is not there."""
    gone = set(names)
    check_lines(record, gone)
    record = untried(record, {door.label for door in record.doors if door.bus in gone})
    parts = ("doors", "odd", "probes", "devices")
    left = {p: tuple(one for one in getattr(record, p) if one.bus not in gone) for p in parts}
    return record.with_(buses=tuple(bus for bus in record.buses if bus.name not in gone), **left)


def _fresh_name(record: Record) -> str:
    parts: tuple[LearntDoor | LearntProbe | LearntDevice, ...]
    parts = (*record.doors, *record.probes, *record.devices)
    taken = {bus.name for bus in record.buses} | {part.bus for part in parts}
    return next(name for n in range(len(taken) + 1) if (name := f"bus{n}") not in taken)


def _units(units: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(units)))
