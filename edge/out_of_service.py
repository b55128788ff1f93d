"""What a station shows while its disk refuses: that it cannot serve now, and whom to call. No door, no crash loop."""

import asyncio
import html
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from aiohttp import web

from common.kit.errors import LinliError
from common.kit.web import WebServer, make_app
from edge.config import ScreenSection

AGAIN_S = 30.0
DISK_KEYS = frozenset({"folder.unusable", "storage.disk", "storage.damaged"})
_log = logging.getLogger(__name__)
_PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta http-equiv="refresh" content="15">
<title>暂停服务 · Out of service</title></head>
<body style="font-family:sans-serif;text-align:center;margin:12vh 6vw;line-height:1.6">
<h1 style="font-size:2.6rem">本柜暂时不能开门</h1>
<p style="font-size:1.5rem">您的取件码仍然有效，请稍后再试{call_zh}。</p>
<h2 lang="en">This cabinet cannot serve now</h2>
<p lang="en">Your code stays valid. Please try again later{call_en}.</p>
</body></html>
"""


async def sorry(screen: ScreenSection, data: Path, why: LinliError) -> None:
    """Serve the page on both ports for half a minute; a port that cannot be had is no reason to stop."""
    _log.error("cannot serve, looking again in %d s: %s", AGAIN_S, why.detail)
    phone = help_phone(data / "state.db")
    servers = (
        WebServer(sorry_app(phone), "127.0.0.1", screen.kiosk_port),
        WebServer(sorry_app(phone), screen.keeper_host, screen.keeper_port),
    )
    try:
        for server in servers:
            try:
                await server.start()
            except LinliError as error:
                _log.error("%s", error.detail)
        await asyncio.sleep(AGAIN_S)
    finally:
        for server in servers:
            await server.stop()


def sorry_app(phone: str) -> web.Application:
    """Return the application: every page is the same one, with 503."""
    number = f" <b>{html.escape(phone)}</b>"
    text = _PAGE.format(
        call_zh=f"，或拨打{number}" if phone else "", call_en=f" or call{number}" if phone else ""
    )

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html", status=503)

    app = make_app()
    app.router.add_route("*", "/{any:.*}", page)
    return app


def help_phone(state_db: Path) -> str:
    """Return the site's number out of a database that may be read only; empty when it cannot be had."""
    try:
        uri = f"{state_db.resolve().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as conn:
            row = conn.execute("SELECT help_phone FROM replica_station").fetchone()
    except (sqlite3.Error, OSError):  # a read-only or a damaged disk
        return ""
    return str(row[0]) if row else ""
