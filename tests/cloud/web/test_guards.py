"""What the pages refuse: no session, a foreign role, another site, an old form, a link nobody was given."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.cloud.harness import BOSS, PASSWORD, HubUnderTest, plain_client

PAGES = ("/stations", "/orders", "/orders/new", "/cases")


@asynccontextmanager
async def client_of(hub: HubUnderTest, role: str) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser that has signed in as `role`."""
    login = f"page-{role}"
    await hub.hub.rooms.access.create(BOSS, login=login, role=role, password=PASSWORD)
    url = hub.hub.web.url
    async with plain_client(url, headers={"Origin": url}, timeout=30) as client:
        answer = await client.post("/sign-in", data={"login": login, "password": PASSWORD})
        assert answer.status_code == 303
        yield client


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


async def test_nobody_sees_a_page_without_a_session(hub: HubUnderTest) -> None:
    for path in PAGES:
        answer = await hub.client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?to={path}")
    for path in ("/live/stations", "/live/orders/x"):
        assert (await hub.client.get(path)).status_code == 401
    answer = await hub.client.post("/orders/new", data={"key": "x"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_a_bearer_token_is_no_session(hub: HubUnderTest) -> None:
    cookie = {"Cookie": f"linli_session={hub.tokens['operator']}"}
    assert (await hub.client.get("/stations", headers=cookie)).status_code == 303


@pytest.mark.parametrize("role", ["warehouse", "driver"])
async def test_other_roles_are_refused_clearly(hub: HubUnderTest, role: str) -> None:
    async with client_of(hub, role) as client:
        for path in PAGES:
            answer = await client.get(path)
            assert (answer.status_code, "您的角色不能执行此操作" in answer.text) == (403, True)
        assert (await client.get("/live/stations")).status_code == 403
        assert (await client.post("/rounds/open", data={"name": "x"})).status_code == 403


async def test_the_cookie_is_the_browsers_alone(hub: HubUnderTest) -> None:
    login = {"login": "page-admin", "password": PASSWORD}
    await hub.hub.rooms.access.create(BOSS, login="page-admin", role="admin", password=PASSWORD)
    answer = await hub.client.post("/sign-in", data={**login, "to": "//evil.example"})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert answer.headers["location"] == "/"


async def test_a_form_needs_this_sessions_token_and_this_site(hub: HubUnderTest) -> None:
    async with client_of(hub, "operator") as client:
        page = (await client.get("/orders")).text
        form = {"name": "第 9 期", "key": field(page, "key"), "csrf": field(page, "csrf")}
        other = {"Origin": "https://evil.example"}
        assert (await client.post("/rounds/open", data=form, headers=other)).status_code == 403
        stale = await client.post("/rounds/open", data={**form, "csrf": "0" * 32})
        assert (stale.status_code, "表单已过期" in stale.text) == (403, True)
        assert await hub.hub.rooms.orders.rounds() == []
        assert (await client.post("/rounds/open", data=form)).status_code == 303
        assert [one.name for one in await hub.hub.rooms.orders.rounds()] == ["第 9 期"]


async def test_a_form_sent_twice_acts_once(hub: HubUnderTest) -> None:
    async with client_of(hub, "operator") as client:
        page = (await client.get("/orders")).text
        form = {"name": "A", "key": field(page, "key"), "csrf": field(page, "csrf")}
        await client.post("/rounds/open", data=form)
        (round_,) = await hub.hub.rooms.orders.rounds()
        await hub.hub.rooms.orders.close_round(round_.round_id)
        again = await client.post("/rounds/open", data=form)
        assert again.status_code == 303
        assert len(await hub.hub.rooms.orders.rounds()) == 1


async def test_an_unknown_link_is_404_and_never_kept(hub: HubUnderTest) -> None:
    for path in ("/o/x", "/o/" + "A" * 27, "/o/%00"):
        answer = await hub.client.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert (await hub.client.get(f"{path}/live")).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/stations/nobody", 404),
        ("/stations/nobody?door=%22", 404),
        ("/orders/nobody", 404),
        ("/orders?state=nonsense&station=%00&before=%22", 200),
        ("/stations/%00", 404),
        ("/orders/01K0000000000000000000000%00", 404),
        ("/stations/01K00000000000000000000000?before=1.2.3", 422),
    ],
)
async def test_nonsense_in_the_address_is_answered_in_words(
    hub: HubUnderTest, path: str, status: int
) -> None:
    async with client_of(hub, "operator") as client:
        answer = await client.get(path)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")


async def test_nonsense_in_a_form_is_refused_and_changes_nothing(hub: HubUnderTest) -> None:
    async with client_of(hub, "operator") as client:
        for number, (path, form) in enumerate(
            (
                ("/orders/new", {"person_id": "\x00", "station_id": "x", "qty-MILK": "1"}),
                ("/orders/new", {"qty-MILK": "-1"}),
                ("/rounds/open", {"name": "\x00\x01"}),
                ("/rounds/01K0/close", {}),
                ("/stations/x/doors/A01/open", {"typed": "A01", "reason": "abc"}),
                ("/stations/x/keepers", {"display_name": "x" * 41, "pin": "1"}),
                ("/orders/%00/cancel", {}),
            )
        ):
            page = (await client.get("/orders")).text
            sent = {**form, "csrf": field(page, "csrf"), "key": f"nonsense-{number}"}
            answer = await client.post(path, data=sent)
            assert answer.status_code == 303, (path, answer.text)
            assert 'class="notice crit"' in (await client.get("/orders")).text, path
    assert await hub.hub.rooms.orders.rounds() == []


async def test_signing_out_ends_the_session_and_its_streams(hub: HubUnderTest) -> None:
    async with client_of(hub, "operator") as client:
        page = (await client.get("/orders")).text
        kept = dict(client.cookies)
        async with client.stream("GET", "/live/stations") as stream:
            await client.post("/sign-out", data={"csrf": field(page, "csrf")})
            async with asyncio.timeout(8):
                assert b"hello" in b"".join([part async for part in stream.aiter_raw()])
        client.cookies.update(kept)
        assert (await client.get("/orders")).status_code == 303
