"""The page of the commissioning report: what stands in it, in the technician's language and her station's time."""

from base64 import b64encode
from datetime import datetime
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from statistics import median

from jinja2 import Environment

from common.kit.clock import from_ms
from common.ui.i18n import Lang, Texts
from firmware_protocols.lock_boards import LOCK_BOARDS
from provisioning.cycling import whole
from provisioning.device_words import NAMES, OUTCOMES, said_of
from provisioning.record import WHY, DoorCycles, LastTest, Record
from provisioning.verdict import wrongs, zone_names

QUALITIES = {"good": "good", "suspect": "suspect", "bad": "bad", "stale": "stale"}
"""A probe's quality → word."""


def render(
    record: Record, texts: Texts, owner: str, key: str | None, picture: bytes | None = None
) -> bytes:
    """Return the page; `key`: the public key that it will be signed by, `picture`: the camera's JPEG."""
    tested = record.tested
    assert tested is not None
    source = files("provisioning").joinpath("templates/report.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(_=texts.gettext)
    drawn = record.drawing.cabinet
    page = environment.from_string(source).render(
        lang=texts.lang.value, record=record, owner=owner, tested=tested, key=key,
        cabinet=(drawn.name_zh if texts.lang is Lang.ZH else drawn.name_en) or drawn.id,
        at=f"{datetime.fromisoformat(tested.at).astimezone(texts.zone):%Y-%m-%d %H:%M}",
        release=version("linli"), wrongs=[one.said(texts) for one in wrongs(record, texts)],
        zones=zone_names(record, texts), doors=_doors(record, tested, texts),
        probes=_probes(record, tested, texts),
        day=lambda at_ms: f"{from_ms(at_ms).astimezone(texts.zone):%Y-%m-%d}",
        picture=None if picture is None else b64encode(picture).decode(),
        why=WHY, device_names=NAMES, outcomes=OUTCOMES, said=partial(said_of, texts),
    )  # fmt: skip
    return page.encode()


def _doors(record: Record, tested: LastTest, texts: Texts) -> list[dict[str, object]]:
    cycles = {one.label: one for one in tested.doors}
    zones = zone_names(record, texts)
    drawn = {door.label: zones.get(door.zone, door.zone) for door in record.drawing.door}
    rows: list[dict[str, object]] = []
    for door in record.doors:
        done = cycles.get(door.label)
        own = (door.sensor_unit, door.sensor_kind) == (door.unit, door.kind)
        lock = f"{LOCK_BOARDS[door.kind].name} {door.bus}/{door.unit}/{door.channel}"
        sensor = str(door.sensor_channel) if own else f"{door.sensor_unit}/{door.sensor_channel}"
        opens = texts.gettext("1 is open") if door.open_level else texts.gettext("0 is open")
        rows.append({
            "label": door.label, "zone": drawn.get(door.label, ""), "lock": lock,
            "contact": f"{sensor}, {opens}", "done": done, "latency": _latency(done),
            "well": done is not None and whole(done),
        })  # fmt: skip
    return rows


def _latency(done: DoorCycles | None) -> str:
    if done is None or not done.latencies_ms:
        return "–"
    return f"{round(median(done.latencies_ms))}, {max(done.latencies_ms)}"


def _probes(record: Record, tested: LastTest, texts: Texts) -> list[dict[str, object]]:
    zones = zone_names(record, texts)
    places = {
        one.zone: f"{one.kind} {one.bus}/{one.unit}" + (f"/{one.channel}" if one.channel else "")
        for one in record.probes
    }
    return [
        {
            "zone": zones.get(one.zone, one.zone), "place": places.get(one.zone, "–"), "seen": one,
            "quality": texts.gettext(QUALITIES.get(one.quality, one.quality)),
        }
        for one in tested.probes
    ]  # fmt: skip
