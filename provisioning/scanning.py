"""The step `scan`: which ports, what was found, told as a table, kept in the record."""

from collections.abc import Sequence
from pathlib import Path

from common.kit.errors import InvalidError
from edge.hardware.line import is_tcp
from provisioning.job import Job
from provisioning.ports import serial_ports
from provisioning.record import FoundBus
from provisioning.scan import Scanned, Wanted, scan

_TELL_EVERY = 32


def wanted(ports: Sequence[str], bauds: Sequence[int], units: str | None, look_s: float) -> Wanted:
    """Return where to look; InvalidError for addresses that cannot be read."""
    chosen = tuple(map(whole, ports)) or serial_ports()
    if not chosen:
        said = "no serial port was found: plug the adapter in, or name one with --port"
        raise InvalidError("provision.no_port", said)
    return Wanted(chosen, tuple(bauds), _range(units), look_s)


def whole(port: str) -> str:
    """Return a path that means the same from every folder; a link stays a link, it outlives the device's number."""
    return port if is_tcp(port) else str(Path(port).absolute())


def _range(units: str | None) -> range | None:
    if units is None:
        return None
    first, _, last = units.partition("-")
    try:
        chosen = range(int(first), int(last or first) + 1)
    except ValueError:
        chosen = range(0)
    if not chosen or chosen.start < 0 or chosen.stop > 256:
        raise InvalidError("provision.units", f"{units!r} names no addresses: write 1-40")
    return chosen


async def scan_step(job: Job, what: Wanted) -> bool:
    """Look, keep and tell; False when a port could not be opened, or two boards have one address."""
    for port in what.ports:
        if await job.leases.take(port) is not None:
            job.talk.tell("leased", "the station lends %(port)s", port=port)
    try:
        found = await scan(what, lambda *where: _progress(job, *where))
    finally:
        for port in list(job.leases.held):
            await job.leases.give_back(port, 0.0)
    _keep(job, found)
    _tell(job, found)
    shared = any(unit.shared for bus in found.buses for unit in bus.units)
    return bool(found.buses) and not shared and not found.failed


def _progress(job: Job, port: str, baud: int, protocol: str, done: int, of: int) -> None:
    if job.talk.as_json and (done % _TELL_EVERY == 0 or done == of):
        job.talk.tell("asked", "", port=port, baud=baud, protocol=protocol, done=done, of=of)
    job.talk.progress(
        "%(port)s at %(baud)s baud: %(protocol)s, address %(done)s of %(of)s",
        port=port, baud=baud, protocol=protocol, done=done, of=of,
    )  # fmt: skip


def _keep(job: Job, found: Scanned) -> None:
    """Take over what was found; a bus that was known keeps its name, and what was learnt stays while it is there."""
    known = {bus.port: bus.name for bus in job.record.buses}
    taken, named = set(known.values()), []
    for bus in found.buses:
        name = known.get(bus.port) or next(
            f"bus{n}" for n in range(len(taken) + 1) if f"bus{n}" not in taken
        )
        taken.add(name)
        named.append(bus.model_copy(update={"name": name}))
    asked = {bus.port for bus in found.buses} | set(found.silent) | set(found.failed)
    others = [bus for bus in job.record.buses if bus.port not in asked]
    found.buses = named
    job.keep(buses=tuple(sorted([*others, *named], key=lambda bus: bus.name)))


def _tell(job: Job, found: Scanned) -> None:
    talk = job.talk
    for bus in found.buses:
        _tell_bus(job, bus)
    for port in found.silent:
        talk.tell(
            "silent",
            "%(port)s: nothing answers; is everything powered, A and B the right way round?",
            port=port,
        )
    for port, why in found.failed.items():
        talk.tell("failed", "%(port)s cannot be used: %(why)s", port=port, why=why)
    talk.tell(
        "scanned",
        "%(buses)s line(s), %(units)s device(s). Next: linli provision learn",
        buses=len(found.buses),
        units=sum(len(bus.units) for bus in found.buses),
    )


def _tell_bus(job: Job, bus: FoundBus) -> None:
    talk = job.talk
    talk.tell(
        "bus", "%(bus)s: %(port)s, %(baud)s baud, %(protocol)s",
        bus=bus.name, port=bus.port, baud=bus.baud, protocol=bus.protocol.value,
    )  # fmt: skip
    if bus.local_echo:
        talk.tell("echo", "  the adapter hears itself; its echo is cut off", bus=bus.name)
    for unit in bus.units:
        if talk.as_json:
            talk.tell("unit", "", bus=bus.name, **unit.model_dump())
        sure = talk.texts.gettext(unit.sure)
        talk.raw(f"  {unit.unit:4}  {unit.kind or '?':<16} {sure:<8} {unit.seen}")
        if unit.shared:
            talk.tell(
                "shared",
                "  %(unit)s: two boards have this address! Take one off and give it another (linli provision address)",
                unit=unit.unit, bus=bus.name,
            )  # fmt: skip
