"""The step `calibrate`: one probe is held against a reference; the station decides and keeps, this only leads."""

from dataclasses import dataclass
from datetime import date

from common.contract.calibration import ProbeCalibrated
from common.kit.clock import from_ms
from common.kit.errors import ConflictError, InvalidError
from common.kit.said import Said, listed
from edge.hardware.calibration import REFERENCE_C, ProbeAsked, ProbeState
from provisioning.bath import Bath
from provisioning.job import Job

YES = frozenset({"y", "yes", "j", "是", "对"})
QUESTIONS = {
    "instrument": "Which reference is it: name and serial number, or ice water?",
    "by": "Your name?",
}
"""What is asked in words, by key."""
_LONGEST = {"instrument": 80, "by": 60, "reason": 200}
_KEYS = {
    "instrument": "calibration.reference",
    "by": "calibration.by",
    "reason": "calibration.reason",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What was given with the command; what is missing is asked for."""

    probe: str | None = None
    reference_c: float | None = None
    instrument: str | None = None
    certificate_until: str | None = None
    by: str | None = None
    withdraw: str | None = None
    only_list: bool = False
    yes: bool = False


async def calibrate_step(job: Job, wish: Wish) -> bool:
    """List the probes, then compare one with a reference or withdraw its offset. False: somebody said no."""
    _check(wish)
    states = (await job.leases.about_probe(ProbeAsked(do="list"))).probes
    job.keep(calibrations=states)
    list_probes(job, states)
    if wish.only_list:
        return True
    state = await _chosen(job, wish, states)
    if wish.withdraw is not None:
        return await _withdraw(job, wish, state)
    job.talk.tell(
        "dip",
        "Hold probe %(probe)s (zone %(zone)s) beside the reference, in ice water or at the tip of a thermometer."
        " Until you hang it back its readings do not count for the zone.",
        probe=state.probe, zone=state.zone,
    )  # fmt: skip
    bath = Bath(job, state.probe)
    await bath.still()
    async with bath.watched():
        record = await _written(job, bath, wish, state)
    if record is None:
        job.talk.tell("left", "Nothing was changed.")
    else:
        await _shown(job, bath, record)
    if not wish.yes:
        await job.talk.ask("back", "Hang the probe back in its zone, then press Enter.")
    await bath.give_back()
    return record is not None


def list_probes(job: Job, states: tuple[ProbeState, ...]) -> None:
    """Say of every probe what rules and when it is due."""
    for number, one in enumerate(states, start=1):
        record = one.record
        if record is None:
            job.talk.tell(
                "probe", "%(number)s  %(probe)s, zone %(zone)s: never compared",
                number=number, probe=one.probe, zone=one.zone, record=None,
            )  # fmt: skip
        elif record.kind == "withdrawn":
            job.talk.tell(
                "probe", "%(number)s  %(probe)s, zone %(zone)s: withdrawn by %(by)s on %(day)s (%(reason)s)",
                number=number, probe=one.probe, zone=one.zone, by=record.by, day=_day(record.at_ms),
                reason=record.reason, record=record.model_dump(mode="json"),
            )  # fmt: skip
        else:
            job.talk.tell(
                "probe",
                "%(number)s  %(probe)s, zone %(zone)s: %(offset)s K by %(by)s on %(day)s, due %(due)s"
                " (%(instrument)s, certificate until %(certificate)s)",
                number=number, probe=one.probe, zone=one.zone, offset=f"{record.offset_k:+.2f}",
                by=record.by, day=_day(record.at_ms), due=_day(record.due_at_ms),
                instrument=record.instrument, certificate=record.certificate_until,
                record=record.model_dump(mode="json"),
            )  # fmt: skip


async def _written(job: Job, bath: Bath, wish: Wish, state: ProbeState) -> ProbeCalibrated | None:
    """Ask, propose, confirm, write; once more whenever the probe has moved. None: somebody said no."""
    asked = await _reference(job, wish, state)
    while True:
        try:
            proposed = await bath.compare(asked.model_copy(update={"do": "propose"}))
            _propose(job, proposed, state)
            if not wish.yes:
                said = await job.talk.ask("agreed", "Write this? (y/n)", default="n")
                if said.lower() not in YES:
                    return None
            return await bath.compare(asked)
        except ConflictError as error:
            if error.key != "calibration.unsteady":
                raise
            job.talk.tell("moved", "The probe is not still any more; keep it beside the reference.")
            await bath.still()


async def _reference(job: Job, wish: Wish, state: ProbeState) -> ProbeAsked:
    last = state.record
    reference_c = wish.reference_c
    while reference_c is None:
        said = await job.talk.ask("reference_c", "What does the reference show, in °C?")
        reference_c = _celsius(said)
        if reference_c is None:
            job.talk.tell(
                "no_number", "%(answer)s is no temperature from %(low)s to %(high)s °C: like 0.0 or -18.4",
                answer=said, low=REFERENCE_C[0], high=REFERENCE_C[1],
            )  # fmt: skip
    known = last.instrument if last else ""
    instrument = await _words(job, wish.instrument, "instrument", known)
    return ProbeAsked(
        do="write",
        probe=state.probe,
        reference_c=reference_c,
        instrument=instrument,
        certificate_until=await _certificate(job, wish, last, instrument),
        by=await _who(job, wish),
    )


async def _certificate(
    job: Job, wish: Wish, last: ProbeCalibrated | None, instrument: str
) -> str | None:
    if wish.yes or wish.certificate_until is not None:
        return wish.certificate_until
    known = last.certificate_until if last and last.instrument == instrument else None
    while True:
        said = await job.talk.ask(
            "certificate_until", "Its certificate is valid until (YYYY-MM-DD; - for none)?",
            default=known or "-",
        )  # fmt: skip
        if said == "-":
            return None
        if is_day(said):
            return said
        job.talk.tell("no_day", "%(answer)s is no day: write it like 2027-03-31", answer=said)


async def _who(job: Job, wish: Wish) -> str:
    tested = job.record.tested
    return await _words(job, wish.by, "by", tested.technician if tested else "")


async def _words(job: Job, given: str | None, key: str, default: str) -> str:
    said = (given or "").strip()
    while not said or len(said) > _LONGEST[key]:
        said = (await job.talk.ask(key, QUESTIONS[key], default=default)).strip()
    return said


def _propose(job: Job, record: ProbeCalibrated, state: ProbeState) -> None:
    before = state.record.offset_k if state.record else 0.0
    mean_c = round(sum(record.readings_c) / len(record.readings_c), 2)
    job.talk.tell(
        "proposed",
        "Probe %(probe)s measures %(raw)s °C, shown until now %(before)s °C; the reference shows %(reference)s °C."
        " New offset %(offset)s K, then it shows %(after)s °C.",
        probe=record.probe, raw=f"{mean_c:.2f}", before=f"{mean_c + before:.2f}",
        reference=f"{record.reference_c:.2f}", offset=f"{record.offset_k:+.2f}",
        after=f"{record.after_c:.2f}",
    )  # fmt: skip
    until = record.certificate_until
    if until is not None and date.fromisoformat(until) < job.clock.wall().date():
        job.talk.tell(
            "expired", "The certificate of this reference ended on %(day)s; the desk will see that.", day=until,
        )  # fmt: skip


async def _shown(job: Job, bath: Bath, record: ProbeCalibrated) -> None:
    states = (await job.leases.about_probe(ProbeAsked(do="list"))).probes
    job.keep(calibrations=states)
    now_c = await bath.shown_c()
    off = None if now_c is None or record.reference_c is None else now_c - record.reference_c
    job.talk.tell(
        "calibrated",
        "Written as record %(number)s. Probe %(probe)s shows %(now)s °C now, the reference %(reference)s °C"
        " (%(off)s K between them).",
        number=record.number, probe=record.probe, now=now_c, reference=record.reference_c,
        off=None if off is None else f"{off:+.2f}", record=record.model_dump(mode="json"),
    )  # fmt: skip


async def _withdraw(job: Job, wish: Wish, state: ProbeState) -> bool:
    asked = ProbeAsked(
        do="withdraw", probe=state.probe, by=await _who(job, wish), reason=wish.withdraw or ""
    )
    job.talk.tell(
        "withdrawing", "From now on probe %(probe)s counts as it measures, without an offset.", probe=state.probe,
    )  # fmt: skip
    if not wish.yes:
        answer = await job.talk.ask("agreed", "Withdraw its offset? (y/n)", default="n")
        if answer.lower() not in YES:
            job.talk.tell("left", "Nothing was changed.")
            return False
    said = await job.leases.about_probe(asked)
    job.keep(calibrations=said.probes)
    job.talk.tell("withdrawn", "The offset of probe %(probe)s is withdrawn.", probe=state.probe)
    return True


async def _chosen(job: Job, wish: Wish, states: tuple[ProbeState, ...]) -> ProbeState:
    by_name = {one.probe: one for one in states}
    by_name |= {str(number): one for number, one in enumerate(states, start=1)}
    if wish.probe is not None:
        if wish.probe not in {one.probe for one in states}:
            text = "there is no probe %(probe)s; there are %(known)s"
            known = listed([one.probe for one in states])
            raise InvalidError(
                "calibration.no_probe", Said(text, probe=repr(wish.probe), known=known)
            )
        return by_name[wish.probe]
    while True:
        said = await job.talk.ask("probe", "Which probe? Its number or name.", probes=list(by_name))
        if said in by_name:
            return by_name[said]
        job.talk.tell("no_such_probe", "there is no probe %(probe)s", probe=said)


def _check(wish: Wish) -> None:
    """Raise InvalidError for what cannot be right, before anything is read."""
    low, high = REFERENCE_C
    if wish.reference_c is not None and not low <= wish.reference_c <= high:
        text = "--reference-c %(given)s: a reference shows %(low)s to %(high)s °C"
        said = Said(text, given=f"{wish.reference_c:g}", low=f"{low:g}", high=f"{high:g}")
        raise InvalidError("calibration.reference", said)
    if wish.certificate_until is not None and not is_day(wish.certificate_until):
        text = "--certificate-until %(given)s: write the day like 2027-03-31"
        said = Said(text, given=repr(wish.certificate_until))
        raise InvalidError("calibration.reference", said)
    words = {"instrument": wish.instrument, "by": wish.by, "reason": wish.withdraw}
    for name, word in words.items():
        if word is not None and not 0 < len(word.strip()) <= _LONGEST[name]:
            said = Said("%(what)s: one to %(most)s characters", what=name, most=_LONGEST[name])
            raise InvalidError(_KEYS[name], said)


def is_day(text: str) -> bool:
    """Tell whether this is a day like 2027-03-31."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _celsius(text: str) -> float | None:
    """Return the temperature somebody typed, with a comma and a true minus too; None for what is none."""
    plain = text.replace("°C", "").replace("℃", "").replace(",", ".").replace("\u2212", "-")
    try:
        value_c = float(plain)
    except ValueError:
        return None
    return value_c if REFERENCE_C[0] <= value_c <= REFERENCE_C[1] else None


def _day(at_ms: int | None) -> str | None:
    return None if at_ms is None else f"{from_ms(at_ms):%Y-%m-%d}"
