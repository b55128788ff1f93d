"""The pages' cookie: what the browser is told, whom it names, and how it ends."""

from collections.abc import AsyncIterator
from http.cookies import SimpleCookie

import httpx
import pytest
from aiohttp import web

from cloud.access.caller import OPERATOR
from cloud.access.service import Access
from cloud.access.session import COOKIE, end_session, page_caller, start_session
from cloud.app import Rooms
from common.kit.web import WebServer, make_app
from tests.cloud.harness import BOSS, PASSWORD, plain_client


def pages(access: Access) -> web.Application:
    app = make_app()

    async def enter(_request: web.Request) -> web.Response:
        response = web.Response()
        issued = await access.sign_in("wang", PASSWORD, kind="cookie")
        start_session(response, issued, secure=True)
        return response

    async def who(request: web.Request) -> web.Response:
        caller = await page_caller(access, request)
        return web.Response(text=caller.login if caller else "nobody")

    async def leave(request: web.Request) -> web.Response:
        response = web.Response()
        await end_session(access, request, response)
        return response

    app.router.add_post("/enter", enter)
    app.router.add_get("/who", who)
    app.router.add_post("/leave", leave)
    return app


@pytest.fixture
async def client(rooms: Rooms) -> AsyncIterator[httpx.AsyncClient]:
    await rooms.access.create(BOSS, login="wang", role=OPERATOR, password=PASSWORD)
    server = WebServer(pages(rooms.access), "127.0.0.1", 0)
    await server.start()
    async with plain_client(server.url, headers={"Origin": server.url}) as found:
        yield found
    await server.stop()


async def test_a_session_from_sign_in_to_sign_out(client: httpx.AsyncClient) -> None:
    answer = await client.post("/enter")
    cookie = SimpleCookie(answer.headers["set-cookie"])[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Strict", True)
    held = {"Cookie": f"{COOKIE}={cookie.value}"}
    client.cookies.clear()
    assert (await client.get("/who", headers=held)).text == "wang"
    await client.post("/leave", headers=held)
    client.cookies.clear()
    assert (await client.get("/who", headers=held)).text == "nobody"


@pytest.mark.parametrize("cookie", ["", f"{COOKIE}=", f"{COOKIE}=x", "other=1"])
async def test_without_a_valid_cookie_it_is_nobody(client: httpx.AsyncClient, cookie: str) -> None:
    answer = await client.get("/who", headers={"Cookie": cookie} if cookie else {})
    assert answer.text == "nobody"


async def test_the_cookie_alone_cannot_write_from_another_site(client: httpx.AsyncClient) -> None:
    await client.post("/enter")
    foreign = {"Origin": "https://evil.example"}
    assert (await client.post("/leave", headers=foreign)).status_code == 403
