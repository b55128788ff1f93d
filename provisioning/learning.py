"""The step `learn`: takes the drawing, opens the lines, learns doors and probes; goes on where it was left."""

from collections.abc import Sequence
from pathlib import Path

from common.kit.config import load_toml
from common.kit.errors import ConflictError, InvalidError
from common.kit.said import Said, listed
from provisioning.bench import open_bench
from provisioning.devices import learn_devices
from provisioning.job import Job
from provisioning.known import check_doors
from provisioning.learn import Learner
from provisioning.lines import untried
from provisioning.record import Drawing, DrawnZone
from provisioning.zones import learn_probes


async def learn_step(
    job: Job,
    drawing: Path | None,
    *,
    pulse_ms: int,
    again: bool,
    forget: bool,
    anew: Sequence[str] = (),
) -> bool:
    """Learn what is missing, and the doors `anew` once more; True when the drawing is known whole."""
    if not job.record.buses:
        said = Said("nothing is known yet: linli provision scan")
        raise InvalidError("provision.not_scanned", said)
    if forget:
        job.keep(doors=(), odd=(), probes=(), devices=(), tested=None)
    _unlearn(job, anew)
    if drawing is not None:
        job.keep(drawing=_drawn(job, drawing), is_drawn=True)
    if not job.record.drawing.zone:
        job.keep(drawing=job.record.drawing.model_copy(update={"zone": await _ask_zones(job)}))
    async with open_bench(job, [bus.name for bus in job.record.buses]) as bench:
        doors = await Learner(job, bench, pulse_ms, again=again).run()
        probes = await learn_probes(job, bench)
        await learn_devices(job, bench)
    if doors and probes:
        job.talk.tell("learnt_all", "everything is known. Next: linli provision test, then config")
    return doors and probes


def _unlearn(job: Job, labels: Sequence[str]) -> None:
    """Forget doors that were answered wrongly; InvalidError for one that is not known."""
    check_doors(job.record, labels)
    if labels:
        left = tuple(door for door in job.record.doors if door.label not in labels)
        job.record = untried(job.record.with_(doors=left), labels)
        job.keep()


def _drawn(job: Job, path: Path) -> Drawing:
    """Return the drawing of a file; InvalidError for one without doors or without doors that are known already."""
    drawing = load_toml(Drawing, path, {})
    if not drawing.door or not drawing.zone:
        text = "%(path)s has no [[door]] or no [[zone]]: give a layout.toml or a cabinet file"
        raise InvalidError("provision.no_drawing", Said(text, path=str(path)))
    drawn = {door.label for door in drawing.door}
    if lost := [door.label for door in job.record.doors if door.label not in drawn]:
        said = Said(
            "%(path)s has no %(doors)s, learnt already: is it another cabinet's? Begin anew with it: --forget",
            path=str(path), doors=listed(lost),
        )  # fmt: skip
        raise ConflictError("provision.other_drawing", said)
    return drawing


async def _ask_zones(job: Job) -> tuple[DrawnZone, ...]:
    """Without a drawing: how cold each zone is meant to be; `-` is as warm as outside."""
    while True:
        answer = await job.talk.ask(
            "zones",
            "There is no drawing (--cabinet). What are the zones set to, in °C, with spaces between? - is as warm as"
            " outside, e.g. 4 -",
            default="-",
        )
        try:
            return tuple(_zone(number, word) for number, word in enumerate(answer.split(), start=1))
        except ValueError:
            job.talk.tell("no_number", "%(answer)s cannot be read", answer=answer)


def _zone(number: int, word: str) -> DrawnZone:
    set_point_c = None if word == "-" else float(word)
    return DrawnZone(
        name=f"zone{number}", name_zh=f"{number} 区", name_en=f"zone {number}",
        set_point_c=set_point_c,
    )  # fmt: skip
