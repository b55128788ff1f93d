"""What a station's page says about each probe: its offset, from whom and when, and what needs a technician."""

from dataclasses import dataclass
from datetime import date

from cloud.stations.probes import Calibration, ProbeView
from cloud.web.words import Tag
from common.kit.clock import from_ms
from common.ui.i18n import Texts

SOON_DAYS = 30


@dataclass(frozen=True, slots=True)
class ProbeLine:
    """One probe in words; `done` empty: never compared."""

    probe: str
    zone: str
    offset: str
    done: str
    reference: str
    tags: tuple[Tag, ...]


def probe_lines(
    views: tuple[ProbeView, ...], names: dict[str, str], now_ms: int, texts: Texts
) -> tuple[ProbeLine, ...]:
    """Return every probe of a station; `names`: what its zones are called."""
    today = from_ms(now_ms).astimezone(texts.zone).date()
    return tuple(_line(one, names.get(one.zone, one.zone), today, texts) for one in views)


def _line(view: ProbeView, zone: str, today: date, texts: Texts) -> ProbeLine:
    _, record = texts.gettext, view.newest
    offset = f"{view.held_offset_k:+.2f} K" if view.held_offset_k else "0 K"
    done = reference = ""
    if record is not None and record.kind == "withdrawn":
        done = _(
            "withdrawn by %(name)s on %(day)s: %(reason)s",
            name=record.done_by, day=_day(record.at_ms, texts), reason=record.reason,
        )  # fmt: skip
    elif record is not None:
        day = _day(record.at_ms, texts)
        done = _("by %(name)s on %(day)s", name=record.done_by, day=day)
        reference = _(
            "%(instrument)s: %(reference)s °C, probe before %(before)s °C, after %(after)s °C",
            instrument=record.instrument, reference=_number(record.reference_c),
            before=_number(record.before_c), after=_number(record.after_c),
        )  # fmt: skip
    return ProbeLine(view.probe, zone, offset, done, reference, tuple(_tags(view, today, texts)))


def _tags(view: ProbeView, today: date, texts: Texts) -> list[Tag]:
    _, record = texts.gettext, view.newest
    if view.is_lost:
        return [("crit", _("the station no longer applies this: calibrate again"))]
    if record is None:
        if view.held_id is None:
            return [("", _("never compared with a reference"))]
        return [("warn", _("the hub has no record of this offset"))]
    if record.kind == "withdrawn":
        return [("", _("counts as it measures"))]
    found = (_certificate(record.certificate_until, today, texts), _due(record, today, texts))
    return [tag for tag in found if tag is not None]


def _certificate(until: str | None, today: date, texts: Texts) -> Tag:
    """Return how the reference's certificate stands; its last day still counts."""
    _ = texts.gettext
    if until is None:
        return ("", _("reference without a certificate"))
    left = (_parsed(until) - today).days
    if left < 0:
        return ("crit", _("certificate expired on %(day)s", day=until))
    if left <= SOON_DAYS:
        return ("warn", _("certificate ends on %(day)s", day=until))
    return ("ok", _("certificate until %(day)s", day=until))


def _due(record: Calibration, today: date, texts: Texts) -> Tag | None:
    _ = texts.gettext
    if record.due_at_ms is None:
        return None
    due = from_ms(record.due_at_ms).astimezone(texts.zone).date()
    if due < today:
        return ("crit", _("calibration overdue since %(day)s", day=due.isoformat()))
    if (due - today).days <= SOON_DAYS:
        return ("warn", _("calibration due on %(day)s", day=due.isoformat()))
    return None


def _parsed(day: str) -> date:
    """Return the day; one that no calendar has counts as over."""
    try:
        return date.fromisoformat(day)
    except ValueError:
        return date.min


def _day(at_ms: int, texts: Texts) -> str:
    return f"{from_ms(at_ms).astimezone(texts.zone):%Y-%m-%d}"


def _number(value_c: float | None) -> str:
    return "–" if value_c is None else f"{value_c:.2f}"
