"""Every endpoint with every role: the matrix is generated, every cell is asked over HTTP."""

import re

import pytest
from aiohttp import web

from cloud.access.caller import ROLES
from cloud.api.assemble import DOCUMENT_PATH, PREFIX
from cloud.web.assemble import add_web
from common.contract.error_keys import ERROR_KEYS
from common.kit.openapi import ANYONE, Route
from tests.cloud.harness import HubUnderTest

UNKNOWN_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
pytestmark = pytest.mark.timeout(60)


def path_of(found: Route) -> str:
    fills = {"sku": "NOTHING", "label": "A01"}
    return PREFIX + re.sub(r"\{(\w+)\}", lambda m: fills.get(m[1], UNKNOWN_ID), found.path)


async def test_each_role_reaches_its_routes_and_no_other(hub: HubUnderTest) -> None:
    """A refused cell is 401 or 403; an allowed one gets past the guard (whatever follows)."""
    routes = hub.hub.rooms.routes()
    wrong = []
    for found in routes:
        if found.path == "/sessions/current":
            continue  # would end the very token the matrix uses; asked below
        for role in (None, *ROLES):
            answer = await hub.ask(role, found.method, path_of(found))
            allowed = found.roles == ANYONE or role in found.roles
            expected = None if allowed else (401 if role is None else 403)
            refused = answer.status_code if answer.status_code in (401, 403) else None
            if refused != expected:
                wrong.append((found.method, found.path, role, answer.status_code))
    assert wrong == []
    assert len(routes) > 30


async def test_every_role_signs_out_its_own_token(hub: HubUnderTest) -> None:
    path = f"{PREFIX}/sessions/current"
    assert (await hub.ask(None, "DELETE", path)).status_code == 401
    for role in ROLES:
        assert (await hub.ask(role, "DELETE", path)).status_code == 204
        assert (await hub.ask(role, "GET", f"{PREFIX}/me")).status_code == 401


async def test_no_route_is_open_by_accident(hub: HubUnderTest) -> None:
    found = {(one.method, one.path) for one in hub.hub.rooms.routes() if one.is_open}
    assert found == {("POST", "/sessions"), ("POST", "/setup")}


async def test_every_route_names_known_roles_and_known_errors(hub: HubUnderTest) -> None:
    for found in hub.hub.rooms.routes():
        assert found.roles, f"{found.path}: a route for nobody"
        assert found.roles <= {*ROLES, *ANYONE}
        assert set(found.errors) <= set(ERROR_KEYS), found.path


async def test_whatever_is_no_page_stands_in_the_document(hub: HubUnderTest) -> None:
    document = (await hub.ask(None, "GET", DOCUMENT_PATH)).json()
    assert document["openapi"] == "3.1.0"
    described = {(m.upper(), path) for path, item in document["paths"].items() for m in item}
    pages = web.Application()
    add_web(pages, hub.hub.rooms.web_ports(), hub.hub.db, secure=False)
    assert _served(hub.hub.app) - _served(pages) == described
    assert {path.split("/")[1] for _, path in described} == {
        *("api", "sync", "healthz", "readyz", "metrics")
    }


def _served(app: web.Application) -> set[tuple[str, str]]:
    return {
        (one.method, one.resource.canonical)
        for one in app.router.routes()
        if one.resource is not None and one.method != "HEAD"
    }


async def test_what_the_document_says_of_probes_is_so(hub: HubUnderTest) -> None:
    paths = (await hub.ask(None, "GET", DOCUMENT_PATH)).json()["paths"]
    for path in ("/healthz", "/readyz", "/metrics", DOCUMENT_PATH):
        answer = await hub.ask(None, "GET", path)
        good = paths[path]["get"]["responses"]["200"]
        assert list(good["content"]) == [answer.headers["content-type"].partition(";")[0]]
        foreign = await hub.ask(None, "GET", path, headers={"Host": "example.org"})
        assert (foreign.status_code, "421" in paths[path]["get"]["responses"]) == (421, True)


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer x", "Basic YTpi", "Bearer \u00e4", "bearer", "x" * 500]
)
async def test_a_token_that_does_not_hold_is_refused(hub: HubUnderTest, header: str) -> None:
    answer = await hub.client.get(
        f"{PREFIX}/me", headers={b"Authorization": header.encode("latin-1")}
    )
    assert (answer.status_code, answer.json()["key"]) == (401, "access.token")


async def test_a_cookie_opens_no_api_route(hub: HubUnderTest) -> None:
    answer = await hub.client.get(
        f"{PREFIX}/me", headers={"Cookie": f"linli_session={hub.tokens['admin']}"}
    )
    assert answer.status_code == 401


async def test_signing_in_over_http(hub: HubUnderTest) -> None:
    body = {"login": "wang", "role": "operator", "password": "four-long-words-1897"}
    assert (await hub.ask("admin", "POST", f"{PREFIX}/accounts", json=body)).status_code == 201
    wish = {"login": "wang", "password": "four-long-words-1897"}
    answer = await hub.ask(None, "POST", f"{PREFIX}/sessions", json=wish)
    assert answer.status_code == 201
    me = await hub.client.get(
        f"{PREFIX}/me", headers={"Authorization": f"Bearer {answer.json()['token']}"}
    )
    assert (me.json()["login"], me.json()["role"]) == ("wang", "operator")
    wrong = await hub.ask(None, "POST", f"{PREFIX}/sessions", json=wish | {"password": "x"})
    assert (wrong.status_code, wrong.json()["key"]) == (401, "access.wrong_login")


async def test_a_resident_sees_only_themselves(hub: HubUnderTest) -> None:
    other = await hub.hub.rooms.people.add("李雷", "13900005678")
    own = await hub.ask("resident", "GET", f"{PREFIX}/persons/{hub.person_id}")
    foreign = await hub.ask("resident", "GET", f"{PREFIX}/persons/{other.person_id}")
    assert own.json()["phone_masked"] == "*******1234"
    assert foreign.status_code == 404


async def test_the_full_phone_needs_a_reason(hub: HubUnderTest) -> None:
    path = f"{PREFIX}/persons/{hub.person_id}/phone"
    assert (await hub.ask("operator", "POST", path, json={"reason": ""})).status_code == 422
    answer = await hub.ask("operator", "POST", path, json={"reason": "parcel leaks"})
    assert answer.json()["phone"] == "+8613800001234"
    audit = await hub.ask("admin", "GET", f"{PREFIX}/audit?limit=1")
    assert audit.json()["entries"][0]["what"] == "person.phone_shown"


async def test_a_product_is_added_received_and_listed(hub: HubUnderTest) -> None:
    new = {
        "sku": "MILK",
        "name_zh": "牛奶",
        "name_en": "Milk",
        "temperature_class": "chilled",
        "size": "S",
        "price_fen": 1590,
    }
    assert (await hub.ask("operator", "POST", f"{PREFIX}/products", json=new)).status_code == 201
    again = await hub.ask("operator", "POST", f"{PREFIX}/products", json=new)
    assert (again.status_code, again.json()["key"]) == (409, "product.taken")
    stock = {"pieces": 7, "reason": "delivery"}
    path = f"{PREFIX}/products/MILK"
    answer = await hub.ask("warehouse", "POST", f"{path}/stock", json=stock)
    assert answer.json()["available"] == 7
    assert (await hub.ask("resident", "GET", path)).json()["available"] == 7
    listed = await hub.ask("resident", "GET", f"{PREFIX}/products")
    assert [one["sku"] for one in listed.json()["products"]] == ["MILK"]
