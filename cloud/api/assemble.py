"""Puts every room's routes under `/api/v1`, and beside them the OpenAPI document of the whole hub."""

from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from common.kit.described import Described, described
from common.kit.openapi import Gate, Route, mount
from common.kit.openapi_document import document
from common.kit.work import Work

PREFIX = "/api/v1"
DOCUMENT_PATH = f"{PREFIX}/openapi.json"
VERSION = "1.0.0"


def add_api(app: web.Application, routes: Sequence[Route], gate: Gate) -> None:
    """Serve `routes`."""
    mount(app, PREFIX, routes, gate)


def add_document(app: web.Application, work: Work) -> None:
    """Serve the document of all that `app` has by then, this route included."""
    app.router.add_get(DOCUMENT_PATH, _Document(app, work).get)


class _Document:
    """The document, written when it is first asked for: it takes longer than the rest of the hub's start."""

    def __init__(self, app: web.Application, work: Work) -> None:
        self._app, self._work = app, work
        self._body = b""

    @described(Described("This document", "openapi", {200: dict[str, Any]}))
    async def get(self, _request: web.Request) -> web.Response:
        """Answer the document; it is the same until the hub ends."""
        if not self._body:
            self._body = await self._work.run(self._write)
        return web.Response(body=self._body, content_type="application/json")

    def _write(self) -> bytes:
        found = document(self._app, title="Linli hub", version=VERSION)
        return orjson.dumps(found, option=orjson.OPT_INDENT_2)
