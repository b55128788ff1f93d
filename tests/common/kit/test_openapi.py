"""Typed routes: where values come from, what is refused and how, and what the document says."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import httpx
import pytest
from aiohttp import web
from pydantic import Field

from common.kit.described import Described, KeyHeader, described
from common.kit.openapi import (
    ANYONE,
    Answer,
    AnswerModel,
    RequestModel,
    Route,
    mount,
    route,
    routes_of,
)
from common.kit.openapi_document import document
from common.kit.web import WebServer, make_app

Name = Annotated[str, Field(pattern=r"^[a-z]{1,8}$")]


class Colour(StrEnum):
    RED = "red"


class Wish(RequestModel):
    text: str = Field(max_length=20)
    number: int
    colour: Colour = Colour.RED
    notes: tuple[str, ...] = ()


class Search(RequestModel):
    limit: int = Field(5, ge=1, le=9)
    only: Colour | None = None


class Thing(AnswerModel):
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Visitor:
    roles: frozenset[str]


class Things:
    @route("POST", "/things/{name}", summary="Put", roles={"boss"}, status=201, errors=("a.b",))
    async def put(self, name: Name, body: Wish, caller: Visitor) -> Thing:
        return Thing(name=f"{name}+{'+'.join(sorted(caller.roles))}", number=body.number)

    @route("GET", "/things", summary="List", roles=ANYONE)
    async def find(self, query: Search, remote: str, token: str) -> Thing:
        return Thing(name=f"{remote}|{token}|{query.only}", number=query.limit)

    @route("DELETE", "/things/{name}", summary="Drop", roles={"boss"})
    async def drop(self, name: Name) -> None:
        return None

    @route("GET", "/nobody", summary="Nobody's", roles=())
    async def nobody(self) -> Thing:
        raise AssertionError("deny by default")


class Doorman:
    def __init__(self) -> None:
        self.kept: list[bytes] = []

    async def caller(self, request: web.Request) -> Visitor | None:
        role = request.headers.get("X-Role")
        return Visitor(frozenset({role})) if role else None

    async def once(
        self, request: web.Request, caller: Any, body: bytes, run: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        self.kept.append(body)
        return await run()


@asynccontextmanager
async def client(doorman: Doorman | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app()
    mount(app, "/v", routes_of(Things()), doorman or Doorman())
    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    async with httpx.AsyncClient(base_url=server.url, headers={"X-Role": "boss"}) as found:
        try:
            yield found
        finally:
            await server.stop()


async def test_values_come_from_path_body_query_and_caller() -> None:
    doorman = Doorman()
    async with client(doorman) as subject:
        put = await subject.post("/v/things/ab", json={"text": "x", "number": 3})
        found = await subject.get(
            "/v/things?limit=7&only=red", headers={"Authorization": "Bearer T"}
        )
        dropped = await subject.delete("/v/things/ab")
    assert (put.status_code, put.json()) == (201, {"name": "ab+boss", "number": 3})
    assert found.json() == {"name": "127.0.0.1|T|red", "number": 7}
    assert (dropped.status_code, dropped.content) == (204, b"")
    assert doorman.kept == [b'{"text":"x","number":3}', b""]


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("content", "headers", "status", "key"),
    [
        (b"{", JSON, 400, "request.malformed"),
        (b"", JSON, 400, "request.malformed"),
        (b"[" * 5000, JSON, 400, "request.malformed"),
        (b'{"text":"\\ud800","number":1}', JSON, 400, "request.malformed"),
        (b'{"text":"\xff","number":1}', JSON, 400, "request.malformed"),
        (b"null", JSON, 422, "request.invalid"),
        (b'{"text":"x","number":1}', {"content-type": "text/plain"}, 415, "request.media_type"),
        (b'{"text":"x","number":1}', {}, 415, "request.media_type"),
        (b'{"text":"x","number":"1"}', JSON, 422, "request.invalid"),
        (b'{"text":"x","number":true}', JSON, 422, "request.invalid"),
        (b'{"text":"x","number":1.5}', JSON, 422, "request.invalid"),
        (b'{"text":"x","number":1,"more":1}', JSON, 422, "request.invalid"),
        (b'{"text":"a\\u0000b","number":1}', JSON, 422, "request.invalid"),
        (b'{"text":"x","number":1,"notes":["\\u0000"]}', JSON, 422, "request.invalid"),
        (b'{"text":"x","number":9223372036854775808}', JSON, 422, "request.invalid"),
        (b'{"text":"x","number":1,"colour":"blue"}', JSON, 422, "request.invalid"),
        (b'{"text":"x"}', JSON, 422, "request.invalid"),
    ],
)
async def test_a_wrong_body_is_refused(
    content: bytes, headers: dict[str, str], status: int, key: str
) -> None:
    async with client() as subject:
        answer = await subject.post("/v/things/ab", content=content, headers=headers)
    assert (answer.status_code, answer.json()["key"]) == (status, key)


async def test_a_backslash_before_u0000_is_plain_text() -> None:
    async with client() as subject:
        answer = await subject.post(
            "/v/things/ab", content=b'{"text":"\\\\u0000","number":1}', headers=JSON
        )
    assert answer.status_code == 201


async def test_a_refusal_names_the_field_and_not_the_value() -> None:
    async with client() as subject:
        answer = await subject.post("/v/things/ab", json={"text": "s3cret" * 9, "number": 1})
    assert "body.text" in answer.json()["detail"]
    assert "s3cret" not in answer.text


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=1&limit=2", "other=1", "only=blue", "limit=%00"]
)
async def test_a_wrong_query_is_refused(query: str) -> None:
    async with client() as subject:
        assert (await subject.get(f"/v/things?{query}")).status_code == 422


async def test_a_query_on_a_route_without_one_is_refused() -> None:
    async with client() as subject:
        assert (await subject.delete("/v/things/ab?x=1")).status_code == 422


@pytest.mark.parametrize("name", ["AB", "a%00b", "toolongname", "a%2Fb", "%ED%A0%80"])
async def test_an_impossible_path_is_not_found(name: str) -> None:
    async with client() as subject:
        assert (await subject.delete(f"/v/things/{name}")).status_code == 404


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("", "POST", "/v/things/ab", 401),
        ("clerk", "POST", "/v/things/ab", 403),
        ("", "GET", "/v/things", 200),
        ("clerk", "GET", "/v/things", 200),
        ("", "GET", "/v/nobody", 401),
        ("boss", "GET", "/v/nobody", 403),
        ("anyone", "GET", "/v/nobody", 403),
    ],
)
async def test_roles_are_asked_before_anything_is_read(
    role: str, method: str, path: str, status: int
) -> None:
    async with client() as subject:
        headers = {"X-Role": role, "content-type": "text/plain"}
        answer = await subject.request(method, path, content=b"not json", headers=headers)
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) == (status == 401)


def _document() -> dict[str, Any]:
    app = make_app()
    mount(app, "/v", routes_of(Things()), Doorman())
    app.router.add_get("/page", _page)
    app.router.add_post("/signed", _signed)
    return document(app, title="Things", version="1")


async def _page(_request: web.Request) -> web.Response:
    return web.Response(text="not described")


@described(
    Described(
        "Signed",
        "machines",
        {200: Thing, 204: None},
        problems=frozenset({426}),
        query=Search,
        body=Wish,
        headers={"X-Session": int},
        keys=(KeyHeader("who", "X-Who", "Who."), KeyHeader("seal", "X-Seal", "The seal.")),
    )
)
async def _signed(_request: web.Request) -> web.Response:
    return web.Response()


def test_the_document_lists_every_route_with_its_answers() -> None:
    paths = _document()["paths"]
    assert {(path, method) for path, item in paths.items() for method in item} == {
        ("/v/things/{name}", "post"),
        ("/v/things/{name}", "delete"),
        ("/v/things", "get"),
        ("/v/nobody", "get"),
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/signed", "post"),
    }
    put = paths["/v/things/{name}"]["post"]
    assert set(put["responses"]) == {
        *("201", "400", "401", "403", "404", "408", "409", "413", "415", "421", "422"),
        *("429", "503"),
    }
    assert put["security"] == [{"bearer": []}]
    assert put["x-roles"] == ["boss"]
    assert put["x-error-keys"] == ["a.b"]
    assert "security" not in paths["/v/things"]["get"]
    assert "204" in paths["/v/things/{name}"]["delete"]["responses"]


def test_a_described_handler_stands_in_the_document() -> None:
    found = _document()
    signed = found["paths"]["/signed"]["post"]
    assert signed["security"] == [{"who": [], "seal": []}], "both, not one of them"
    assert found["components"]["securitySchemes"]["seal"]["name"] == "X-Seal"
    assert set(signed["responses"]) == {"200", "204", "426"}
    assert "content" not in signed["responses"]["204"]
    assert [(item["name"], item["in"]) for item in signed["parameters"]] == [
        *(("limit", "query"), ("only", "query"), ("X-Session", "header"))
    ]
    body = signed["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Wish"}
    assert "security" not in found["paths"]["/healthz"]["get"]


def test_two_models_of_one_name_are_refused() -> None:
    class Thing(AnswerModel):
        other: str

    @described(Described("Other", "machines", {200: Thing}))
    async def other(_request: web.Request) -> web.Response:
        return web.Response()

    app = make_app()
    mount(app, "/v", routes_of(Things()), Doorman())
    app.router.add_get("/other", other)
    with pytest.raises(ValueError, match="Thing"):
        document(app, title="Things", version="1")


@pytest.mark.parametrize(
    ("number", "status"), [("3.0", 201), ("3e2", 201), ("3.5", 422), ("1e400", 422), ("1e30", 422)]
)
async def test_a_whole_number_is_an_integer_however_it_is_written(number: str, status: int) -> None:
    async with client() as subject:
        content = f'{{"text":"x","number":{number}}}'
        answer = await subject.post("/v/things/ab", content=content, headers=JSON)
    assert answer.status_code == status


def test_the_document_says_what_storage_cannot_hold() -> None:
    found = _document()
    wish = found["components"]["schemas"]["Wish"]
    assert wish["additionalProperties"] is False
    assert wish["properties"]["number"]["maximum"] == 2**63 - 1
    assert wish["properties"]["text"]["pattern"] == "^[^\\u0000]*$"
    parameters = found["paths"]["/v/things/{name}"]["post"]["parameters"]
    assert [(item["name"], item["in"]) for item in parameters] == [
        ("name", "path"),
        ("Idempotency-Key", "header"),
    ]
    assert parameters[0]["schema"]["pattern"] == "^[a-z]{1,8}$"
    query = found["paths"]["/v/things"]["get"]["parameters"]
    assert [(item["name"], item["required"]) for item in query] == [
        ("limit", False),
        ("only", False),
    ]


def test_a_module_holds_routes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import tests.common.kit.test_openapi as module

    monkeypatch.setattr(module, "loose", Things.find, raising=False)
    found = routes_of(module)
    assert [(one.method, one.path) for one in found] == [("GET", "/things")]
    assert isinstance(found[0], Route)
    assert found[0].is_open
