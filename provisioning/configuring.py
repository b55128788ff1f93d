"""The step `config`: writes, compares or checks `station.toml`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.kit.errors import InvalidError
from common.kit.ids import ID_PATTERN
from common.kit.said import Said
from edge.peripherals import without_secrets
from provisioning.job import Job
from provisioning.station_file import (
    checked_text,
    difference,
    load_settings,
    parse_choice,
    put_in_place,
    read_base,
    station_id,
    station_record,
)

_EXAMPLE_ID = "01K0YANGGVANG0000000000003"


@dataclass(frozen=True, slots=True)
class Choices:
    """What is asked of one `config`."""

    out: Path
    base: Path | None = None
    station_id: str | None = None
    hub: str | None = None
    also: Sequence[str] = ()
    diff: bool = False
    check: bool = False


async def config_step(job: Job, choices: Choices) -> bool:
    """Write the file, or with `diff` say what would change (False: something would), or with `check` look at it."""
    if choices.check:
        settings = load_settings(choices.out)
        job.talk.tell(
            "checked", "%(path)s: %(doors)s compartments on %(buses)s bus(es), a station starts with it",
            path=str(choices.out), doors=len(settings.compartment), buses=len(settings.bus),
        )  # fmt: skip
        return True
    text = _text(job, choices)
    if choices.diff:
        lines = [without_secrets(line) for line in difference(choices.out, text)]
        job.talk.tell("difference", "", lines=lines) if job.talk.as_json else None
        for line in lines:
            job.talk.raw(line)
        return not lines
    kept = put_in_place(choices.out, text, job.clock)
    if kept is not None:
        job.talk.tell("kept", "the old one is kept as %(path)s", path=str(kept))
    _say_untested(job)
    job.talk.tell(
        "written",
        "%(path)s is written. Next: linli edge check --config %(path)s",
        path=str(choices.out),
    )
    return True


def _text(job: Job, choices: Choices) -> str:
    if choices.base is not None and not choices.base.exists():
        said = Said("--base %(path)s: there is no such file", path=str(choices.base))
        raise InvalidError("provision.no_base", said)
    base = read_base(choices.base or choices.out)
    chosen = dict(parse_choice(one) for one in choices.also)
    owner = choices.station_id or base.get("station", {}).get("id") or station_id(job.data)
    if owner is None:
        said = Said(
            "whose station is it? Pair it first (linli provision enrol), or give --station-id"
        )
        raise InvalidError("provision.no_station", said)
    chosen = {"station.id": owner} | chosen
    _check_id(chosen["station.id"])
    if choices.hub is not None:
        chosen = {"hub.url": choices.hub} | chosen
    made = station_record(job.record, base, chosen)
    return checked_text(
        made, "Written by `linli provision config` from what was learnt at the cabinet."
    )


def _check_id(owner: object) -> None:
    if not isinstance(owner, str) or not re.fullmatch(ID_PATTERN, owner):
        said = Said(
            "%(given)s is no id of a station: 26 digits and capital letters, as the hub shows it on the station's page,"
            " e.g. %(example)s",
            given=repr(owner), example=_EXAMPLE_ID,
        )  # fmt: skip
        raise InvalidError("provision.station_id", said)


def _say_untested(job: Job) -> None:
    tested = job.record.tested
    well = {} if tested is None else {d.label: d.pulses == d.opened == d.shut for d in tested.doors}
    if open_ := [door.label for door in job.record.doors if not well.get(door.label)]:
        job.talk.tell(
            "untested", "not tested, or not well: %(doors)s (linli provision test)", doors=open_
        )
