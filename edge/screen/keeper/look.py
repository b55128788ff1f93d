"""What the keeper looks at: the day, a parcel, a door, the overdue list, temperatures; and the stream."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

from aiohttp import web

from common.kit.errors import NotFoundError, UnauthenticatedError
from common.kit.sse import Region, Streams
from common.ui.charts import Band, temperature_svg
from common.ui.i18n import Lang
from edge.access.keepers import KeeperSession
from edge.screen.forms import page
from edge.screen.keeper.devices import device_rows
from edge.screen.keeper.model import Loaded, load, reason_words
from edge.screen.keeper.pages import KeeperPages, Panel
from edge.screen.keeper.session import Sessions, lang_of
from edge.screen.services import ScreenServices

TICK_S = 1.0
DAY = Panel("today.html", {}, live=True)
HISTORY = timedelta(hours=24)
_TAIL = re.compile(r"[0-9A-Z]{4}")
PanelOf = Callable[[web.Request, Lang, Loaded], Awaitable[Panel]]


class KeeperLook:
    """The pages that change nothing."""

    def __init__(self, services: ScreenServices, pages: KeeperPages, sessions: Sessions) -> None:
        """Show what the services know."""
        self._services, self._pages, self._sessions = services, pages, sessions
        self._streams = Streams()

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        panels: dict[str, PanelOf] = {
            "/": self._day,
            "/search": self._search,
            "/overdue": self._overdue,
            "/temperatures": self._temperatures,
            "/parcels/{parcel_id}": self._parcel,
            "/doors/{label}": self._door,
        }
        for path, panel_of in panels.items():
            app.router.add_get(path, self._page(panel_of))
        app.router.add_get("/live", self.live)
        app.on_shutdown.append(self._streams.close)

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Stream the regions to a signed-in tablet; ends when the session does."""
        who = await self._sessions.of(request)
        if who is None:
            raise UnauthenticatedError("screen.sign_in", "sign in first")
        lang = lang_of(request)
        panel = DAY if request.query.get("view") == "day" else Panel("", {})
        loaded = await load(self._services.desk)

        def regions() -> list[Region]:
            return list(self._pages.regions(lang, who, loaded, panel))

        async def turn() -> None:
            nonlocal loaded
            watch = self._services.desk.watch
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await watch.wait(watch.version)
            if await self._sessions.of(request) is None:
                raise ConnectionResetError("the keeper's session is over")
            loaded = await load(self._services.desk)

        return await self._streams.serve(
            request, build_id=self._services.build_id, regions=regions, wait=turn
        )

    def _page(self, panel_of: PanelOf) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            who, lang = await self._sessions.of(request), lang_of(request)
            if who is None:
                return page(self._pages.sign_in(lang))
            loaded = await load(self._services.desk)
            panel = await panel_of(request, lang, loaded)
            return page(self._show(lang, who, loaded, panel))

        return handler

    def _show(self, lang: Lang, who: KeeperSession, loaded: Loaded, panel: Panel) -> str:
        return self._pages.desk(lang, who, loaded, panel, self._sessions.take(who))

    async def _day(self, _request: web.Request, _lang: Lang, _loaded: Loaded) -> Panel:
        return DAY

    async def _overdue(self, _request: web.Request, lang: Lang, loaded: Loaded) -> Panel:
        texts = self._pages.texts(lang)
        return Panel("overdue.html", {"rows": self._pages.rows(loaded.overdue, texts)})

    async def _search(self, request: web.Request, lang: Lang, _loaded: Loaded) -> Panel:
        """Narrow by the last four digits of phone or order; a hit opens nothing."""
        tail, texts = request.query.get("tail", "").strip().upper(), self._pages.texts(lang)
        whole = _TAIL.fullmatch(tail) is not None
        found = await self._services.desk.search_tail(tail) if whole else ()
        rows = self._pages.rows(found, texts)
        return Panel("search.html", {"tail": tail[:8], "whole": whole, "rows": rows})

    async def _parcel(self, request: web.Request, lang: Lang, loaded: Loaded) -> Panel:
        parcel = loaded.find(request.match_info["parcel_id"])
        if parcel is None:
            raise NotFoundError("screen.no_parcel", "no such parcel here")
        (row,) = self._pages.rows([parcel], self._pages.texts(lang))
        return Panel("parcel.html", {"parcel": parcel, "zone": row[1], "state": row[2]})

    async def _door(self, request: web.Request, lang: Lang, loaded: Loaded) -> Panel:
        label = request.match_info["label"]
        door = next((d for d in self._pages.station.doors() if d.label == label), None)
        if door is None:
            raise NotFoundError("screen.no_door", "no such door here")
        inside = loaded.find(door.parcel_id) if door.parcel_id else None
        why = reason_words(door.reason, self._pages.texts(lang))
        return Panel("door.html", {"door": door, "inside": inside, "reason": why})

    async def _temperatures(self, _request: web.Request, lang: Lang, _loaded: Loaded) -> Panel:
        texts, head = self._pages.texts(lang), self._pages.station.head(lang)
        since = self._services.clock.wall() - HISTORY
        charts = []
        for zone in self._services.config.zone:
            samples = await self._services.history(zone.name, since)
            name = self._pages.station.zone_name(zone.name, lang)
            now = next((line for line in head.zones if line.name == name), None)
            chart = temperature_svg(
                samples, Band(zone.min_c, zone.max_c), texts, name=name, width=560, height=170
            )
            charts.append((name, now, zone, chart))
        devices = device_rows(self._services.facts.devices(), texts)
        return Panel("temperatures.html", {"charts": charts, "devices": devices})
