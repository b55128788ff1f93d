"""Somebody else collects, over the pages: the owner's forms without a script, the errand's page, what each may see."""

import re

import httpx
import pytest

from cloud.access.caller import RESIDENT, Caller
from cloud.catalog.service import Product
from cloud.orders.service import OrderView, Wish
from cloud.stations.service import NewStation
from common.contract.words import Size, TemperatureClass
from tests.cloud.harness import HubUnderTest, plain_client

STATION_ID = "01K0TESTSTATN0000000000001"
NAME = "<b>妈妈</b>"


async def ordered(hub: HubUnderTest, *skus: str) -> OrderView:
    """Make a station and an order that has its code; return it as its owner sees it."""
    rooms = hub.hub.rooms
    await rooms.stations.create_station(
        NewStation("阳光里 3 号", "Yangguangli 3", "400-820-0123", station_id=STATION_ID)
    )
    for sku, kind in (("MILK", TemperatureClass.CHILLED), ("RICE", TemperatureClass.AMBIENT)):
        product = Product(
            sku=sku, name_zh="鲜牛奶", name_en="Fresh milk", temperature_class=kind, size=Size.S,
            price_fen=100, item=sku, units=1,
        )  # fmt: skip
        await rooms.catalog.add(product)
        await rooms.catalog.receive(sku, 9, "test")
    await rooms.orders.open_round("周六团")
    wish = Wish(hub.person_id, STATION_ID, [(sku, 1) for sku in skus or ("MILK",)])
    order_id = await rooms.orders.place(wish)
    await rooms.orders.pay(order_id)
    await rooms.orders.lock(order_id)
    return await again(hub, order_id)


async def again(hub: HubUnderTest, order_id: str) -> OrderView:
    owner = Caller("acc", "zhang", frozenset({RESIDENT}), hub.person_id)
    return await hub.hub.rooms.orders.view(order_id, owner)


def form_of(page: str, action: str) -> dict[str, str]:
    """Return the hidden fields of the form that posts to `action`."""
    form = re.search(rf'<form method="post" action="[^"]*{action}".*?</form>', page, re.DOTALL)
    assert form is not None
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', form.group(0)))


async def give(browser: httpx.AsyncClient, link: str, **more: str) -> httpx.Response:
    fields = form_of((await browser.get(link)).text, "/give")
    return await browser.post(f"{link}/give", data=fields | {"given_to": NAME} | more)


async def test_a_resident_gives_and_takes_back_by_forms_alone(hub: HubUnderTest) -> None:
    view = await ordered(hub)
    assert view.pickup
    link = f"/o/{view.link_token}"
    url = hub.hub.web.url
    async with plain_client(url, headers={"Origin": url}, timeout=30) as browser:
        answer = await give(browser, link)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{link}#family")
        assert answer.headers["cache-control"] == "no-store"
        page = (await browser.get(link)).text
        assert NAME not in page  # written as text, never as markup
        assert "&lt;b&gt;妈妈&lt;/b&gt;" in page
        (errand,) = set(re.findall(r'href="(/p/[^"]+)"', page))
        shown = await browser.get(errand)
        assert shown.headers["referrer-policy"] == "same-origin"
        own = view.pickup.code or ""
        pretty = f"{own[:4]} {own[4:]}"
        assert pretty in page
        for secret in (
            own,
            pretty,
            view.number,
            view.link_token or "",
            "/o/",
            "Fresh milk",
            "鲜牛奶",
        ):
            assert secret not in shown.text, secret
        (kid,) = ((await again(hub, view.order_id)).pickup or view.pickup).delegates
        assert kid.code
        assert f"{kid.code[:4]} {kid.code[4:]}" in shown.text
        assert "qrbox" in shown.text
        english = await browser.get(f"{errand}?lang=en", follow_redirects=True)
        assert "Collect for somebody" in english.text
        fields = form_of(page, "/take-back")
        for _ in range(2):  # a form sent twice acts once
            answer = await browser.post(f"{link}/take-back", data=fields)
            assert answer.headers["location"] == f"{link}#family"
        page = (await browser.get(link)).text
        assert "The station has not been heard yet." in page
        assert kid.code[:4] not in page
        gone = (await browser.get(errand)).text
        assert "This pickup was taken back" in gone
        assert kid.code[:4] not in gone
        assert "qrbox" not in gone


async def test_a_refusal_is_said_on_the_order_page(hub: HubUnderTest) -> None:
    view = await ordered(hub, "MILK", "RICE")
    link = f"/o/{view.link_token}"
    url = hub.hub.web.url
    async with plain_client(url, headers={"Origin": url}, timeout=30) as browser:
        page = (await browser.get(link)).text
        assert page.count("<option") == 2
        parcel_id = view.parcels[1].parcel_id
        for _ in range(3):
            assert (
                "said" not in (await give(browser, link, parcel_id=parcel_id)).headers["location"]
            )
        answer = await give(browser, link, parcel_id=parcel_id)
        assert answer.headers["location"] == f"{link}?said=grant.too_many_given#family"
        page = (await browser.get(answer.headers["location"])).text
        assert "最多可委托三人代取" in page
        for wrong in ({"parcel_id": "x"}, {"parcel_id": view.order_id}, {"given_to": " "}):
            answer = await give(browser, link, **wrong)
            assert "?said=" in answer.headers["location"], wrong
        for wrong in (
            {"grant_id": "x"},
            {"grant_id": (view.pickup and view.pickup.grant_id) or ""},
        ):
            fields = form_of(page, "/take-back") | wrong
            answer = await browser.post(
                f"{link}/take-back", data=fields | {"key": wrong["grant_id"]}
            )
            assert "?said=" in answer.headers["location"], wrong
        assert "?said=" not in (await browser.get(f"{link}?said=<script>")).text


async def test_an_unknown_link_gives_nothing(hub: HubUnderTest) -> None:
    for path in ("/o/" + "A" * 27 + "/give", "/o/x/take-back"):
        answer = await hub.client.post(path, data={"key": "k"})
        assert answer.status_code == 404, path
    for path in ("/p/x", "/p/" + "A" * 27, "/p/%00"):
        answer = await hub.client.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), path
        assert (await hub.client.get(f"{path}/live")).status_code == 404


async def test_another_site_cannot_give(hub: HubUnderTest) -> None:
    view = await ordered(hub)
    answer = await hub.client.post(
        f"/o/{view.link_token}/give",
        data={"key": "k", "parcel_id": view.parcels[0].parcel_id, "given_to": "x"},
        headers={"Origin": "https://evil.example"},
    )
    assert answer.status_code == 403
    assert ((await again(hub, view.order_id)).pickup or view.pickup) == view.pickup


async def test_the_errands_page_is_live(hub: HubUnderTest) -> None:
    view = await ordered(hub)
    grant_id = await hub.hub.rooms.orders.give(
        view.order_id, view.parcels[0].parcel_id, "妈妈", "zhang"
    )
    pickup = (await again(hub, view.order_id)).pickup
    assert pickup
    link = f"/p/{pickup.delegates[0].link_token}/live"
    async with hub.client.stream("GET", link) as stream:
        lines = stream.aiter_lines()
        async for line in lines:
            if "errand" in line:
                break
        await hub.hub.rooms.orders.take_back(view.order_id, grant_id, "zhang")
        async for line in lines:
            if "代取已被收回" in line:
                return
    pytest.fail("the stream ended without the news")


async def test_the_same_by_json_for_the_order_s_own_person_alone(hub: HubUnderTest) -> None:
    view = await ordered(hub)
    path = f"/api/v1/orders/{view.order_id}/delegates"
    body = {"parcel_id": view.parcels[0].parcel_id, "given_to": "妈妈"}
    for role in ("operator", "driver", None):
        refused = await hub.ask(role, "POST", path, json=body, headers={"Idempotency-Key": "a"})
        assert refused.status_code in (401, 403), role
    answer = await hub.ask("resident", "POST", path, json=body, headers={"Idempotency-Key": "b"})
    assert answer.status_code == 201, answer.text
    (one,) = answer.json()["pickup"]["delegates"]
    assert (one["given_to"], one["revoke_state"], len(one["code"])) == ("妈妈", "none", 8)
    staff = (await hub.ask("operator", "GET", f"/api/v1/orders/{view.order_id}")).json()
    assert staff["pickup"]["delegates"][0]["code"] is None
    back = await hub.ask(
        "resident", "POST", f"{path}/{one['grant_id']}/take-back", headers={"Idempotency-Key": "c"}
    )
    assert back.json()["pickup"]["delegates"][0]["revoke_state"] == "pending"
