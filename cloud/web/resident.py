"""The resident's order page: the link's token is the secret, no sign-in; the code in 4+4 digits.

Nothing here is cached, indexed or told to another site.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import web

from cloud.orders.machine import CancelState, OrderState
from cloud.orders.reading import OrderView
from cloud.stations.views import StationView
from cloud.web.family import family_region, to_give
from cloud.web.link_page import LinkPage
from cloud.web.private import shown
from cloud.web.qr import qr_svg
from cloud.web.words import Tag, order_tag, payment_word, story_word
from common.contract.error_keys import ERROR_KEYS
from common.kit.clock import from_ms
from common.kit.sse import Region
from common.ui.i18n import Lang, Texts

_WAY = ("confirmed", "packed", "departed", "arrived", "ready", "collected")
_ENDED = (OrderState.CANCELLED, OrderState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the story: `css` is empty for what happened, `next` or `later` for what will."""

    word: str
    at: datetime | None
    css: str


def steps(view: OrderView, texts: Texts) -> list[Step]:
    """Return what happened and what is still to come, as far as the order goes on."""
    told = [
        Step(story_word(one.kind, texts), from_ms(one.at_ms), "")
        for one in view.timeline
        if one.kind != "locked"
    ]
    if view.state in _ENDED or view.cancel is not CancelState.NONE:
        return told
    known = {one.kind for one in view.timeline}
    reached = max((n for n, kind in enumerate(_WAY) if kind in known), default=-1)
    later = [Step(story_word(kind, texts), None, "later") for kind in _WAY[reached + 1 :]]
    if later:
        later[0] = Step(later[0].word, None, "next")
    return told + later


def notice(view: OrderView, texts: Texts) -> Tag | None:
    """Return the one sentence the person should read first, None when the code says it all."""
    _ = texts.gettext
    if view.cancel is CancelState.PENDING:
        return (
            "warn",
            _("Your cancel is on its way to the station. We tell you here when it holds."),
        )
    if view.cancel is CancelState.LOST:
        return (
            "warn",
            _("The goods were collected before the cancel arrived, so it did not hold."),
        )
    if view.pickup and view.pickup.revoke_state in ("pending", "done"):
        return ("warn", _("This pickup code was withdrawn. Please call for help."))
    if view.pickup and view.pickup.grant_state == "expired":
        return ("warn", _("The time to collect is over. Please call for help."))
    return {
        OrderState.PLACED: ("warn", _("Not paid yet")),
        OrderState.EXPIRED: ("warn", _("This order was not paid in time. Nothing was charged.")),
        OrderState.CANCELLED: ("info", _("This order is cancelled.")),
        OrderState.CONFIRMED: ("info", _("Paid. Your pickup code appears here when the round is closed.")),
        OrderState.COLLECTED: ("ok", _("Everything is collected. Enjoy your meal!")),
        OrderState.OVERDUE: ("warn", _("The time to collect is over. Please call for help.")),
    }.get(view.state)  # fmt: skip


class ResidentPages(LinkPage[tuple[OrderView, StationView]]):
    """The page behind an order's link."""

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_get("/o/{token}", self.show)
        app.router.add_get("/o/{token}/live", self.live)

    async def _read(self, token: str) -> tuple[OrderView, StationView]:
        ports = self._frame.ports
        view = await ports.orders.by_link(token)
        detail = await ports.stations.detail(view.station_id)
        return view, detail.station

    def _page(
        self, request: web.Request, found: tuple[OrderView, StationView], lang: Lang
    ) -> web.Response:
        (view, station), texts = found, self._frame.texts(lang)
        parts = {one.element_id: one.html() for one in self._regions(found, lang)}
        return shown(
            self._frame, "resident.html", lang, parts=parts, view=view, phone=station.help_phone,
            path=request.path, tag=order_tag(view.state, texts),
            choices=to_give(view, texts), base=request.path,
            said=ERROR_KEYS.get(request.query.get("said", "")),
        )  # fmt: skip

    def _regions(self, found: tuple[OrderView, StationView], lang: Lang) -> list[Region]:
        view, station = found
        own = replace(view, pickup=view.pickup and replace(view.pickup, delegates=()))
        return [
            self._region(own, station.help_phone, lang),
            family_region(self._frame, view, station, lang),
        ]

    def _topics(self, found: tuple[OrderView, StationView]) -> tuple[str, ...]:
        view, _ = found
        return (
            f"order:{view.order_id}",
            f"station:{view.station_id}",
            f"events:{view.station_id}",
        )

    def _region(self, view: OrderView, phone: str, lang: Lang) -> Region:
        texts, pickup = self._frame.texts(lang), view.pickup
        until = from_ms(pickup.expires_at_ms) if pickup and pickup.expires_at_ms else None
        name = view.station_name_zh if lang is Lang.ZH else view.station_name_en
        return Region(
            "order", (view, phone, lang),
            lambda: self._frame.render(
                "resident_order.html", lang, view=view, phone=phone, name=name, until=until,
                code=pickup.code if pickup else None,
                qr=qr_svg(pickup.qr, texts.gettext("QR code for the scanner"))
                if pickup and pickup.qr else None,
                notice=notice(view, texts),
                tag=order_tag(view.state, texts), steps=steps(view, texts),
                payment=payment_word(view.payment, texts),
            ),
        )  # fmt: skip
