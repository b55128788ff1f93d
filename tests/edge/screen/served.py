"""Serves an application from its own thread and loop: sync Playwright holds the main thread's loop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiohttp import web

from common.kit.web import WebServer

T = TypeVar("T")


class Served:
    """One application on a free port until `close()`."""

    def __init__(self, app: web.Application, port: int = 0) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.up(app, port)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def port(self) -> int:
        return self._server.port

    def do(self, fn: Callable[[], T]) -> T:
        """Run `fn` on the server's loop, where the state lives."""

        async def call() -> T:
            return fn()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    def await_(self, job: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there."""
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(10)

    def up(self, app: web.Application, port: int) -> None:
        """Listen, at the start or after `down()`."""
        self._server = WebServer(app, "127.0.0.1", port)
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)

    def down(self) -> None:
        """Stop listening and drop every connection."""
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)

    def close(self) -> None:
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
