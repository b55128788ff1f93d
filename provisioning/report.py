"""The commissioning report: one HTML file that prints, in the technician's language, signed with the station's key.

The signature stands in a last comment and covers every byte before it. The hub's page of the station shows the key
that it must be made with.
"""

import json
import re
from functools import partial
from importlib.resources import files
from pathlib import Path
from statistics import median

from jinja2 import Environment

from common.kit.clock import from_ms
from common.kit.durable import write_whole
from common.kit.errors import ConfigError, InvalidError, RefusedError
from common.kit.identity import public_key, sign, verify
from common.ui.i18n import Texts
from edge.access import pairing
from edge.hardware.calibration import ProbeAsked
from provisioning.cycling import whole
from provisioning.device_words import NAMES, OUTCOMES, said_of
from provisioning.job import Job
from provisioning.lease import daemon_runs
from provisioning.record import WHY, Record
from provisioning.station_file import station_id

_MARK = b"\n<!-- linli-signature "
_SIGNED = re.compile(rb"\n<!-- linli-signature (\{[^\n]*\}) -->\n\Z")


async def report_step(job: Job, out: Path) -> bool:
    """Write the report; False when something in it is not well, or it could not be signed."""
    if job.record.tested is None:
        raise InvalidError("provision.not_tested", "nothing was tested yet: linli provision test")
    if daemon_runs(job.data):
        said = await job.leases.about_probe(ProbeAsked(do="list"))
        job.keep(calibrations=said.probes)
    owner = station_id(job.data)
    page = render(job.record, job.talk.texts, owner or "–")
    seed = _seed(job.data)
    write_whole(out, page if seed is None or owner is None else signed(page, seed, owner))
    if seed is None:
        job.talk.tell(
            "unsigned", "%(path)s is written but NOT SIGNED: this folder has no key yet (linli provision enrol)",
            path=str(out),
        )  # fmt: skip
        return False
    job.talk.tell(
        "reported", "%(path)s is written and signed by key %(key)s",
        path=str(out), key=public_key(seed).hex(),
    )  # fmt: skip
    return _is_well(job.record)


async def verify_step(job: Job, path: Path, key: str | None) -> bool:
    """Say who signed a report; RefusedError when it was changed, or signed by another key."""
    said = verified(_read(path))
    wanted = key or (None if (seed := _seed(job.data)) is None else public_key(seed).hex())
    if wanted is not None and wanted.lower() != said["key"]:
        detail = f"signed by key {said['key']}, not by {wanted}"
        raise RefusedError("provision.report_foreign", detail)
    job.talk.tell(
        "verified", "%(path)s is unchanged, of station %(station)s, signed by key %(key)s",
        path=str(path), station=said["station"], key=said["key"],
    )  # fmt: skip
    if wanted is None:
        job.talk.line("Compare the key with the one on the station's page at the hub.")
    return True


def render(record: Record, texts: Texts, owner: str) -> bytes:
    """Return the page."""
    source = files("provisioning").joinpath("templates/report.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(_=texts.gettext)
    tested = record.tested
    cycles = {} if tested is None else {one.label: one for one in tested.doors}
    page = environment.from_string(source).render(
        lang=texts.lang.value, record=record, owner=owner, tested=tested, cycles=cycles,
        p50={label: round(median(one.latencies_ms)) for label, one in cycles.items() if one.latencies_ms},
        day=lambda at_ms: f"{from_ms(at_ms).astimezone(texts.zone):%Y-%m-%d}",
        why=WHY, device_names=NAMES, outcomes=OUTCOMES, said=partial(said_of, texts),
        whole=whole, well=_is_well(record), drawn={d.label: d for d in record.drawing.door},
    )  # fmt: skip
    return page.encode()


def signed(page: bytes, seed: bytes, owner: str) -> bytes:
    """Return the page with its signature."""
    said = {"station": owner, "key": public_key(seed).hex(), "signature": sign(seed, page).hex()}
    return page + _MARK + json.dumps(said).encode() + b" -->\n"


def verified(whole_page: bytes) -> dict[str, str]:
    """Return station and key of a signed page; RefusedError for one that was changed or was never signed."""
    found = _SIGNED.search(whole_page)
    if found is None:
        raise RefusedError("provision.report_unsigned", "this report carries no signature")
    try:
        said = {name: str(value) for name, value in json.loads(found[1]).items()}
        sound = verify(
            bytes.fromhex(said["key"]),
            whole_page[: found.start()],
            bytes.fromhex(said["signature"]),
        )
    except (ValueError, KeyError) as error:
        raise RefusedError("provision.report_unsigned", "its signature is damaged") from error
    if not sound:
        raise RefusedError(
            "provision.report_changed", "this report was changed after it was signed"
        )
    return said


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _seed(data: Path) -> bytes | None:
    try:
        return pairing.private_key(data)
    except ConfigError as error:
        if error.key == "pairing.not_begun":
            return None
        raise


def _is_well(record: Record) -> bool:
    tested = record.tested
    if tested is None or any(one.why == "two_doors" for one in record.odd):
        return False
    tried = {one.label for one in tested.doors if whole(one)}
    doors = {door.label for door in record.doors}
    devices_fine = all(one.outcome in ("well", "not_fitted") for one in tested.devices)
    probes_fine = all(one.plausible for one in tested.probes)
    return bool(doors) and doors <= tried and probes_fine and devices_fine
