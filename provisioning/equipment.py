"""Scale, printer, scanner, card reader and camera in a test: those of `station.toml`, by the station's own drivers.

Each is kept in the record as soon as it is tried, so an interruption loses at most the one at hand.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from functools import partial

from edge.config import BusSection, StationConfig
from edge.hardware.line import Line, open_line
from edge.hardware.peripherals import LOOK_S, Peripherals
from edge.peripherals import WEDGE
from provisioning.camera_trial import try_camera
from provisioning.device_words import NAMES, OUTCOMES, said_of
from provisioning.hand_trials import try_card_reader, try_printer, try_scanner, try_wedge
from provisioning.job import Job
from provisioning.parts import DEVICES, ON_PORTS, Part
from provisioning.record import LastTest
from provisioning.tried import DeviceTried
from provisioning.weigh_trial import WeighTrial

Lines = Callable[[BusSection], Line]


async def try_equipment(
    job: Job,
    config: StationConfig,
    parts: Collection[Part],
    *,
    again: bool = False,
    lines: Lines = open_line,
) -> None:
    """Try the devices among `parts`; what did well before is not tried again without `again`."""
    wanted = [part for part in DEVICES if part in parts]
    missing = [part for part in wanted if getattr(config, part) is None]
    _keep(job, *(DeviceTried.of(part, "not_fitted", "not_in_settings") for part in missing))
    due = [part for part in wanted if part not in missing and (again or not _did_well(job, part))]
    if Part.CAMERA in due and (camera := config.camera) is not None:
        await _try_until_well(job, lambda: try_camera(job, camera))
    await _try_on_ports(job, config, [part for part in due if part in ON_PORTS], lines)


async def _try_on_ports(
    job: Job, config: StationConfig, due: Collection[Part], lines: Lines
) -> None:
    try:
        ours = [part for part in due if _types(config, part) or await _is_lent(job, part)]
        async with _running(_only(config, ours), lines) as devices:
            for part in ours:
                await _try_until_well(job, partial(_try, job, config, devices, part))
    finally:
        for part in due:
            await job.leases.give_back_device(part)


def tell_equipment(job: Job, tried: Iterable[DeviceTried]) -> list[str]:
    """Say what became of each; return those that have to be looked at: fitted, and not known to be well."""
    texts = job.talk.texts
    for one in tried:
        job.talk.tell(
            "device_tested", "  %(name)s: %(word)s – %(said)s",
            **_named(job, one), word=texts.gettext(OUTCOMES[one.outcome]),
        )  # fmt: skip
    return [one.name for one in tried if one.outcome in ("bad", "left_out")]


def _named(job: Job, one: DeviceTried) -> dict[str, object]:
    """Return its name and sentence for a person, stable keys for a program."""
    if job.talk.as_json:
        about = {"outcome": one.outcome, "why": one.why, "figures": one.figures}
        return {"name": one.name, **about}
    texts = job.talk.texts
    return {"name": texts.gettext(NAMES[one.name]), "said": said_of(texts, one)}


async def _try_until_well(job: Job, attempt: Callable[[], Awaitable[DeviceTried]]) -> None:
    """Try one; the technician may mend it and say `r`."""
    while True:
        tried = await attempt()
        _keep(job, tried)
        if tried.outcome != "bad":
            return
        told = _named(job, tried)
        answer = await job.talk.ask(
            "again", "  %(name)s: %(said)s. r tries it again, Enter goes on.",
            name=told["name"], said=told.get("said", ""), why=tried.why,
        )  # fmt: skip
        if answer.lower() != "r":
            return


def _types(config: StationConfig, part: Part) -> bool:
    """Tell whether it has no port: it types at the screen."""
    return part is Part.SCANNER and config.scanner is not None and config.scanner.kind == WEDGE


async def _is_lent(job: Job, part: Part) -> bool:
    """Borrow its port from the station; one of an older release does not lend it."""
    lent = await job.leases.take_device(part)
    if not lent:
        _keep(job, DeviceTried.of(part, "left_out", "daemon_runs"))
    return lent


async def _try(job: Job, config: StationConfig, devices: Peripherals, part: Part) -> DeviceTried:
    if _types(config, part):
        return await try_wedge(job.talk)
    device = next(one for one in devices.devices if one.state.name == part)
    await _heard(devices, lambda: device.state.up)
    if not device.state.up:
        return DeviceTried.of(part, "bad", "away", detail=device.state.detail)
    tried = await _trial(job, config, devices, part)
    if tried.outcome == "well" and not device.state.sound:
        return DeviceTried.of(part, "bad", "unsound", detail=device.state.detail)
    return tried


async def _trial(job: Job, config: StationConfig, devices: Peripherals, part: Part) -> DeviceTried:
    match part:
        case Part.SCALE:
            assert config.scale is not None
            assert devices.scale is not None
            return await WeighTrial(job.talk, config.scale, devices.scale).run()
        case Part.PRINTER:
            assert config.printer is not None
            assert devices.printer is not None
            station = config.station.id
            return await try_printer(job.talk, config.printer, devices.printer, station, job.clock)
        case Part.SCANNER:
            assert devices.scanner is not None
            return await try_scanner(job.talk, devices.scanner)
        case _:
            assert devices.card_reader is not None
            return await try_card_reader(job.talk, devices.card_reader)


def _only(config: StationConfig, parts: Collection[Part]) -> StationConfig:
    """Leave the ports of all others shut."""
    return config.model_copy(update={part.value: None for part in ON_PORTS if part not in parts})


@asynccontextmanager
async def _running(config: StationConfig, lines: Lines) -> AsyncIterator[Peripherals]:
    devices = Peripherals(config, lines)
    task = asyncio.create_task(devices.run())
    try:
        yield devices
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _heard(devices: Peripherals, is_up: Callable[[], bool]) -> None:
    """Wait until a device was heard, or as long as one that is set up slowly needs."""
    try:
        async with asyncio.timeout(LOOK_S):
            while not is_up():
                devices.changed.clear()
                await devices.changed.wait()
    except TimeoutError:
        return


def _did_well(job: Job, part: Part) -> bool:
    tested = job.record.tested
    known = () if tested is None else tested.devices
    return any(one.name == part and one.outcome == "well" for one in known)


def _keep(job: Job, *news: DeviceTried) -> None:
    at = job.clock.wall().isoformat(timespec="seconds")
    old = job.record.tested or LastTest(at=at, technician="", doors=(), probes=())
    devices = {one.name: one for one in old.devices} | {one.name: one for one in news}
    order = [part.value for part in DEVICES]
    rows = tuple(devices[name] for name in order if name in devices)
    job.keep(tested=old.model_copy(update={"at": at, "devices": rows}))
