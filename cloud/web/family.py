"""Somebody else collects: the owner's forms on her order page, and the page of whoever was sent.

No sign-in and no script are needed; each link's token is the secret, and the errand's page knows nothing of the order.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from aiohttp import web

from cloud.orders.delegating import DelegateView, ErrandView
from cloud.orders.machine import CancelState
from cloud.orders.reading import OrderView, ParcelView
from cloud.orders.renewing import TO_COLLECT
from cloud.stations.views import Connectivity, StationView
from cloud.web.forms import Fields, is_id, text_of
from cloud.web.frame import Frame, see_other
from cloud.web.link_page import LinkPage
from cloud.web.private import private, shown
from cloud.web.qr import qr_svg
from cloud.web.session import lang_of
from cloud.web.words import Tag, delegate_tag, zone_word
from common.contract.error_keys import ERROR_KEYS
from common.kit.clock import from_ms
from common.kit.errors import InvalidError, LinliError
from common.kit.openapi import Answer
from common.kit.sse import Region
from common.kit.web import read_form
from common.ui.i18n import Lang, Texts

Act = Callable[[OrderView, Fields], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DelegateLine:
    """One given pickup as its owner sees it; `silent` says that the station cannot have heard of the end yet."""

    view: DelegateView
    tag: Tag
    goods: str
    silent: str | None
    may_take_back: bool


def family_region(frame: Frame, view: OrderView, station: StationView, lang: Lang) -> Region:
    """Return the part of the order page that tells what was given and takes it back."""
    texts, pickup = frame.texts(lang), view.pickup
    given = pickup.delegates if pickup else ()
    lines = [_line(one, view, station, texts) for one in given]
    return Region(
        "family", (lines, lang),
        lambda: frame.render(
            "resident_family.html", lang, lines=lines, base=f"/o/{view.link_token}",
        ),
    )  # fmt: skip


def goods_word(parcel: ParcelView, texts: Texts) -> str:
    """Return a parcel in a resident's words: temperature class and pieces."""
    pieces = texts.ngettext("%(n)s piece", "%(n)s pieces", parcel.items)
    return f"{zone_word(parcel.temperature_class, texts)} · {pieces}"


class FamilyPages(LinkPage[tuple[ErrandView, str]]):
    """The owner's two forms, and the errand's page."""

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_post("/o/{token}/give", self.give)
        app.router.add_post("/o/{token}/take-back", self.take_back)
        app.router.add_get("/p/{token}", self.show)
        app.router.add_get("/p/{token}/live", self.live)

    async def give(self, request: web.Request) -> web.StreamResponse:
        """Give one parcel away and go back to the order."""

        async def act(order: OrderView, fields: Fields) -> None:
            parcel_id = fields.get("parcel_id", "")
            if not is_id(parcel_id):
                raise InvalidError("web.bad_form", "the form names no parcel")
            given_to = text_of(fields, "given_to", most=40)
            by = f"link:{order.order_id}"
            await self._frame.ports.orders.give(order.order_id, parcel_id, given_to, by)

        return await self._act(request, act)

    async def take_back(self, request: web.Request) -> web.StreamResponse:
        """Take a given pickup back and go back to the order."""

        async def act(order: OrderView, fields: Fields) -> None:
            grant_id = fields.get("grant_id", "")
            if not is_id(grant_id):
                raise InvalidError("web.bad_form", "the form names no code")
            by = f"link:{order.order_id}"
            await self._frame.ports.orders.take_back(order.order_id, grant_id, by)

        return await self._act(request, act)

    async def _act(self, request: web.Request, act: Act) -> web.StreamResponse:
        """Act once, by the form's key; what was refused is said on the order's page."""
        fields, frame, lang = await read_form(request), self._frame, lang_of(request)
        home = f"/o/{request.match_info['token'][:80]}"
        try:
            order = await frame.ports.orders.by_link(request.match_info["token"][:80])
        except LinliError as error:
            return private(frame.sorry(lang, error.status, "web.link_unknown"))

        async def run() -> Answer:
            await act(order, fields)
            return Answer(303, orjson.dumps(home), "application/json")

        whole = f"{request.path}\n{sorted(fields.items())}".encode()
        try:
            await frame.ports.once.once(
                account_id=f"link:{order.order_id}", key=fields.get("key", ""), request=whole,
                run=run,
            )  # fmt: skip
        except LinliError as error:
            said = error.key if error.key in ERROR_KEYS else "web.bad_form"
            return private(see_other(f"{home}?said={said}#family"))
        return private(see_other(f"{home}#family"))

    async def _read(self, token: str) -> tuple[ErrandView, str]:
        ports = self._frame.ports
        view = await ports.orders.errand(token)
        detail = await ports.stations.detail(view.station_id)
        return view, detail.station.help_phone

    def _page(
        self, request: web.Request, found: tuple[ErrandView, str], lang: Lang
    ) -> web.Response:
        view, phone = found
        return shown(
            self._frame, "errand.html", lang, part=self._region(view, lang).html(), phone=phone,
            path=request.path,
        )  # fmt: skip

    def _regions(self, found: tuple[ErrandView, str], lang: Lang) -> list[Region]:
        view, _ = found
        return [self._region(view, lang)]

    def _topics(self, found: tuple[ErrandView, str]) -> tuple[str, ...]:
        view, _ = found
        return (f"order:{view.order_id}", f"station:{view.station_id}")

    def _region(self, view: ErrandView, lang: Lang) -> Region:
        texts = self._frame.texts(lang)
        until = from_ms(view.expires_at_ms) if view.expires_at_ms and view.code else None
        name = view.station_name_zh if lang is Lang.ZH else view.station_name_en
        return Region(
            "errand", (view, lang),
            lambda: self._frame.render(
                "errand_state.html", lang, view=view, name=name, until=until,
                zone=zone_word(view.temperature_class, texts),
                qr=qr_svg(view.qr, texts.gettext("QR code for the scanner")) if view.qr else None,
                notice=errand_notice(view, texts),
            ),
        )  # fmt: skip


def errand_notice(view: ErrandView, texts: Texts) -> Tag | None:
    """Return the one sentence of a code that opens nothing, None while it works or will."""
    _ = texts.gettext
    if view.revoke_state in ("pending", "done"):
        return ("warn", _("This pickup was taken back. Ask whoever sent you."))
    return {
        "opened": ("info", _("The door was opened. Please take the goods and shut it.")),
        "done": ("ok", _("These goods are collected. Thank you!")),
        "expired": ("warn", _("The time to collect is over. Please call for help.")),
    }.get(view.grant_state)


def to_give(view: OrderView, texts: Texts) -> list[tuple[str, str]]:
    """Return id and words of the parcels whose pickup may be given away now."""
    pickup = view.pickup
    if pickup is None or pickup.code is None or view.cancel is not CancelState.NONE:
        return []
    return [
        (one.parcel_id, goods_word(one, texts)) for one in view.parcels if one.state in TO_COLLECT
    ]


def _line(one: DelegateView, order: OrderView, station: StationView, texts: Texts) -> DelegateLine:
    _ = texts.gettext
    silent = None
    if one.revoke_state == "pending" and station.connectivity is not Connectivity.ONLINE:
        silent = _("The station has not been heard yet.")
        if station.last_heard_ms is not None:
            moment = texts.moment(from_ms(station.last_heard_ms))
            silent = _("The station was last heard at %(moment)s.", moment=moment)
    goods = next((goods_word(p, texts) for p in order.parcels if p.parcel_id == one.parcel_id), "")
    live = one.grant_state in ("waiting", "active", "opened") and one.revoke_state == "none"
    return DelegateLine(
        one, delegate_tag(one.grant_state, one.revoke_state, texts), goods, silent, live
    )
