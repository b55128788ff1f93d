"""The step `scan`: which ports, what was found, told as a table, kept in the record line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.kit.errors import InvalidError, LinliError
from common.kit.said import Said
from edge.hardware.line import is_tcp, tcp_address
from provisioning.job import Job
from provisioning.known import check_lines
from provisioning.lines import (
    OtherLine,
    TakenOver,
    forgotten,
    kept,
    known_at,
    once_each,
    take_over,
)
from provisioning.ports import serial_ports
from provisioning.record import FoundBus
from provisioning.scan import Wanted, scan_port

_TELL_EVERY = 32


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody says about lines that are known already."""

    at: str | None = None
    """The one port that is scanned is where this line is now."""
    forget: tuple[str, ...] = ()
    """These lines are gone, with all that was learnt on them."""


def wanted(ports: Sequence[str], bauds: Sequence[int], units: str | None, look_s: float) -> Wanted:
    """Return where to look; InvalidError for addresses that cannot be read."""
    chosen = once_each(tuple(map(whole, ports)) or serial_ports())
    if not chosen:
        said = Said("no serial port was found: plug the adapter in, or name one with --port")
        raise InvalidError("provision.no_port", said)
    return Wanted(chosen, tuple(bauds), _range(units), look_s)


def whole(port: str) -> str:
    """Return a path that means the same from every folder; a link stays a link, it outlives the device's number."""
    if is_tcp(port):
        tcp_address(port)
        return port
    if not port or "://" in port:
        text = "%(port)s is no port: give a path (/dev/serial/by-id/...) or tcp://host:port"
        raise InvalidError("provision.no_port", Said(text, port=repr(port)))
    return str(Path(port).absolute())


def _range(units: str | None) -> range | None:
    if units is None:
        return None
    first, _, last = units.partition("-")
    try:
        chosen = range(int(first), int(last or first) + 1)
    except ValueError:
        chosen = range(0)
    if not chosen or chosen.start < 0 or chosen.stop > 256:
        said = Said("%(units)s names no addresses: write 1-40", units=repr(units))
        raise InvalidError("provision.units", said)
    return chosen


async def scan_step(job: Job, what: Wanted, told: Told = Told()) -> bool:
    """Look, tell and keep, port by port; False when something is wrong at one, or two boards have one address."""
    _heed(job, what, told)
    for port in what.ports:
        if await job.leases.take(port) is not None:
            job.talk.tell("leased", "the station lends %(port)s", port=port)
    fine, found = True, []
    try:
        for port in what.ports:
            bus = await _look(job, port, what)
            if bus is None:
                fine = fine and known_at(job.record, port) is None
            elif (taken := _take(job, bus, what, told.at)) is None:
                fine = False
            else:
                found.append(taken.bus)
                fine = fine and not taken.missing
                fine = fine and not any(unit.shared for unit in taken.bus.units)
    finally:
        for port in list(job.leases.held):
            await job.leases.give_back(port, 0.0)
    _sum_up(job, found)
    return bool(found) and fine


def _heed(job: Job, what: Wanted, told: Told) -> None:
    if told.forget:
        job.record = forgotten(job.record, told.forget)
        job.keep()
    if told.at is None:
        return
    check_lines(job.record, [told.at])
    if len(what.ports) != 1:
        said = Said("--as says where one line is now: give one --port")
        raise InvalidError("provision.one_port", said)


async def _look(job: Job, port: str, what: Wanted) -> FoundBus | None:
    """Return what is on a port; None, and why is told: nothing that a line could be."""
    try:
        bus = await scan_port(port, what, lambda *where: _progress(job, *where))
    except (LinliError, OSError) as error:
        job.talk.tell("failed", "%(port)s cannot be used: %(why)s", port=port, why=_why(error))
        bus = None
    else:
        if bus is None:
            job.talk.tell(
                "silent",
                "%(port)s: nothing answers. A line of locks: is everything powered, A and B the right way round? A"
                " scanner, card reader or printer: leave it out, it is set in station.toml",
                port=port,
            )
    if bus is None and (known := known_at(job.record, port)) is not None:
        job.talk.tell(
            "kept_line", "  %(bus)s is known at this port: it stays as it was (scan --forget %(bus)s drops it)",
            bus=known.name,
        )  # fmt: skip
    return bus


def _why(error: LinliError | OSError) -> str:
    """Return why a port cannot be used; without the name of the line, which it has not got yet."""
    if isinstance(error, LinliError):
        why = error.params.get("why")
        return why if isinstance(why, str) else error.detail
    return error.strerror or str(error) or type(error).__name__


def _progress(job: Job, port: str, baud: int, protocol: str, done: int, of: int) -> None:
    if job.talk.as_json and (done % _TELL_EVERY == 0 or done == of):
        job.talk.tell("asked", "", port=port, baud=baud, protocol=protocol, done=done, of=of)
    job.talk.progress(
        "%(port)s at %(baud)s baud: %(protocol)s, address %(done)s of %(of)s",
        port=port, baud=baud, protocol=protocol, done=done, of=of,
    )  # fmt: skip


def _take(job: Job, bus: FoundBus, what: Wanted, name: str | None) -> TakenOver | None:
    """Keep a line and tell what is on it; None: it is another one than was learnt there, and nothing is kept."""
    taken = take_over(job.record, bus, name, asked=what.units)
    if isinstance(taken, OtherLine):
        job.talk.tell(
            "other_line",
            "%(port)s: these are not the boards of %(bus)s (learnt: %(was)s, here: %(now)s). Nothing was changed."
            " The right port for it? One board swapped: linli provision replace. Other boards for good: scan --forget"
            " %(bus)s",
            port=bus.port, bus=taken.name, was=taken.was, now=taken.now,
        )  # fmt: skip
        return None
    job.record = kept(job.record, taken.bus)
    job.keep()
    _tell_bus(job, taken.bus)
    for unit in taken.missing:
        job.talk.tell(
            "missing_unit",
            "  %(unit)s: doors or probes were learnt there, and it does not answer now; it is kept",
            unit=unit, bus=taken.bus.name,
        )  # fmt: skip
    return taken


def _sum_up(job: Job, found: Sequence[FoundBus]) -> None:
    talk, units = job.talk, sum(len(bus.units) for bus in found)
    if found:
        talk.tell(
            "scanned", "%(buses)s line(s), %(units)s device(s). Next: linli provision learn",
            buses=len(found), units=units,
        )  # fmt: skip
    else:
        talk.tell("scanned", "no line was found", buses=0, units=0)


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
