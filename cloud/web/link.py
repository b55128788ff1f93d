"""Showing a resident's own link to the desk: it holds the code, so a reason is asked for and kept."""

from aiohttp import web

from cloud.access.caller import DESK
from cloud.access.service import audit_tx
from cloud.web.forms import path_id, text_of
from cloud.web.frame import Frame, page, see_other, sorry_flash, to_sign_in
from cloud.web.orders import OrderPages
from cloud.web.session import lang_of
from common.kit.errors import LinliError
from common.kit.web import read_form


class LinkPages:
    """The one answer of the desk that carries a secret: shown once, never redirected to, never kept."""

    def __init__(self, frame: Frame, orders: OrderPages) -> None:
        """Stand on `frame`."""
        self._frame, self._orders = frame, orders

    def add_to(self, app: web.Application) -> None:
        """Register the route."""
        app.router.add_post("/orders/{order_id}/link", self.show)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Write down who looks and why, then show the link on the order's page."""
        frame, lang, order_id = self._frame, lang_of(request), path_id(request, "order_id")
        fields, who = await read_form(request), await frame.sessions.of(request)
        if who is None:
            return to_sign_in(request)
        if not who.caller.roles & DESK:
            return frame.sorry(lang, 403, "access.role", who)
        try:
            who.check_csrf(fields)
            reason = text_of(fields, "reason", least=3)
            view = await frame.ports.orders.view(order_id, who.caller)
        except LinliError as error:
            if error.status != 422:
                return frame.sorry(lang, error.status, error.key, who)
            frame.sessions.keep(who, sorry_flash(error))
            return see_other(f"/orders/{order_id}")
        origin, name = request.remote or "", who.caller.name
        await frame.ports.db.write(
            lambda c: audit_tx(
                c, clock=frame.ports.clock, who=name, what="order.link_shown",
                about=f"{order_id}: {reason}", origin=origin,
            )
        )  # fmt: skip
        parts = {one.element_id: one.html() for one in self._orders.regions(view, who, lang)}
        link = f"/o/{frame.ports.orders.link_token(order_id)}"
        return page(
            frame.desk_page(
                "order.html", lang, who, view=view, parts=parts, here="orders", link=link
            )
        )
