"""The page of the first start: the link works once, mistakes can be mended, nothing is echoed raw."""

import httpx

from cloud.access.models import account
from tests.cloud.harness import PASSWORD, HubUnderTest


async def send(hub: HubUnderTest, **form: str) -> httpx.Response:
    origin = {"Origin": hub.hub.web.url}
    return await hub.client.post("/setup", data=form, headers=origin)


async def link(hub: HubUnderTest) -> str:
    """Make the hub one without an admin again, as at its first start."""
    no_admin = account.update().where(account.c.role == "admin").values(role="operator")
    await hub.hub.db.write(lambda conn: conn.execute(no_admin).rowcount)
    token = await hub.hub.rooms.access.setup_token()
    assert token is not None
    return token


async def test_the_first_admin_chooses_a_password(hub: HubUnderTest) -> None:
    token = await link(hub)
    page = await hub.client.get(f"/setup?token={token}")
    assert (page.status_code, token in page.text) == (200, True)
    weak = await send(hub, token=token, login="chief", password="short", again="short")
    assert (weak.status_code, 'value="chief"' in weak.text) == (422, True)
    slip = await send(hub, token=token, login="chief", password=PASSWORD, again=PASSWORD + "x")
    assert (slip.status_code, "两次输入的密码不一致" in slip.text) == (422, True)
    odd = await send(hub, token=token, login="chi\x00ef", password=PASSWORD, again=PASSWORD)
    assert odd.status_code == 422
    good = await send(hub, token=token, login="chief", password=PASSWORD, again=PASSWORD)
    assert (good.status_code, good.headers["location"]) == (303, "/sign-in?new=admin")
    again = await send(hub, token=token, login="thief", password=PASSWORD, again=PASSWORD)
    assert again.status_code == 401
    issued = await hub.hub.rooms.access.sign_in("chief", PASSWORD)
    assert issued.caller.roles == {"admin"}


async def test_what_was_typed_comes_back_as_text_only(hub: HubUnderTest) -> None:
    nasty = '"><script>alert(1)</script>'
    page = await hub.client.get("/setup", params={"token": nasty})
    sent = await send(hub, token=nasty, login=nasty, password=PASSWORD, again=PASSWORD)
    assert "<script>alert" not in page.text + sent.text


async def test_no_other_site_may_post_it(hub: HubUnderTest) -> None:
    answer = await hub.client.post("/setup", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
