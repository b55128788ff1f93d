"""Puts the hub's pages on its application."""

from aiohttp import web

from cloud.web.acts import Acts
from cloud.web.entry import Entry
from cloud.web.export import EventExport
from cloud.web.face import ASSETS
from cloud.web.family import FamilyPages
from cloud.web.fleet_pages import FleetPages
from cloud.web.frame import Frame, WebPorts, see_other
from cloud.web.hints import Hinting, Hints
from cloud.web.link import LinkPages
from cloud.web.live import Live
from cloud.web.orders import OrderPages
from cloud.web.resident import ResidentPages
from cloud.web.session import Sessions
from cloud.web.setup import Setup
from cloud.web.site import SitePages
from cloud.web.technicians import TechnicianPages
from cloud.web.withdrawals import WithdrawalPages


def add_web(app: web.Application, ports: WebPorts, hints: Hinting, *, secure: bool) -> None:
    """Serve the desk and the resident's page; `secure` when people come by https."""
    frame = Frame(ports, Sessions(ports.access, secure=secure), Hints(hints))
    site, orders = SitePages(frame), OrderPages(frame)
    fleet = FleetPages(frame, site)
    for path, look in (
        ("/stations", fleet.look),
        ("/stations/{station_id}", site.look),
        ("/stations/{station_id}/withdrawals", WithdrawalPages(frame).look),
        ("/cases", fleet.cases),
        ("/orders", orders.all),
        ("/orders/new", orders.new),
        ("/orders/{order_id}", orders.show),
    ):
        app.router.add_get(path, frame.looking(look))
    app.router.add_get("/", _home)
    for part in (
        Entry(frame), Acts(frame), Live(frame, fleet, site, orders), LinkPages(frame, orders),
        ResidentPages(frame), FamilyPages(frame), TechnicianPages(frame), Setup(frame), EventExport(frame),
    ):  # fmt: skip
        part.add_to(app)
    ASSETS.add_to(app)
    app.on_shutdown.append(frame.streams.close)


async def _home(_request: web.Request) -> web.StreamResponse:
    return see_other("/stations")
