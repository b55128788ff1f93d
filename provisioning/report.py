"""The commissioning report: one HTML file that prints, in the technician's language, signed with the station's key.

The signature stands in a last comment and covers every byte before it. The hub's page of the station shows the key
that it must be made with.
"""

import json
import re
from pathlib import Path

from common.kit.durable import write_whole
from common.kit.errors import ConfigError, InvalidError, RefusedError
from common.kit.identity import public_key, sign, verify
from common.kit.said import Said
from edge.access import pairing
from edge.hardware.calibration import ProbeAsked
from provisioning.camera_trial import picture_of
from provisioning.job import Job
from provisioning.lease import daemon_runs
from provisioning.report_page import render
from provisioning.station_file import station_id
from provisioning.verdict import wrongs

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
    seed = _seed(job.data)
    key = None if seed is None or owner is None else public_key(seed).hex()
    cameras = [one for one in job.record.tested.devices if one.name == "camera"]
    picture = picture_of(job.data, cameras[0]) if cameras else None
    page = render(job.record, job.talk.texts, owner or "–", key, picture)
    write_whole(out, page if seed is None or owner is None else signed(page, seed, owner))
    found = wrongs(job.record, job.talk.texts)
    for one in found:
        job.talk.tell(
            "wrong",
            "  not well: %(said)s",
            what=one.key,
            places=one.what,
            said=one.said(job.talk.texts),
        )
    if key is None:
        job.talk.tell(
            "unsigned", "%(path)s is written but NOT SIGNED: this folder has no key yet (linli provision enrol)",
            path=str(out),
        )  # fmt: skip
        return False
    job.talk.tell(
        "reported", "%(path)s is written and signed by key %(key)s",
        path=str(out), key=key,
    )  # fmt: skip
    return not found


async def verify_step(job: Job, path: Path, key: str | None) -> bool:
    """Say who signed a report; RefusedError when it was changed, or signed by another key."""
    said = verified(_read(path))
    wanted = key or (None if (seed := _seed(job.data)) is None else public_key(seed).hex())
    if wanted is not None and wanted.lower() != said["key"]:
        detail = Said("signed by key %(key)s, not by %(wanted)s", key=said["key"], wanted=wanted)
        raise RefusedError("provision.report_foreign", detail)
    job.talk.tell(
        "verified", "%(path)s is unchanged, of station %(station)s, signed by key %(key)s",
        path=str(path), station=said["station"], key=said["key"],
    )  # fmt: skip
    if wanted is None:
        job.talk.line("Compare the key with the one on the station's page at the hub.")
    return True


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
