"""The page of all stations: five numbers, the table worst first, and the worst one's temperatures."""

from aiohttp import web

from cloud.web.fleet import FleetRow, fleet_rows, kpis
from cloud.web.frame import Frame
from cloud.web.session import Who
from cloud.web.site import SitePages
from cloud.web.words import case_word
from common.kit.sse import Region
from common.ui.i18n import Lang


class FleetPages:
    """The page of all stations."""

    def __init__(self, frame: Frame, site: SitePages) -> None:
        """Stand on `frame`; `site` draws the worst station's temperatures."""
        self._frame, self._site = frame, site

    async def look(self, _request: web.Request, who: Who, lang: Lang) -> str:
        """Return the page."""
        parts = {region.element_id: region.html() for region in await self.regions(lang)}
        return self._frame.desk_page("stations.html", lang, who, parts=parts, here="stations")

    async def regions(self, lang: Lang) -> list[Region]:
        """Return the page's live parts."""
        frame = self._frame
        texts, now_ms = frame.texts(lang), frame.now_ms()
        views = await frame.ports.stations.overview()
        cases = await frame.ports.orders.cases()
        numbers = kpis(views, len(cases), texts)
        beats = await frame.ports.stations.sites.beats(views)
        rows = fleet_rows(views, beats, now_ms, texts)
        worst = [await self._worst(row, lang) for row in rows[:1] if row.zones]
        return [
            *worst,
            Region("kpis", numbers, lambda: frame.render("kpis.html", lang, kpis=numbers)),
            Region("fleet", rows, lambda: frame.render("fleet.html", lang, rows=rows)),
        ]

    async def _worst(self, row: FleetRow, lang: Lang) -> Region:
        """Return the temperatures of the station that leads the table."""
        seen = await self._site.read(row.station_id)
        newest = seen.blocks[0].cursor if seen.blocks else None

        def draw() -> str:
            width = 1140 if len(row.zones) == 1 else 560
            zones = self._site.zones(seen, lang, width=width)
            return self._frame.render("worst.html", lang, row=row, zones=zones)

        return Region("worst", (row, newest), draw)

    async def cases(self, request: web.Request, who: Who, lang: Lang) -> str:
        """Return the page of what needs a person's eye, or of what no longer does."""
        closed = request.query.get("state") == "closed"
        cases = await self._frame.ports.orders.cases(closed=closed)
        return self._frame.desk_page(
            "cases.html", lang, who, cases=cases, closed=closed, word=case_word, here="cases"
        )
