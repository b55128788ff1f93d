"""Server-sent events: wire form, only what changed, heartbeats, an end with the program."""

import asyncio

import pytest
from aiohttp import ClientPayloadError, web
from aiohttp.test_utils import TestClient, TestServer

from common.kit.sse import Region, Streams, event


class Board:
    """A page with two regions and a bell."""

    def __init__(self) -> None:
        self.streams, self.bell = Streams(), asyncio.Event()
        self.values = {"a": 1, "b": 1}
        self.app = web.Application()
        self.app.router.add_get("/live", self.live)
        self.app.on_shutdown.append(self.streams.close)

    async def live(self, request: web.Request) -> web.StreamResponse:
        return await self.streams.serve(
            request, build_id="b1", regions=self.regions, wait=self.wait, heartbeat_s=0.05
        )

    def regions(self) -> list[Region]:
        return [
            Region(name, value, lambda name=name, value=value: f"<b>{name}{value}</b>")  # type: ignore[misc]
            for name, value in self.values.items()
        ]

    async def wait(self) -> None:
        await self.bell.wait()
        self.bell.clear()


async def read_until(content: asyncio.StreamReader, wanted: str) -> str:
    text = ""
    while wanted not in text:
        text += (await content.readany()).decode()  # type: ignore[attr-defined] # aiohttp's own reader
    return text


def test_lines_become_data_lines() -> None:
    assert event("region", "a\n<b>\r\n</b>") == b"event: region\ndata: a\ndata: <b>\ndata: </b>\n\n"
    assert event("hb", "") == b"event: hb\ndata: \n\n"


async def test_everything_first_then_what_changed() -> None:
    board = Board()
    async with TestClient(TestServer(board.app)) as client:
        answer = await client.get("/live")
        first = await read_until(answer.content, "b1</b>")  # type: ignore[arg-type]
        assert first.startswith("retry: 1000\n\nevent: hello\ndata: b1\n\n")
        assert "data: a\ndata: <b>a1</b>" in first
        board.values["b"] = 2
        board.bell.set()
        second = await read_until(answer.content, "b2</b>")  # type: ignore[arg-type]
        assert "a1" not in second
        answer.close()


async def test_beats_while_nothing_happens() -> None:
    board = Board()
    async with TestClient(TestServer(board.app)) as client:
        answer = await client.get("/live")
        text = ""
        while text.count("event: hb") < 2:
            text += (await answer.content.readany()).decode()
        assert text.count("event: region") == 2
        answer.close()


async def test_ends_with_the_program() -> None:
    board = Board()
    server = TestServer(board.app)
    async with TestClient(server) as client:
        answer = await client.get("/live")
        await answer.content.readany()
        assert len(board.streams) == 1
        assert server.runner is not None
        await server.runner.shutdown()
        with pytest.raises(ClientPayloadError):
            await answer.content.read()
        assert len(board.streams) == 0
        assert (await client.get("/live")).status == 503
