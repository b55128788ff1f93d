"""Orders at the desk: the list with its filters in the address, one order with its story, a new one."""

from dataclasses import dataclass, replace

from aiohttp import web

from cloud.orders.machine import CANCELLABLE_WITH_PARCELS, CancelState, OrderState, ParcelState
from cloud.orders.reading import OrderView, ParcelView
from cloud.orders.renewing import hindrance
from cloud.orders.service import OrderFilter
from cloud.web.forms import is_id, path_id
from cloud.web.frame import Frame
from cloud.web.session import Who
from cloud.web.words import (
    Tag,
    cancel_tag,
    grant_tag,
    order_tag,
    parcel_tag,
    payment_word,
    story_word,
    zone_word,
)
from common.kit.clock import from_ms
from common.kit.sse import Region
from common.ui.i18n import Lang, Texts

ORDERS_A_PAGE = 25
_SEARCHED_PAGES = 4
_SEARCHED_AT_ONCE = 100
NEXT_STEP = {
    ParcelState.LOCKED: "packed",
    ParcelState.PACKED: "departed",
    ParcelState.DEPARTED: "arrived",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The list's filters as the address says them."""

    state: str
    station: str
    text: str
    before: str

    @classmethod
    def of(cls, request: web.Request) -> "Wanted":
        """Read the address; a state nobody knows is none."""
        ask = request.query
        state = ask.get("state", "")
        state = state if state in {one.value for one in OrderState} else ""
        station, before = (ask.get(name, "") for name in ("station", "before"))
        return cls(
            state,
            station if is_id(station) else "",
            ask.get("q", "").strip()[:40],
            before if is_id(before) else "",
        )

    def filter(self) -> OrderFilter:
        """Return what the orders room can look for by itself."""
        return OrderFilter(
            station_id=self.station or None, state=self.state or None, before_id=self.before or None
        )


class OrderPages:
    """The pages about orders."""

    def __init__(self, frame: Frame) -> None:
        """Stand on `frame`."""
        self._frame = frame

    async def all(self, request: web.Request, who: Who, lang: Lang) -> str:
        """Return the list."""
        wanted, frame = Wanted.of(request), self._frame
        found, following = await self._found(who, wanted)
        rounds = await frame.ports.orders.rounds()
        texts = frame.texts(lang)
        states = [(state.value, order_tag(state, texts)[1]) for state in OrderState]
        query = {"state": wanted.state, "station": wanted.station, "q": wanted.text}
        following_url = following and str(
            request.rel_url.with_query(
                {k: v for k, v in query.items() if v} | {"before": following}
            )
        )
        return frame.desk_page(
            "orders.html", lang, who, rows=[self._row(one, texts) for one in found],
            wanted=wanted, states=states, stations=await frame.ports.stations.overview(),
            following=following_url, here="orders",
            round=next((one for one in rounds if one.state == "open"), None),
        )  # fmt: skip

    async def show(self, request: web.Request, who: Who, lang: Lang) -> str:
        """Return one order's page."""
        order_id = path_id(request, "order_id")
        view = await self._frame.ports.orders.view(order_id, who.caller)
        parts = {region.element_id: region.html() for region in self.regions(view, who, lang)}
        return self._frame.desk_page(
            "order.html", lang, who, view=view, parts=parts, here="orders", link=None
        )

    async def new(self, _request: web.Request, who: Who, lang: Lang) -> str:
        """Return the form of a new order."""
        ports = self._frame.ports
        rounds = await ports.orders.rounds()
        return self._frame.desk_page(
            "new_order.html", lang, who, here="new",
            people=await ports.people.page(after="", limit=200),
            stations=await ports.stations.overview(),
            products=[(one, zone_word(one.temperature_class, self._frame.texts(lang)))
                      for one in await ports.catalog.products()],
            is_open=any(one.state == "open" for one in rounds),
        )  # fmt: skip

    def regions(self, view: OrderView, who: Who, lang: Lang) -> list[Region]:
        """Return the live parts of an order's page."""
        frame, texts = self._frame, self._frame.texts(lang)
        parcels = [
            (one, parcel_tag(one.state, texts), zone_word(one.temperature_class, texts), next_step(one, view))
            for one in view.parcels
        ]  # fmt: skip
        pickup = view.pickup
        grant: Tag | None = (
            grant_tag(pickup.grant_state, pickup.revoke_state, texts) if pickup else None
        )
        story = [
            (from_ms(one.at_ms), story_word(one.kind, texts), one.source) for one in view.timeline
        ]
        return [
            Region(
                "order", replace(view, timeline=()),
                lambda: frame.render(
                    "order_state.html", lang, view=view, csrf=who.csrf, parcels=parcels, grant=grant,
                    tag=order_tag(view.state, texts), payment=payment_word(view.payment, texts),
                    cancel=cancel_tag(view.cancel, texts), may=allowed(view),
                ),
            ),
            Region(
                "story", view.timeline,
                lambda: frame.render("order_story.html", lang, story=story),
            ),
        ]  # fmt: skip

    async def _found(self, who: Who, wanted: Wanted) -> tuple[list[OrderView], str | None]:
        """Return a page and where the next one starts; a search reads the newest orders that fit the filters."""
        orders, filter_ = self._frame.ports.orders, wanted.filter()
        if not wanted.text:
            found = await orders.page(who.caller, filter_, ORDERS_A_PAGE)
            more = len(found) == ORDERS_A_PAGE
            return list(found), found[-1].order_id if more else None
        hits: list[OrderView] = []
        for _ in range(_SEARCHED_PAGES):
            found = await orders.page(who.caller, filter_, _SEARCHED_AT_ONCE)
            hits += [one for one in found if _fits(one, wanted.text)]
            if len(found) < _SEARCHED_AT_ONCE or len(hits) >= ORDERS_A_PAGE:
                break
            filter_ = replace(filter_, before_id=found[-1].order_id)
        return hits[:ORDERS_A_PAGE], None

    def _row(self, view: OrderView, texts: Texts) -> tuple[OrderView, Tag, str, str, Tag | None]:
        name = view.station_name_zh if texts.lang is Lang.ZH else view.station_name_en
        placed = texts.moment(from_ms(view.placed_at_ms))
        return view, order_tag(view.state, texts), name, placed, cancel_tag(view.cancel, texts)


def next_step(parcel: ParcelView, view: OrderView) -> str | None:
    """Return the next custody step staff may report, None when there is none."""
    return None if view.cancel is CancelState.PENDING else NEXT_STEP.get(parcel.state)


def allowed(view: OrderView) -> frozenset[str]:
    """Return which forms the order's state leaves: pay, lock, cancel, revoke, renew (the code)."""
    may = set()
    if view.state is OrderState.PLACED:
        may |= {"pay", "cancel"}
    if view.state is OrderState.CONFIRMED:
        may |= {"lock", "cancel"}
    in_house = all(one.state in (ParcelState.LOCKED, ParcelState.PACKED) for one in view.parcels)
    if view.state in CANCELLABLE_WITH_PARCELS and in_house:
        may.add("cancel")
    if view.cancel is not CancelState.NONE:
        may.discard("cancel")
    pickup = view.pickup
    if (
        pickup
        and pickup.revoke_state == "none"
        and pickup.grant_state in ("waiting", "active", "opened")
    ):
        may |= {"revoke", "link"}
    states = (one.state for one in view.parcels)
    if pickup and not hindrance(pickup.grant_state, pickup.revoke_state, view.cancel, states):
        may.add("renew")
    return frozenset(may)


def _fits(view: OrderView, text: str) -> bool:
    wanted = text.casefold()
    known = (view.number, view.order_id, view.person_masked, *(one.label for one in view.parcels))
    return any(wanted in one.casefold() for one in known)
