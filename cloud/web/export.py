"""The list of a station's events as a CSV file that a spreadsheet opens: streamed, newest first, safe to open.

UTF-8 with a byte order mark, or Excel takes Chinese for something else; no cell can start a formula.
"""

import csv
import io
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from aiohttp import web

from cloud.sync.gateway import EventCursor, StoredEvent
from cloud.web.event_words import say
from cloud.web.forms import path_id
from cloud.web.frame import Frame
from cloud.web.session import Who
from cloud.web.words import zone_name
from common.kit.clock import from_ms
from common.ui.i18n import Lang, Texts

BOM = "\ufeff"
EVENTS_AT_ONCE = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class EventExport:
    """The download."""

    def __init__(self, frame: Frame) -> None:
        """Stand on `frame`."""
        self._frame = frame

    def add_to(self, app: web.Application) -> None:
        """Register the route."""
        handler = self._frame.serving(self.events)
        app.router.add_get("/stations/{station_id}/events.csv", handler)

    async def events(self, request: web.Request, _who: Who, lang: Lang) -> web.StreamResponse:
        """Send every event of the list; each page of them is a short read of its own."""
        station_id, ports = path_id(request, "station_id"), self._frame.ports
        texts = self._frame.texts(lang)
        detail = await ports.stations.detail(station_id)
        names = {one.zone: zone_name(one, texts) for one in detail.station.zones}
        zone = await ports.db.read(lambda c: ports.stations.sites.timezone_tx(c, station_id))
        response = web.StreamResponse(headers=_headers(f"events-{station_id}.csv"))
        await response.prepare(request)
        await response.write((BOM + _lines([_head(zone, texts)])).encode())
        page = await self._page(station_id, None)
        while page:
            rows = [_row(one, zone, say(one, texts, names)[1]) for one in page]
            await response.write(_lines(rows).encode())
            page = await self._page(station_id, page[-1].cursor)
        await response.write_eof()
        return response

    async def _page(self, station_id: str, before: EventCursor | None) -> list[StoredEvent]:
        ports = self._frame.ports
        return await ports.db.read(
            lambda c: ports.gateway.events_tx(
                c, station_id, before=before, limit=EVENTS_AT_ONCE, lane="facts"
            )
        )


def safe(cell: str) -> str:
    """Return the text as a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _head(zone: ZoneInfo, texts: Texts) -> list[str]:
    _ = texts.gettext
    return [
        _("Time at the station (%(zone)s)", zone=zone.key), _("Received"), _("What happened"),
        _("Type"), _("Start"), _("Number"), _("As the station sent it"),
    ]  # fmt: skip


def _row(event: StoredEvent, zone: ZoneInfo, said: str) -> list[str]:
    occurred, received = (
        f"{from_ms(at_ms).astimezone(zone):%Y-%m-%d %H:%M:%S}"
        for at_ms in (event.occurred_at_ms, event.received_at_ms)
    )
    return [
        occurred, received, said, event.type, str(event.boot_epoch), str(event.seq), event.body,
    ]  # fmt: skip


def _lines(rows: Iterable[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue()


def _headers(name: str) -> dict[str, str]:
    return {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
