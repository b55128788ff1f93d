"""A technician's certificate at the loopback listener: `POST /maintenance` for `linli edge maintain`.

Only programs on this computer reach it; the certificate, not the connection, says who may.
"""

import orjson
from aiohttp import web

from common.kit.web import read_form
from edge.screen.services import Maintenance

PATH = "/maintenance"


class TechnicianRoutes:
    """The one operation: without a door it only looks."""

    def __init__(self, maintenance: Maintenance) -> None:
        """Ask `maintenance` each time."""
        self._maintenance = maintenance

    def add_to(self, app: web.Application) -> None:
        """Register the route."""
        app.router.add_post(PATH, self.act)

    async def act(self, request: web.Request) -> web.StreamResponse:
        """Take certificate, door, reason and `occupied=yes`; answer who may, until when, the doors, the request."""
        fields = await read_form(request)
        text, door = fields.get("certificate", ""), fields.get("door", "")
        asked = None
        if door:
            asked = await self._maintenance.open(
                text, door, fields.get("reason", ""), occupied=fields.get("occupied") == "yes"
            )
        view = await self._maintenance.look(text)
        said = {
            "technician": view.technician,
            "until": view.until.isoformat(),
            "doors": [
                {"label": one.label, "occupied": one.occupied, "open": one.open}
                for one in view.doors
            ],
            "open_request_id": asked,
        }
        return web.Response(body=orjson.dumps(said), content_type="application/json")
