"""What every page of the hub stands on: the rooms it asks, rendering, guards, forms that count once."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import orjson
from aiohttp import web

from cloud.access.caller import DESK
from cloud.access.service import Access
from cloud.catalog.service import Catalog
from cloud.cdp.service import People
from cloud.orders.service import Orders
from cloud.stations.service import Stations
from cloud.sync.gateway import Gateway
from cloud.web.face import BUILD_ID, renderer
from cloud.web.forms import Fields, local_path
from cloud.web.hints import Hints
from cloud.web.session import Flash, Sessions, Who, lang_of
from common.contract.error_keys import ERROR_KEYS
from common.kit.chance import Chance
from common.kit.clock import Clock, from_ms, to_ms
from common.kit.errors import LinliError
from common.kit.ids import new_id
from common.kit.openapi import Answer
from common.kit.sqldb import HubDb
from common.kit.sse import Streams
from common.kit.web import read_form
from common.ui.i18n import Lang, Texts

Outcome = tuple[str, Flash | None]
"""Where to go next, and what to say there."""
Look = Callable[[web.Request, Who, Lang], Awaitable[str]]
Serve = Callable[[web.Request, Who, Lang], Awaitable[web.StreamResponse]]
Act = Callable[[web.Request, Who, Fields], Awaitable[Outcome]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger(__name__)


class Once(Protocol):
    """Keeps what a form answered, so that sending it again has no second effect."""

    async def once(
        self, *, account_id: str, key: str, request: bytes, run: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Run, or return the answer of the first time."""


@dataclass(frozen=True, slots=True)
class WebPorts:
    """The rooms and ports the pages use."""

    access: Access
    stations: Stations
    orders: Orders
    catalog: Catalog
    people: People
    gateway: Gateway
    once: Once
    db: HubDb
    clock: Clock
    chance: Chance


class Frame:
    """Guards and renders the pages of one hub."""

    def __init__(self, ports: WebPorts, sessions: Sessions, hints: Hints) -> None:
        """Serve from `ports`."""
        self.ports, self.sessions, self.hints = ports, sessions, hints
        self.streams = Streams()
        self._renderer = renderer()

    def now_ms(self) -> int:
        """Return the wall time in milliseconds."""
        return to_ms(self.ports.clock.wall())

    def key(self) -> str:
        """Return a fresh key for one form."""
        return new_id(self.ports.clock, self.ports.chance)

    def render(self, template: str, lang: Lang, /, **context: object) -> str:
        """Return a page or a part of one."""
        return self._renderer.render(
            template, lang, build_id=BUILD_ID, key=self.key, at=from_ms, **context
        )

    def desk_page(self, template: str, lang: Lang, who: Who, /, **context: object) -> str:
        """Return a whole page of the desk for `who`."""
        return self.render(
            template, lang, who=who, csrf=who.csrf, flash=self.sessions.take(who), **context
        )

    def looking(self, look: Look) -> Handler:
        """Return the handler of a page for the desk's roles; nobody signed in goes to the door."""

        async def show(request: web.Request, who: Who, lang: Lang) -> web.StreamResponse:
            return page(await look(request, who, lang))

        return self.serving(show)

    def serving(self, serve: Serve) -> Handler:
        """Return the handler of anything else than a page, guarded like one."""

        async def handler(request: web.Request) -> web.StreamResponse:
            who, lang = await self.sessions.of(request), lang_of(request)
            if who is None:
                return to_sign_in(request)
            if not who.caller.roles & DESK:
                return self.sorry(lang, 403, "access.role", who)
            try:
                return await serve(request, who, lang)
            except LinliError as error:
                return self.sorry(lang, error.status, error.key, who)

        return handler

    def acting(self, act: Act) -> Handler:
        """Return the handler of a form: session, role, form token, once, then act and redirect."""

        async def handler(request: web.Request) -> web.StreamResponse:
            fields, who = await read_form(request), await self.sessions.of(request)
            lang = lang_of(request)
            if who is None:
                return to_sign_in(request)
            if not who.caller.roles & DESK:
                return self.sorry(lang, 403, "access.role", who)
            try:
                who.check_csrf(fields)
                target, flash = await self._once(request, who, fields, act)
            except LinliError as error:
                if error.status == web.HTTPForbidden.status_code:
                    return self.sorry(lang, error.status, error.key, who)
                back = request.headers.get("Referer", "").partition(request.host)[2]
                target, flash = local_path(back), sorry_flash(error)
            if flash is not None:
                self.sessions.keep(who, flash)
            return see_other(target)

        return handler

    def sorry(self, lang: Lang, status: int, key: str, who: Who | None = None) -> web.Response:
        """Return a page that says what is wrong in the reader's language."""
        said = ERROR_KEYS.get(key, "This did not work.")
        text = self.render("sorry.html", lang, status=status, said=said, who=who)
        return page(text, status=status)

    def texts(self, lang: Lang) -> Texts:
        """Return the words of a language."""
        return self._renderer.catalogue.texts(lang)

    async def _once(self, request: web.Request, who: Who, fields: Fields, act: Act) -> Outcome:
        async def run() -> Answer:
            target, flash = await act(request, who, fields)
            said = flash and [flash.kind, flash.text, flash.params]
            return Answer(303, orjson.dumps([target, said]), "application/json")

        whole = f"{request.path}\n{sorted(fields.items())}".encode()
        answer = await self.ports.once.once(
            account_id=who.caller.account_id, key=fields.get("key", ""), request=whole, run=run
        )
        target, said = orjson.loads(answer.body)
        return target, Flash(*said) if said else None


def page(text: str, status: int = 200) -> web.Response:
    """Return HTML."""
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


def see_other(path: str) -> web.Response:
    """Return the redirect after a form."""
    return web.Response(status=303, headers={"Location": path})


def to_sign_in(request: web.Request) -> web.Response:
    """Return the way to the door, and back to this page afterwards."""
    if request.method != "GET":
        return see_other("/sign-in")
    return web.Response(
        status=303,
        headers={
            "Location": str(request.rel_url.with_path("/sign-in").with_query(to=request.path))
        },
    )


def sorry_flash(error: LinliError) -> Flash:
    """Return what the next page says about a refusal."""
    return Flash("crit", ERROR_KEYS.get(error.key, error.detail))
