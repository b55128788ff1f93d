"""Puts every room's routes under `/api/v1`, and beside them the OpenAPI document of the whole hub."""

from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from common.kit.described import Described, described
from common.kit.openapi import Gate, Route, mount
from common.kit.openapi_document import document

PREFIX = "/api/v1"
DOCUMENT_PATH = f"{PREFIX}/openapi.json"
VERSION = "1.0.0"


def add_api(app: web.Application, routes: Sequence[Route], gate: Gate) -> None:
    """Serve `routes`."""
    mount(app, PREFIX, routes, gate)


def add_document(app: web.Application) -> None:
    """Serve the document of all that `app` has by now, this route included."""

    @described(Described("This document", "openapi", {200: dict[str, Any]}))
    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app.router.add_get(DOCUMENT_PATH, openapi)
    body = orjson.dumps(
        document(app, title="Linli hub", version=VERSION), option=orjson.OPT_INDENT_2
    )
