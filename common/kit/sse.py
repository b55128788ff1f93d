"""Server-sent events for every page: a hello with the build id, a heartbeat, regions that changed.

The wire is what `common/ui/static/live.js` reads; source: HTML Living Standard, server-sent events.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass

from aiohttp import web

HEARTBEAT_S = 2.0
"""Pause between two signs of life; the page calls the link down after six seconds without one."""

_RETRY_MS = 1000
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a page: sent again only when `key` differs from the last one sent."""

    element_id: str
    key: Hashable
    html: Callable[[], str]


def event(name: str, data: str) -> bytes:
    """Return one event in wire form; line ends in `data` become several data lines."""
    lines = data.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return (f"event: {name}\n" + "".join(f"data: {line}\n" for line in lines) + "\n").encode()


class Streams:
    """The open streams of one application; all end at once when it shuts down."""

    def __init__(self) -> None:
        """Start with none; add `close` to the application's `on_shutdown`."""
        self._tasks: dict[int, asyncio.Task[object]] = {}
        self._closing = False

    def __len__(self) -> int:
        """Return how many pages are listening."""
        return len(self._tasks)

    async def close(self, _app: web.Application) -> None:
        """End every stream, so that a stop need not wait for pages that listen for ever."""
        self._closing = True
        for task in list(self._tasks.values()):
            task.cancel()

    async def serve(
        self,
        request: web.Request,
        *,
        build_id: str,
        regions: Callable[[], Iterable[Region]],
        wait: Callable[[], Awaitable[object]],
        heartbeat_s: float = HEARTBEAT_S,
    ) -> web.StreamResponse:
        """Send every region on connect, then each one whose key changes, until the page leaves.

        `wait` returns when something may have changed; it is cut off after `heartbeat_s`.
        """
        if self._closing:
            raise web.HTTPServiceUnavailable
        response = web.StreamResponse(headers=_HEADERS)
        task = asyncio.current_task()
        assert task is not None  # a handler always runs in a task
        self._tasks[id(task)] = task
        try:
            await response.prepare(request)
            await response.write(f"retry: {_RETRY_MS}\n\n".encode() + event("hello", build_id))
            await _follow(response, regions, wait, heartbeat_s)
        except ConnectionError:
            return response  # the page is gone: nothing to tell it
        finally:
            self._tasks.pop(id(task), None)
        return response


async def _follow(
    response: web.StreamResponse,
    regions: Callable[[], Iterable[Region]],
    wait: Callable[[], Awaitable[object]],
    heartbeat_s: float,
) -> None:
    loop = asyncio.get_running_loop()
    sent: dict[str, Hashable] = {}
    next_beat = loop.time() + heartbeat_s
    while True:
        for region in regions():
            if region.element_id not in sent or sent[region.element_id] != region.key:
                sent[region.element_id] = region.key
                await response.write(event("region", f"{region.element_id}\n{region.html()}"))
        now = loop.time()
        if now >= next_beat:
            await response.write(event("hb", ""))
            next_beat = now + heartbeat_s
        try:
            async with asyncio.timeout(max(next_beat - now, 0.05)):
                await wait()
        except TimeoutError:
            continue
