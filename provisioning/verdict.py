"""What is not well at a cabinet, by its record: the same words for the report, the terminal and programs."""

from collections.abc import Iterator
from dataclasses import dataclass

from common.ui.i18n import Lang, Texts
from provisioning.cycling import whole
from provisioning.device_words import NAMES, said_of
from provisioning.record import LastTest, Record

WRONG = {
    "no_doors": "no door was learnt",
    "missing": "in the drawing and not learnt: %(what)s",
    "two_doors": "DANGER, one pulse opened more than one door: %(what)s",
    "untested": "not tested: %(what)s",
    "doors": "doors that did not open and shut every time: %(what)s",
    "probes": "probes that say nothing plausible: %(what)s",
    "no_probes": "no probe was tested",
    "device": "%(what)s",
    "shared": "two boards have one address, or rubbish is heard there: %(what)s",
}
"""Key → sentence; `what` names the places."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is not well."""

    key: str
    what: str = ""

    def said(self, texts: Texts) -> str:
        """Return it as a sentence."""
        return (
            texts.gettext(WRONG[self.key], what=self.what)
            if self.what
            else texts.gettext(WRONG[self.key])
        )


def wrongs(record: Record, texts: Texts) -> tuple[Wrong, ...]:
    """Return everything that is not well; nothing: the cabinet may be used."""
    tested = record.tested
    assert tested is not None
    found = [*_of_doors(record, tested), *_of_probes(record, tested, texts)]
    found += [
        Wrong("device", f"{texts.gettext(NAMES[one.name])}: {said_of(texts, one)}")
        for one in tested.devices
        if one.outcome not in ("well", "not_fitted")
    ]
    shared = [
        f"{bus.name}/{unit.unit}" for bus in record.buses for unit in bus.units if unit.shared
    ]
    return (*found, *([Wrong("shared", ", ".join(shared))] if shared else []))


def _of_doors(record: Record, tested: LastTest) -> Iterator[Wrong]:
    done = {one.label: whole(one) for one in tested.doors}
    labels = [door.label for door in record.doors]
    if not labels:
        yield Wrong("no_doors")
    places = {
        "missing": [one.label for one in record.drawing.door if record.door(one.label) is None],
        "two_doors": [
            f"{one.bus}/{one.unit}/{one.channel}" for one in record.odd if one.why == "two_doors"
        ],
        "untested": [label for label in labels if label not in done],
        "doors": [label for label in labels if done.get(label) is False],
    }
    yield from (Wrong(key, ", ".join(what)) for key, what in places.items() if what)


def _of_probes(record: Record, tested: LastTest, texts: Texts) -> Iterator[Wrong]:
    names = zone_names(record, texts)
    odd = [names.get(one.zone, one.zone) for one in tested.probes if not one.plausible]
    if odd:
        yield Wrong("probes", ", ".join(odd))
    if record.probes and not tested.probes:
        yield Wrong("no_probes")


def zone_names(record: Record, texts: Texts) -> dict[str, str]:
    """Return id → name of each zone in the language of `texts`."""
    return {
        zone.name: zone.name_zh if texts.lang is Lang.ZH else zone.name_en
        for zone in record.drawing.zone
    }
