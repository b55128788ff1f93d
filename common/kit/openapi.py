"""JSON routes from plain typed functions: who may, checked input, RFC 9457 problems.

A function's parameters say where a value comes from: `body`, `query`, `caller`, `remote` (address),
`token` (the bearer's), else the path.
`common.kit.openapi_document` describes the same routes to machines.
"""

import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol, TypeVar, get_type_hints

from aiohttp import web
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from common.kit.errors import (
    InvalidError,
    LinliError,
    NotFoundError,
    RefusedError,
    UnauthenticatedError,
)
from common.kit.web import read_body

ANYONE = frozenset({"anyone"})
"""The role set of a route that needs no sign-in; an empty set answers nobody."""

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])
_MARK = "__linli_route__"
INT64_MAX = 2**63 - 1
NO_NUL = "^[^\\u0000]*$"
"""What a text without a pattern of its own must look like."""
_GIVEN = ("caller", "remote", "token")
METHODS_WITH_EFFECT = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class RequestModel(BaseModel):
    """What a client sends: exact types, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class AnswerModel(BaseModel):
    """What we answer."""

    model_config = ConfigDict(frozen=True)


class MalformedError(LinliError):
    """The body is no JSON text."""

    status = 400


class MediaTypeError(LinliError):
    """The body is declared as something other than JSON."""

    status = 415


class Problem(AnswerModel):
    """An error (RFC 9457); `key` is stable, `params` fill the sentence."""

    type: str
    title: str
    status: int
    detail: str
    key: str
    params: dict[str, str | int | float | bool | None]


class HasRoles(Protocol):
    """What this layer must know of a caller."""

    @property
    def roles(self) -> frozenset[str]:
        """Return the roles that rule."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer, ready to be sent or kept."""

    status: int
    body: bytes
    content_type: str = "application/json"


class Gate(Protocol):
    """What the program decides for every route: who calls, and once only."""

    async def caller(self, request: web.Request) -> HasRoles | None:
        """Return who calls, None for nobody; a token that does not hold raises."""

    async def once(
        self, request: web.Request, caller: Any, body: bytes, run: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Run a request with an effect, or give the kept answer of the same `Idempotency-Key`."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; `errors` are the error keys a client should expect."""

    method: str
    path: str
    handler: Callable[..., Awaitable[Any]]
    summary: str
    roles: frozenset[str]
    status: int = 200
    errors: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Return whether nobody needs to sign in."""
        return self.roles == ANYONE


def route(
    method: str,
    path: str,
    *,
    summary: str,
    roles: Iterable[str],
    status: int = 200,
    errors: Sequence[str] = (),
) -> Callable[[F], F]:
    """Mark an async function as the operation `method path`; `routes_of` collects it."""

    def mark(handler: F) -> F:
        found = Route(method, path, handler, summary, frozenset(roles), status, tuple(errors))
        setattr(handler, _MARK, found)
        return handler

    return mark


def routes_of(holder: object) -> tuple[Route, ...]:
    """Return the marked functions of an object or module, bound, in the order they were written."""
    owner = holder if inspect.ismodule(holder) else type(holder)
    marked = [
        (name, found)
        for name, member in vars(owner).items()
        if (found := getattr(member, _MARK, None)) is not None
    ]
    return tuple(
        Route(r.method, r.path, getattr(holder, name), r.summary, r.roles, r.status, r.errors)
        for name, r in marked
    )


def bearer_token(request: web.Request) -> str:
    """Return the token of the Authorization header, empty when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def mount(app: web.Application, prefix: str, routes: Iterable[Route], gate: Gate) -> None:
    """Add every route to `app` under `prefix`."""
    for found in routes:
        app.router.add_route(found.method, prefix + found.path, Operation(found, gate).handle)


class Operation:
    """One route at work: authorise, check, call, answer."""

    def __init__(self, found: Route, gate: Gate) -> None:
        self.route = found
        self._gate = gate
        hints = get_type_hints(found.handler, include_extras=True)
        self.answers: Any = hints.pop("return", None)
        self.body: type[BaseModel] | None = hints.pop("body", None)
        self.query: type[BaseModel] | None = hints.pop("query", None)
        self._given = {name for name in _GIVEN if hints.pop(name, None) is not None}
        self.path: dict[str, TypeAdapter[Any]] = {
            name: TypeAdapter(hint) for name, hint in hints.items()
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Authorise first, then read and check, then call; the answer is JSON."""
        caller = await self._gate.caller(request)
        self._authorise(caller)
        raw = await read_body(request) if request.method in METHODS_WITH_EFFECT else b""
        arguments = self._arguments(request, raw)
        given = {"caller": caller, "remote": request.remote or "", "token": bearer_token(request)}
        arguments |= {name: given[name] for name in sorted(self._given)}

        async def run() -> Answer:
            return self._answer(await self.route.handler(**arguments))

        if caller is not None and request.method in METHODS_WITH_EFFECT:
            answer = await self._gate.once(request, caller, raw, run)
        else:
            answer = await run()
        return web.Response(
            body=answer.body, status=answer.status, content_type=answer.content_type
        )

    def _authorise(self, caller: HasRoles | None) -> None:
        if self.route.is_open:
            return
        if caller is None:
            raise UnauthenticatedError("access.sign_in", "sign in first: Authorization: Bearer …")
        if not caller.roles & self.route.roles:
            raise RefusedError("access.role", "your role may not do this")

    def _arguments(self, request: web.Request, raw: bytes) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        for name, adapter in self.path.items():
            try:
                arguments[name] = adapter.validate_strings(request.match_info[name])
            except ValidationError as error:
                raise NotFoundError("web.not_found", f"there is no such {name}") from error
        arguments |= self._query(request)
        if self.body is not None:
            arguments["body"] = _checked_body(self.body, request.content_type, raw)
        return arguments

    def _query(self, request: web.Request) -> dict[str, Any]:
        model = self.query or _NoQuery
        if len(dict(request.query)) != len(request.query):
            raise InvalidError("request.invalid", "a query parameter is given twice")
        try:
            found = model.model_validate_strings(dict(request.query))
        except ValidationError as error:
            raise _invalid(error, "query") from error
        _check_storable(found.model_dump(), "query")
        return {"query": found} if self.query else {}

    def _answer(self, result: Any) -> Answer:
        if result is None:
            return Answer(HTTPStatus.NO_CONTENT, b"")
        return Answer(self.route.status, result.model_dump_json().encode())


class _NoQuery(RequestModel):
    pass


def _checked_body(model: type[BaseModel], content_type: str, raw: bytes) -> BaseModel:
    if content_type != "application/json":
        raise MediaTypeError("request.media_type", "send application/json")
    try:
        found = _whole_numbers_counted(model, raw)
    except ValidationError as error:
        if error.errors(include_url=False)[0]["type"] == "json_invalid":
            raise MalformedError("request.malformed", "the body is not JSON") from error
        raise _invalid(error, "body") from error
    _check_storable(found.model_dump(), "body")
    return found


def _whole_numbers_counted(model: type[BaseModel], raw: bytes) -> BaseModel:
    """Check a body; `2.0` is an integer to JSON Schema, so it is one here, too."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        if all(item["type"] != "int_type" for item in error.errors(include_url=False)):
            raise
    return model.model_validate_json(json.dumps(json.loads(raw, parse_float=_number)))


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= INT64_MAX else number


def _invalid(error: ValidationError, place: str) -> InvalidError:
    """Name the fields and what is wrong; never echo the values (they may be secrets)."""
    items = error.errors(include_url=False, include_context=False, include_input=False)[:5]
    said = "; ".join(
        f"{'.'.join((place, *(str(part) for part in item['loc'])))[:80]}: {item['msg'][:120]}"
        for item in items
    )
    clean = said.encode("utf-8", "replace").decode().replace("\x00", "�")
    return InvalidError("request.invalid", clean)


def _check_storable(value: object, place: str) -> None:
    """PostgreSQL stores no NUL in text and no integer beyond 64 bits: refuse both at the door."""
    match value:
        case str() if "\x00" in value:
            raise InvalidError("request.invalid", f"{place}: the character NUL is not allowed")
        case bool():
            return
        case int() if abs(value) > INT64_MAX:
            raise InvalidError("request.invalid", f"{place}: the number is too large")
        case dict():
            for key, item in value.items():
                _check_storable(item, f"{place}.{key}")
        case list() | tuple():
            for item in value:
                _check_storable(item, place)
        case _:
            return
