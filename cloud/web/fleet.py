"""The list of stations, worst first: one reading of the overview as the page shows it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cloud.stations.views import Beats, Connectivity, StationView, ZoneView
from cloud.web.words import Tag, zone_name
from common.ui.formats import NO_VALUE
from common.ui.i18n import Lang, Texts

FRESH_S = 15 * 60
"""A reading older than this is shown as old."""


@dataclass(frozen=True, slots=True)
class ZoneLine:
    """One zone in a table: words, and whether it is over its limit or only an old reading."""

    name: str
    value: str
    over: bool
    stale: bool
    age: str


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One station in the table."""

    station_id: str
    name: str
    tag: Tag
    heard: str
    lag_ops: int
    backlog: int
    oldest: str
    zones: tuple[ZoneLine, ...]
    rank: int
    beats: Beats


@dataclass(frozen=True, slots=True)
class Kpi:
    """One number on top with its target."""

    name: str
    value: str
    tag: Tag


def zone_line(zone: ZoneView, now_ms: int, texts: Texts) -> ZoneLine:
    """Return a zone's last good reading; a reading that is old is no news about now."""
    name = zone_name(zone, texts)
    if zone.sampled_at_ms is None:
        return ZoneLine(name, NO_VALUE, zone.over_limit, stale=True, age=NO_VALUE)
    age_s = (now_ms - zone.sampled_at_ms) / 1000
    value = texts.celsius(zone.temperature_c)
    return ZoneLine(name, value, zone.over_limit, age_s > FRESH_S, texts.duration(age_s))


def heard(view: StationView, now_ms: int, texts: Texts) -> str:
    """Return when the station was last heard, as an age."""
    if view.last_heard_ms is None:
        return NO_VALUE
    age_s = (now_ms - view.last_heard_ms) / 1000
    return texts.gettext("just now") if age_s < 1 else texts.duration(age_s)


def station_tag(view: StationView, now_ms: int, texts: Texts) -> tuple[int, Tag]:
    """Return how urgent a station is (0 first) and its state: a severe one, silence, news on the way, all well."""
    _ = texts.gettext
    age = heard(view, now_ms, texts)
    if view.over_limit:
        return (0, ("crit", _("over the limit")))
    if view.connectivity is Connectivity.OFFLINE:
        return (1, ("warn", _("offline %(duration)s", duration=age)))
    if view.connectivity is Connectivity.LATE:
        return (2, ("warn", _("late %(duration)s", duration=age)))
    if view.connectivity is Connectivity.NEVER:
        word = _("not paired yet") if view.state == "provisioning" else _("never heard")
        return (5, ("", word))
    if view.backlog.facts or view.lag_ops:
        return (3, ("info", _("catching up")))
    return (4, ("ok", _("online")))


def fleet_rows(
    views: Iterable[StationView], beats: Mapping[str, Beats], now_ms: int, texts: Texts
) -> tuple[FleetRow, ...]:
    """Return the table, the worst station first."""
    rows = []
    for view in views:
        rank, tag = station_tag(view, now_ms, texts)
        backlog = view.backlog.facts + view.backlog.telemetry
        oldest_s = view.backlog.oldest_s
        oldest = texts.duration(oldest_s) if backlog and oldest_s is not None else ""
        zones = tuple(zone_line(zone, now_ms, texts) for zone in view.zones)
        name = station_name(view, texts)
        age = heard(view, now_ms, texts)
        row = FleetRow(
            view.station_id, name, tag, age, view.lag_ops, backlog, oldest, zones, rank,
            beats.get(view.station_id, ()),
        )  # fmt: skip
        rows.append(row)
    return tuple(sorted(rows, key=lambda row: (row.rank, row.name)))


def kpis(views: Iterable[StationView], open_cases: int, texts: Texts) -> tuple[Kpi, ...]:
    """Return the five numbers on top of the fleet."""
    _, views = texts.gettext, tuple(views)
    online = sum(view.connectivity is Connectivity.ONLINE for view in views)
    over = sum(zone.over_limit for view in views for zone in view.zones)
    waiting = sum(view.backlog.facts + view.backlog.telemetry for view in views)
    lag = max((view.lag_ops for view in views), default=0)
    silent = len(views) - online
    return (
        Kpi(
            _("Stations online"), f"{online} / {len(views)}",
            ("ok", _("all well")) if not silent else ("warn", _("%(n)s silent", n=silent)),
        ),
        Kpi(
            _("Temperature over the limit"), str(over),
            ("ok", _("none")) if not over else ("crit", _("act now")),
        ),
        Kpi(
            _("Not sent yet by stations"), str(waiting),
            ("ok", _("up to date")) if not waiting else ("info", _("on the way")),
        ),
        Kpi(
            _("Not applied yet by stations"), str(lag),
            ("ok", _("up to date")) if not lag else ("info", _("on the way")),
        ),
        Kpi(
            _("Cases for a person"), str(open_cases),
            ("ok", _("none")) if not open_cases else ("warn", _("look")),
        ),
    )  # fmt: skip


def station_name(view: StationView, texts: Texts) -> str:
    """Return the station's name in the reader's language."""
    return view.name_zh if texts.lang is Lang.ZH else view.name_en
