"""Compares a damaged station's answers with what was true: right, or declared lost; anything else is a violation."""

from collections.abc import Iterator

from linli.drill.rot.answers import OPENS, WRONG, Answers


def judge(true: Answers, earlier: Answers, said: Answers) -> list[str]:
    """Return what was said wrongly. Where the log's end is in doubt the state one transaction earlier is as right."""
    report = said.report
    tail = report is not None and report.outcome in ("tail", "rebuilt", "exact")
    truths = (true, earlier) if tail else (true,)
    if report is None or report.outcome == "exact":
        if any(_same(truth, said) for truth in truths):
            return []
        return ["nothing was declared lost, and the answers differ", *_wrong(true, said)]
    found = [list(_wrong(truth, said)) for truth in truths]
    return min(found, key=len)


def _same(true: Answers, said: Answers) -> bool:
    return all(
        getattr(true, name) == getattr(said, name) for name in Answers.__slots__ if name != "report"
    )


def _wrong(true: Answers, said: Answers) -> Iterator[str]:
    for tag, was in true.codes.items():
        now = said.codes[tag]
        if now == OPENS and was != OPENS:
            yield f"a code that was {was} opens again"
        if now == WRONG and was == OPENS:
            yield "a right code is called wrong"
    yield from _wrong_items(true, said)
    if said.attempts < true.attempts:
        yield f"{said.attempts} attempts are counted instead of {true.attempts}"
    if said.spent < true.spent:
        yield f"{said.spent} openings are counted instead of {true.spent}"
    if not true.commands <= said.commands and said.report is None:
        yield "a command that ran is forgotten"
    if more := said.effects - true.effects:
        yield f"{more.total()} facts take effect once more, or never happened: {min(more)}"
    lost = said.report.lost if said.report else ()
    declared = sum(part.count or 0 for part in lost)
    missing = (true.effects - said.effects).total()
    if missing > declared and all(part.count for part in lost):
        yield f"{missing} events are missing, {declared} are declared lost"


def _wrong_items(true: Answers, said: Answers) -> Iterator[str]:
    """Look at what may open: the doors and the pulses of a grant that is held matter to nobody."""
    opening = any(said.codes[tag] == OPENS for tag in said.codes)
    for place, (door, pulses, opened) in said.items.items() if opening else ():
        if place not in true.items:
            yield f"an item that never was: {place}"
            continue
        was_door, was_pulses, was_opened = true.items[place]
        if (door, opened) != (was_door, was_opened) and not said.report:
            yield f"door or opening of {place} changed"
        if door != was_door:
            yield f"another door opens: {door} instead of {was_door}"
        if pulses < was_pulses and not was_opened and said.report is None:
            yield f"pulses of {place} fell from {was_pulses} to {pulses}"
