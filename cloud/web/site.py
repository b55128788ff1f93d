"""One station's page: door map, temperatures, lines, commands, keepers, and what it reported."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from cloud.stations.schemas import cursor_of
from cloud.stations.views import (
    AlarmView,
    Beats,
    CommandView,
    CompartmentView,
    StationDetail,
    ZoneView,
)
from cloud.sync.gateway import EventCursor, StoredEvent
from cloud.web.doors import DoorMap, door_map
from cloud.web.event_words import say, temperatures
from cloud.web.fleet import ZoneLine, heard, station_name, station_tag, zone_line
from cloud.web.forms import path_id
from cloud.web.frame import Frame
from cloud.web.probe_words import probe_lines
from cloud.web.session import Who
from cloud.web.words import alarm_words, command_tag, device_word, zone_name
from common.contract.words import CommandState
from common.kit.clock import from_ms
from common.kit.errors import InvalidError
from common.kit.sse import Region
from common.ui.charts import Band, Sample, temperature_svg
from common.ui.doormap import CellState, door_map_svg
from common.ui.i18n import Lang, Texts

EVENTS_A_PAGE = 12
_BLOCKS = 360


@dataclass(frozen=True, slots=True)
class Seen:
    """One reading of a station, so that the parts of its page agree."""

    detail: StationDetail
    events: tuple[StoredEvent, ...]
    next: str | None
    blocks: tuple[StoredEvent, ...]
    beats: Beats
    now_ms: int


def zone_chart(zone: ZoneView, seen: Seen, texts: Texts, width: int, height: int) -> str:
    """Return the readings of the last blocks as a chart; empty when there are none."""
    samples = []
    for event in reversed(seen.blocks):
        block = temperatures(event)
        if block is None or block[0] != zone.zone:
            continue
        _, start_ms, period_s, readings = block
        samples += [
            Sample(from_ms(start_ms + n * period_s * 1000), value)
            for n, value in enumerate(readings)
        ]
    known = [sample.temperature_c for sample in samples if sample.temperature_c is not None]
    if not known:
        return ""
    samples.sort(key=lambda sample: sample.at)
    return temperature_svg(
        samples, band_of(zone, known), texts,
        name=zone_name(zone, texts), width=width, height=height,
    )  # fmt: skip


def band_of(zone: ZoneView, known_c: Sequence[float]) -> Band:
    """Return the range the zone must keep; without the station's word around its readings `known_c`."""
    if zone.min_c is not None and zone.max_c is not None:
        return Band(zone.min_c, zone.max_c)
    low, high = math.floor(min(known_c)), math.ceil(max(known_c))
    return Band(low, high) if zone.limit_c is None else Band(min(low, zone.limit_c), zone.limit_c)


class SitePages:
    """The page of one station."""

    def __init__(self, frame: Frame) -> None:
        """Stand on `frame`."""
        self._frame = frame

    async def look(self, request: web.Request, who: Who, lang: Lang) -> str:
        """Return the page; `?door=` chooses a door, `?before=` an older page of events."""
        station_id = path_id(request, "station_id")
        before = request.query.get("before")
        seen = await self.read(station_id, cursor_of(before))
        keepers = await self._frame.ports.stations.keepers.views(station_id)
        door = self._door(seen, request.query.get("door"))
        parts = {region.element_id: region.html() for region in self.regions(seen, lang)}
        texts = self._frame.texts(lang)
        held = [one for one in seen.detail.commands if one.state is CommandState.HELD]
        return self._frame.desk_page(
            "station.html", lang, who, parts=parts, held=held, keepers=keepers, door=door, older=before,
            view=seen.detail.station, name=station_name(seen.detail.station, texts),
            path=f"/stations/{station_id}", here="stations", own=who.caller.name,
            claims=seen.detail.claims,
            sheets=len(await self._frame.ports.stations.capsules.of(station_id)),
        )  # fmt: skip

    async def read(self, station_id: str, before: EventCursor | None = None) -> Seen:
        """Read the station once; NotFoundError."""
        ports = self._frame.ports
        detail = await ports.stations.detail(station_id)
        facts = await ports.db.read(
            lambda c: ports.gateway.events_tx(
                c, station_id, before=before, limit=EVENTS_A_PAGE, lane="facts"
            )
        )
        blocks = await ports.db.read(
            lambda c: ports.gateway.events_tx(
                c, station_id, limit=_BLOCKS, lane="telemetry", type_="climate.block"
            )
        )
        follow = _cursor_text(facts[-1].cursor) if len(facts) == EVENTS_A_PAGE else None
        beats = await ports.stations.sites.beats([detail.station])
        return Seen(
            detail, tuple(facts), follow, tuple(blocks), beats[station_id], self._frame.now_ms()
        )

    def regions(self, seen: Seen, lang: Lang, *, with_events: bool = True) -> list[Region]:
        """Return the page's live parts; an older page of events stays as it is."""
        frame, detail = self._frame, seen.detail
        texts, view = frame.texts(lang), detail.station
        path = f"/stations/{view.station_id}"
        tag, age = station_tag(view, seen.now_ms, texts)[1], heard(view, seen.now_ms, texts)
        doors = door_map(detail)
        newest = seen.blocks[0].cursor if seen.blocks else None
        regions = [
            Region(
                "state", (tag, age, view.backlog, view.lag_ops, seen.beats),
                lambda: frame.render(
                    "station_state.html", lang, view=view, tag=tag, heard=age, beats=seen.beats
                ),
            ),
            Region("doors", doors, lambda: self._map(doors, path, lang)),
            Region(
                "climate", (view.zones, newest),
                lambda: self._climate(seen, lang),
            ),
            Region(
                "probes", (detail.probes, from_ms(seen.now_ms).date()),
                lambda: self._probes(seen, lang),
            ),
            Region(
                "lines", detail.buses,
                lambda: frame.render(
                    "lines.html", lang,
                    lines=[(device_word(one.bus, texts) or one.bus, one) for one in detail.buses],
                ),
            ),
            Region("commands", detail.commands, lambda: self._commands(detail.commands, lang)),
            Region("alarms", detail.alarms, lambda: self._alarms(detail.alarms, lang)),
        ]  # fmt: skip
        if with_events:
            key = tuple(event.cursor for event in seen.events)
            regions.append(Region("events", key, lambda: self._events(seen, path, lang)))
        return regions

    def _map(self, doors: DoorMap, path: str, lang: Lang) -> str:
        texts = self._frame.texts(lang)
        counts = {state.value: doors.count(state) for state in CellState}
        drawn = doors.cells and door_map_svg(
            doors.cells, doors.screen, texts, label=texts.gettext("Doors"),
            link=lambda cell: f"{path}?door={cell.label}#door",
        )  # fmt: skip
        return self._frame.render("doors.html", lang, map=drawn, counts=counts, doors=doors)

    def zones(
        self, seen: Seen, lang: Lang, *, width: int = 560, height: int = 140
    ) -> list[tuple[ZoneLine, ZoneView, str]]:
        """Return every zone with its words and its chart."""
        texts = self._frame.texts(lang)
        return [
            (zone_line(one, seen.now_ms, texts), one,
             zone_chart(one, seen, texts, width, height))
            for one in seen.detail.station.zones
        ]  # fmt: skip

    def _climate(self, seen: Seen, lang: Lang) -> str:
        zones = self.zones(seen, lang)
        return self._frame.render("climate.html", lang, zones=zones)

    def _probes(self, seen: Seen, lang: Lang) -> str:
        texts = self._frame.texts(lang)
        names = {one.zone: zone_name(one, texts) for one in seen.detail.station.zones}
        lines = probe_lines(seen.detail.probes, names, seen.now_ms, texts)
        return self._frame.render("probes.html", lang, probes=lines)

    def _commands(self, commands: Sequence[CommandView], lang: Lang) -> str:
        texts = self._frame.texts(lang)
        rows = [
            (one, command_tag(one.state, texts), from_ms(one.issued_at_ms)) for one in commands[:6]
        ]
        return self._frame.render("commands.html", lang, rows=rows)

    def _alarms(self, alarms: Sequence[AlarmView], lang: Lang) -> str:
        texts = self._frame.texts(lang)
        rows = [(one, *alarm_words(one.kind, texts)) for one in alarms]
        return self._frame.render("alarms.html", lang, rows=rows)

    def _events(self, seen: Seen, path: str, lang: Lang) -> str:
        texts = self._frame.texts(lang)
        names = {one.zone: zone_name(one, texts) for one in seen.detail.station.zones}
        rows = [(from_ms(one.occurred_at_ms), say(one, texts, names), one) for one in seen.events]
        return self._frame.render("events.html", lang, rows=rows, next=seen.next, path=path)

    def _door(self, seen: Seen, label: str | None) -> CompartmentView | None:
        if label is None:
            return None
        for door in seen.detail.compartments:
            if door.label == label:
                return door
        raise InvalidError("compartment.not_found", "the station has no such compartment")


def _cursor_text(cursor: EventCursor) -> str:
    """Return what `cursor_of` reads back."""
    return f"{cursor.received_at_ms}.{cursor.lane}.{cursor.boot_epoch}.{cursor.seq}"
