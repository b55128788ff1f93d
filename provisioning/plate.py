"""A scale on a bus that was found: what stands on its plate, which no register is trusted with."""

from provisioning.job import Job
from provisioning.record import FoundUnit, LearntDevice

LEFT_OUT = "-"
_MOST_CAPACITY_G, _MOST_DIVISION_G = 500_000.0, 1000.0


async def learn_scale(job: Job, bus: str, unit: FoundUnit) -> None:
    """Ask for capacity and division; left out, it is asked for again at the next `learn`. A station has one scale."""
    device = f"{bus}/{unit.unit} {unit.seen}"
    if any(one.capacity_g is not None for one in job.record.devices):
        job.talk.tell(
            "second_scale", "  %(device)s: a station has one scale, this one is left out",
            device=device,
        )  # fmt: skip
        return
    answer = await job.talk.ask(
        "scale_capacity",
        "What is the most that the scale %(device)s weighs (its plate: Max), in g? - leaves it out",
        default=LEFT_OUT, device=device,
    )  # fmt: skip
    capacity_g = await _grams(job, answer, _MOST_CAPACITY_G)
    if capacity_g is None:
        return
    answer = await job.talk.ask(
        "scale_division", "And one step of its display (its plate: d or e), in g? - leaves it out",
        default=LEFT_OUT, device=device,
    )  # fmt: skip
    division_g = await _grams(job, answer, _MOST_DIVISION_G)
    if division_g is None:
        return
    learnt = LearntDevice(
        name=f"scale-{bus}-{unit.unit}"[:20], bus=bus, unit=unit.unit, kind=unit.kind,
        capacity_g=capacity_g, division_g=division_g,
    )  # fmt: skip
    job.keep(devices=(*job.record.devices, learnt))
    job.talk.tell(
        "scale_learnt", "  %(device)s: up to %(capacity_g)s g in steps of %(division_g)s g",
        device=learnt.name, capacity_g=capacity_g, division_g=division_g,
    )  # fmt: skip


async def _grams(job: Job, answer: str, most_g: float) -> float | None:
    """Return the grams of an answer, asked for again until they can be; None: left out."""
    while answer != LEFT_OUT:
        try:
            grams = float(answer.replace(",", "."))
        except ValueError:
            grams = 0.0
        if 0 < grams <= most_g:
            return grams
        answer = await job.talk.ask(
            "grams_again", "%(answer)s is no number up to %(most_g)s. Grams, or - to leave it out:",
            default=LEFT_OUT, answer=answer, most_g=most_g,
        )  # fmt: skip
    return None
