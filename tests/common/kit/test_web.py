"""The web server on a real socket: problems, limits, headers, hosts, origins, ports."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp import web

from common.kit.errors import UnavailableError
from common.kit.problems import SECURITY_HEADERS
from common.kit.web import (
    Limits,
    TooManyError,
    WebServer,
    make_app,
    read_body,
    serve,
)
from linli.world.loop import VirtualLoop, run_virtual

FAST = Limits(header_s=0.2, body_s=0.2, connections=3, body_bytes=1000, stop_s=0.2)


async def _echo(request: web.Request) -> web.Response:
    return web.Response(body=await read_body(request))


async def _bug(_request: web.Request) -> web.Response:
    raise RuntimeError("the secret of the trace")


async def _too_many(_request: web.Request) -> web.Response:
    raise TooManyError("access.wait", "wait", wait_s=7)


@asynccontextmanager
async def running(limits: Limits | None = None, **options: object) -> AsyncIterator[WebServer]:
    app = make_app(limits=limits, **options)  # type: ignore[arg-type]
    app.router.add_post("/echo", _echo)
    app.router.add_get("/bug", _bug)
    app.router.add_get("/many", _too_many)
    subject = WebServer(app, "127.0.0.1", 0)
    await subject.start()
    try:
        yield subject
    finally:
        await subject.stop()


async def ask(server: WebServer, method: str, path: str, **options: object) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url) as client:
        return await client.request(method, path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "key"),
    [
        ("GET", "/nowhere", b"", 404, "web.not_found"),
        ("DELETE", "/echo", b"", 405, "web.method_not_allowed"),
        ("POST", "/echo", b"x" * 1001, 413, "web.too_large"),
        ("GET", "/bug", b"", 500, "internal"),
        ("GET", "/many", b"", 429, "access.wait"),
    ],
)
async def test_every_error_is_a_problem(
    method: str,
    path: str,
    content: bytes,
    status: int,
    key: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(FAST) as server:
        answer = await ask(server, method, path, content=content)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "key", "params"}
    assert (body["key"], body["status"]) == (key, status)
    assert "secret" not in answer.text
    assert ("secret of the trace" in caplog.text) == (path == "/bug")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_body_that_is_not_packed_as_it_says_is_a_problem(coding: str) -> None:
    async with running() as server:
        headers = {"Content-Encoding": coding}
        answer = await ask(server, "POST", "/echo", content=b"plain", headers=headers)
    assert (answer.status_code, answer.json()["key"]) == (400, "web.bad_request")


@pytest.mark.parametrize(
    ("sent", "status", "key"),
    [
        (b"FOO /echo HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "web.bad_request"),
        (b"GET /\xe9 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "web.bad_request"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: \x00\r\n\r\n", 400, "web.bad_request"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 400, "web.bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400, "web.bad_request"),
        (b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "web.bad_request"),
        (
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: much\r\n\r\n",
            417,
            "web.expectation",
        ),
        (
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nlump",
            400,
            "web.bad_request",
        ),
    ],
)
async def test_what_is_no_http_is_a_problem_without_a_trace(
    sent: bytes, status: int, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(FAST) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(sent)
        head, _, body = (await _until_closed(reader)).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    assert f" {status} ".encode() in head.splitlines()[0]
    assert b"Content-Type: application/problem+json" in head
    assert b"Server: linli" in head
    assert b"Content-Security-Policy" in head
    assert json.loads(body)["key"] == key
    assert [record for record in caplog.records if record.exc_info] == []


async def test_a_refused_method_names_those_allowed() -> None:
    async with running() as server:
        assert (await ask(server, "DELETE", "/echo")).headers["allow"] == "POST"


async def test_too_many_says_when_to_come_back() -> None:
    async with running() as server:
        answer = await ask(server, "GET", "/many")
    assert answer.headers["retry-after"] == "7"
    assert answer.json()["params"] == {"wait_s": 7}


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/bug"])
async def test_security_headers_are_on_every_answer(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with running() as server:
        answer = await ask(server, "GET", path)
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["server"] == "linli"
    assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:80", 200),
        ("[::1]:80", 200),
        ("localhost", 200),
        ("hub.example.cn", 200),
        ("evil.example", 421),
        ("hub.example.cn.evil.example", 421),
        ("", 421),
        ("[broken", 421),
    ],
)
async def test_only_known_hosts_are_served(host: str, status: int) -> None:
    async with running(hosts=["hub.example.cn"]) as server:
        answer = await ask(server, "GET", "/healthz", headers={"host": host})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "OWN"}, 200),
        ({"Cookie": "linli=1"}, 403),
        ({"Cookie": "linli=1", "Origin": "OWN"}, 200),
    ],
)
async def test_a_write_from_a_page_must_be_our_page(headers: dict[str, str], status: int) -> None:
    async with running() as server:
        own = {name: server.url if value == "OWN" else value for name, value in headers.items()}
        assert (await ask(server, "POST", "/echo", headers=own)).status_code == status


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(3):
        return await reader.read()


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: a"])
async def test_a_client_that_never_finishes_its_header_is_cut_off(sent: bytes) -> None:
    async with running(FAST) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(sent)
        assert await _until_closed(reader) == b""
        writer.close()


async def test_a_client_that_never_finishes_its_body_gets_a_problem() -> None:
    async with running(FAST) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc")
        answer = await _until_closed(reader)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"key":"web.too_slow"' in answer


async def test_more_connections_than_places_are_turned_away() -> None:
    async with running(Limits(connections=3)) as server:
        kept = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await _until_closed(reader) == b""
        kept[0][1].write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await kept[0][0].readline()).startswith(b"HTTP/1.1 200 ")
        for _, one in (*kept, (reader, writer)):
            one.close()


async def test_a_taken_port_is_named() -> None:
    async with running() as server:
        with pytest.raises(UnavailableError, match=str(server.port)) as caught:
            await serve(make_app(), "127.0.0.1", server.port)
    assert caught.value.key == "port.taken"
    assert caught.value.params["port"] == server.port


async def test_an_address_of_another_machine_is_refused_plainly() -> None:
    with pytest.raises(UnavailableError, match=r"cannot listen on 192\.0\.2\.1") as caught:
        await serve(make_app(), "192.0.2.1", 0)
    assert caught.value.key == "port.refused"


async def test_readiness_lists_what_is_missing() -> None:
    missing = ["the database"]
    async with running(not_ready=lambda: missing) as server:
        answer = await ask(server, "GET", "/readyz")
        assert (answer.status_code, answer.json()["key"]) == (503, "web.not_ready")
        assert "the database" in answer.json()["detail"]
        missing.clear()
        assert (await ask(server, "GET", "/readyz")).status_code == 200


def test_the_same_server_runs_in_virtual_time() -> None:
    async def main(loop: VirtualLoop) -> tuple[bytes, float]:
        server = WebServer(make_app(hosts=["hub"]), "hub", 8800)
        await server.start()
        reader, writer = await asyncio.open_connection("hub", 8800)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: hub:8800\r\n\r\n")
        line = await reader.readline()
        await reader.read()
        idle_s = loop.time()
        writer.close()
        await server.stop()
        return line, idle_s

    line, idle_s = run_virtual(1, main)
    assert line.startswith(b"HTTP/1.1 200 ")
    assert 10 < idle_s < 20  # a silent kept-alive connection ends by `Limits.header_s`
