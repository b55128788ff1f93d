"""The kiosk's application: one page, a live stream and a handful of posts, for loopback alone."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

from aiohttp import web

from common.contract.qr import CHARS_MAX
from common.kit.codes import CODE_DIGITS
from common.kit.sse import Streams
from common.kit.web import make_app, read_form
from common.ui.assets import Assets
from common.ui.i18n import Catalogue, Lang
from common.ui.templates import Renderer, environment
from edge.screen.forms import page, see_other, wants_fragment
from edge.screen.kiosk.stage import KioskPage
from edge.screen.kiosk.state import KioskState
from edge.screen.kiosk.technician import TechnicianRoutes
from edge.screen.services import ScreenServices

FOLDER = Path(__file__).parent
TICK_S = 1.0
SCRIPTS = ("kiosk.js", "live.js", "forms.js")
SHEETS = {"kiosk.css": ("tokens.css", "base.css", "parts.css", "kiosk-face.css")}


@cache
def _face() -> tuple[Assets, Renderer]:
    """Read and compile once a process."""
    assets = Assets.read(SCRIPTS, SHEETS, FOLDER / "static")
    return assets, Renderer(environment(FOLDER / "templates", static=assets.url), Catalogue())


def make_kiosk_app(services: ScreenServices) -> web.Application:
    """Return the resident's application; bind it to 127.0.0.1 only."""
    assets, renderer = _face()
    state = KioskState(
        services.pickup, services.papers, services.clock, services.config.pickup.idle_s,
        services.stay,
    )  # fmt: skip
    kiosk = KioskRoutes(services, state, KioskPage(services, state, renderer))
    app = make_app()
    assets.add_to(app)
    kiosk.add_to(app)
    TechnicianRoutes(services.maintenance).add_to(app)
    return app


class KioskRoutes:
    """The handlers."""

    def __init__(self, services: ScreenServices, state: KioskState, kiosk: KioskPage) -> None:
        """Serve `kiosk`, acting on the services' pickup flow."""
        self._services, self._state, self._page = services, state, kiosk
        self._pickup = services.pickup
        self._streams = Streams()
        self._one_at_a_time = asyncio.Lock()

    def add_to(self, app: web.Application) -> None:
        """Register the routes, and take what a scanner reads."""
        self._services.scans.take = self.scanned
        app.router.add_get("/", self.index)
        app.router.add_get("/live", self.live)
        app.router.add_post("/code", self.code)
        app.router.add_post("/qr", self.qr)
        app.router.add_post("/settings", self.settings)
        acts: dict[str, Callable[[], Awaitable[None]]] = {
            "/again": self._pickup.again,
            "/reopen": self._pickup.reopen,
            "/proceed": self._pickup.proceed,
            "/finish": self._state.finish,
        }
        for path, act in acts.items():
            app.router.add_post(path, self._acting(act))
        app.router.add_post("/stay", self.stay)
        app.on_shutdown.append(self._streams.close)

    async def index(self, _request: web.Request) -> web.Response:
        """Return the page at the step where the station is, whoever asks."""
        self._state.settle()
        await self._state.tick()
        return page(self._page.whole())

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Stream the regions; the stream's turn is also what lets steps time out."""
        return await self._streams.serve(
            request,
            build_id=self._services.build_id,
            regions=self._page.regions,
            wait=self._turn,
        )

    async def code(self, request: web.Request) -> web.StreamResponse:
        """Take a code; what it was is never told apart on the page."""
        fields = await read_form(request)
        code = fields.get("code", "")
        async with self._one_at_a_time:
            if self._state.once.take(fields.get("key", "")) and self._is_typed(code):
                await self._state.submit(code)
        return self._answer(request)

    async def qr(self, request: web.Request) -> web.StreamResponse:
        """Take what a scanner typed; the answer is that of a code."""
        fields = await read_form(request)
        text = fields.get("qr", "")
        async with self._one_at_a_time:
            if self._state.once.take(fields.get("key", "")) and 0 < len(text) <= CHARS_MAX:
                await self._state.submit_qr(text)
        return self._answer(request)

    async def scanned(self, text: str | None) -> None:
        """Take a code from a scanner with a port of its own: as if it had been typed, and the pages look at once."""
        async with self._one_at_a_time:
            if text is not None and len(text) <= CHARS_MAX:
                await self._state.submit_qr(text)
            else:
                self._state.cannot_read()
        self._pickup.watch.bump()

    def _is_typed(self, text: str) -> bool:
        whole = len(text) in (CODE_DIGITS, self._state.digits())
        return whole and text.isascii() and text.isdigit()

    async def stay(self, request: web.Request) -> web.StreamResponse:
        """Give more time."""
        await read_form(request)
        self._state.stay()
        return self._answer(request)

    async def settings(self, request: web.Request) -> web.StreamResponse:
        """Change language or text size, or go back to how the station starts."""
        fields = await read_form(request)
        if "reset" in fields:
            self._state.reset()
        else:
            lang = Lang.of(fields["lang"]) if "lang" in fields else None
            large = fields["text"] == "large" if "text" in fields else None
            self._state.choose(lang, large)
        return see_other("/")

    def _acting(
        self, act: Callable[[], Awaitable[None]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            fields = await read_form(request)
            async with self._one_at_a_time:
                if self._state.once.take(fields.get("key", "")):
                    await self._state.quietly(act)
            return self._answer(request)

        return handler

    def _answer(self, request: web.Request) -> web.Response:
        if wants_fragment(request):
            return page(self._page.stage())
        return see_other("/")

    async def _turn(self) -> None:
        """Wait for a change of the session, at most a second; then apply what time has done."""
        watch = self._pickup.watch
        try:
            async with asyncio.timeout(TICK_S):
                await watch.wait(watch.version)
        except TimeoutError:
            await self._state.tick()
