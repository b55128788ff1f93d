"""The streams of the desk: each page names itself and gets its parts again when they change."""

from collections.abc import Awaitable, Callable, Collection

from aiohttp import web

from cloud.access.caller import DESK
from cloud.web.face import BUILD_ID
from cloud.web.fleet_pages import FleetPages
from cloud.web.forms import path_id
from cloud.web.frame import Frame
from cloud.web.orders import OrderPages
from cloud.web.session import Who, lang_of
from cloud.web.site import SitePages
from common.kit.errors import LinliError, RefusedError, UnauthenticatedError
from common.kit.sse import Region

TICK_S = 1.2
"""Ages grow and another process may have written without a hint, so every page looks again by itself.

Shorter than the heartbeat, which cuts a wait off."""
Read = Callable[[], Awaitable[list[Region]]]


class Live:
    """Streams of pages that need a session; a stream ends with its session."""

    def __init__(
        self, frame: Frame, fleet: FleetPages, site: SitePages, orders: OrderPages
    ) -> None:
        """Stream what these pages show."""
        self._frame, self._fleet, self._site, self._orders = frame, fleet, site, orders

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_get("/live/stations", self.fleet)
        app.router.add_get("/live/stations/{station_id}", self.site)
        app.router.add_get("/live/orders/{order_id}", self.order)

    async def fleet(self, request: web.Request) -> web.StreamResponse:
        """Stream the list of stations."""
        lang = lang_of(request)

        async def read() -> list[Region]:
            await self._desk(request)
            return await self._fleet.regions(lang)

        return await follow(self._frame, request, read, ("",))

    async def site(self, request: web.Request) -> web.StreamResponse:
        """Stream one station."""
        await self._desk(request)
        lang, station_id = lang_of(request), path_id(request, "station_id")
        with_events = "older" not in request.query

        async def read() -> list[Region]:
            await self._desk(request)
            seen = await self._site.read(station_id)
            return self._site.regions(seen, lang, with_events=with_events)

        topics = [f"{kind}:{station_id}" for kind in ("station", "heard", "events")]
        return await follow(self._frame, request, read, topics)

    async def order(self, request: web.Request) -> web.StreamResponse:
        """Stream one order."""
        await self._desk(request)
        lang, order_id = lang_of(request), path_id(request, "order_id")

        async def read() -> list[Region]:
            who = await self._desk(request)
            view = await self._frame.ports.orders.view(order_id, who.caller)
            return self._orders.regions(view, who, lang)

        return await follow(self._frame, request, read, (f"order:{order_id}",))

    async def _desk(self, request: web.Request) -> Who:
        who = await self._frame.sessions.of(request)
        if who is None:
            raise UnauthenticatedError("access.sign_in", "sign in first")
        if not who.caller.roles & DESK:
            raise RefusedError("access.role", "this page is the desk's")
        return who


async def follow(
    frame: Frame, request: web.Request, read: Read, topics: Collection[str]
) -> web.StreamResponse:
    """Stream what `read` returns, again after a hint of `topics` or a while."""
    regions = await read()

    async def turn() -> None:
        nonlocal regions
        await frame.hints.wait(topics, TICK_S)
        try:
            regions = await read()
        except LinliError:
            raise ConnectionResetError("what the page shows is gone") from None

    return await frame.streams.serve(request, build_id=BUILD_ID, regions=lambda: regions, wait=turn)
