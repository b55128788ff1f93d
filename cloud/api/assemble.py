"""Puts every room's routes under `/api/v1` and their OpenAPI document beside them."""

from collections.abc import Sequence

import orjson
from aiohttp import web

from common.kit.openapi import Gate, Route, mount
from common.kit.openapi_document import document

PREFIX = "/api/v1"
VERSION = "1.0.0"


def add_api(app: web.Application, routes: Sequence[Route], gate: Gate) -> None:
    """Serve `routes` and `GET /api/v1/openapi.json`."""
    mount(app, PREFIX, routes, gate)
    body = orjson.dumps(api_document(routes), option=orjson.OPT_INDENT_2)

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app.router.add_get(f"{PREFIX}/openapi.json", openapi)


def api_document(routes: Sequence[Route]) -> dict[str, object]:
    """Return the OpenAPI 3.1 document of the hub."""
    return document(routes, prefix=PREFIX, title="Linli hub", version=VERSION)
