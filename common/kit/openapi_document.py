"""The OpenAPI 3.1 document of an application: every input and every answer, refusals included.

It is read off the router: typed operations (`common.kit.openapi`) and handlers that carry a description
(`common.kit.described`). What is neither is a page.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from common.kit.described import ANY_HOST, Described, KeyHeader, description_of
from common.kit.openapi import INT64_MAX, METHODS_WITH_EFFECT, NO_NUL, Operation, Problem
from common.kit.problems import PROBLEM_TYPE

_REFS = "#/components/schemas/{model}"
_BYTES = {"schema": {"type": "string", "format": "binary"}}


def _promise(name: str) -> dict[str, Any]:
    return {"headers": {name: {"required": True, "schema": {"type": "string"}}}}


_PROMISED_HEADERS = {401: _promise("WWW-Authenticate"), 429: _promise("Retry-After")}


class _Schema(GenerateJsonSchema):
    """Says in the document what `_check_storable` refuses."""

    def str_schema(self, schema: Any) -> JsonSchemaValue:
        found = super().str_schema(schema)
        if self.mode == "validation" and "pattern" not in found:
            found["pattern"] = NO_NUL
        return found

    def int_schema(self, schema: Any) -> JsonSchemaValue:
        found = super().int_schema(schema)
        if self.mode == "validation":
            found.setdefault("maximum", INT64_MAX)
            found.setdefault("minimum", -INT64_MAX)
        return found


def document(app: web.Application, *, title: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of what `app` serves by now."""
    schemas: dict[str, Any] = {}
    keys: dict[str, KeyHeader] = {}
    paths: dict[str, dict[str, Any]] = {}
    for method, path, found in _served(app):
        if isinstance(found, Operation):
            said = _describe(found, schemas)
        else:
            said = _describe_plain(method, path, found, schemas)
            keys |= {key.name: key for key in found.keys}
        paths.setdefault(path, {})[method.lower()] = said
    _schema(Problem, "serialization", schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                **{name: _key_scheme(key) for name, key in sorted(keys.items())},
            },
        },
    }


def _served(app: web.Application) -> Iterable[tuple[str, str, Operation | Described]]:
    for served in app.router.routes():
        owner = getattr(served.handler, "__self__", None)
        found = owner if isinstance(owner, Operation) else description_of(served.handler)
        # aiohttp adds HEAD to a GET by itself; it answers the same without the body.
        if found is not None and served.resource is not None and served.method != "HEAD":
            yield served.method, served.resource.canonical, found


def _key_scheme(key: KeyHeader) -> dict[str, str]:
    return {
        "type": "apiKey", "in": "header", "name": key.header, "description": key.description,
    }  # fmt: skip


def _describe(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    found = operation.route
    nothing = operation.answers in (None, type(None))
    answers: dict[int, Any] = {204: None} if nothing else {found.status: operation.answers}
    described: dict[str, Any] = {
        "operationId": f"{found.method.lower()}{_words(found.path)}",
        "summary": found.summary,
        "tags": [found.path.split("/")[1]],
        "parameters": list(_parameters(operation, schemas)),
        "responses": _responses(answers, "application/json", _bad_statuses(operation), schemas),
        "x-roles": sorted(found.roles),
        "x-error-keys": sorted(found.errors),
    }
    if not found.is_open:
        described["security"] = [{"bearer": []}]
    if operation.body is not None:
        described["requestBody"] = _request_body(operation.body, schemas)
    return described


def _describe_plain(
    method: str, path: str, found: Described, schemas: dict[str, Any]
) -> dict[str, Any]:
    named = [
        {
            "name": name,
            "in": place,
            "required": True,
            "schema": TypeAdapter(hint).json_schema(schema_generator=_Schema),
        }
        for place, hints in (("path", found.path), ("header", found.headers))
        for name, hint in hints.items()
    ]
    described: dict[str, Any] = {
        "operationId": f"{method.lower()}{_words(path)}",
        "summary": found.summary,
        "tags": [found.tag],
        "parameters": [*_query_parameters(found.query, schemas), *named],
        "responses": _responses(found.answers, found.media_type, found.problems, schemas),
    }
    if found.keys:  # all of them together: the keys of one requirement are joined by "and"
        described["security"] = [{key.name: [] for key in found.keys}]
    if found.body is not None:
        described["requestBody"] = _request_body(found.body, schemas)
    if found.binary:
        described["requestBody"] = {"content": {"application/octet-stream": _BYTES}}
    return described


def _request_body(model: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = _schema(model, "validation", schemas)
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _words(path: str) -> str:
    parts = path.replace(".", "/").split("/")
    return "".join(part.strip("{}").title().replace("_", "") for part in parts)


def _parameters(operation: Operation, schemas: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for name, adapter in operation.path.items():
        schema = adapter.json_schema(schema_generator=_Schema)
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    yield from _query_parameters(operation.query, schemas)
    if operation.route.method in METHODS_WITH_EFFECT and not operation.route.is_open:
        schema = {"type": "string", "pattern": "^[\\x21-\\x7e]{1,64}$"}
        yield {"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema}


def _query_parameters(model: Any, schemas: dict[str, Any]) -> Iterable[dict[str, Any]]:
    if model is None:
        return
    whole = TypeAdapter(model).json_schema(
        schema_generator=_Schema, mode="validation", ref_template=_REFS
    )
    _keep(schemas, whole.pop("$defs", {}))
    for name, schema in whole["properties"].items():
        required = name in whole.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": schema}


def _responses(
    answers: Mapping[int, Any], media_type: str, problems: Iterable[int], schemas: dict[str, Any]
) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for status, model in answers.items():
        said[str(status)] = {"description": HTTPStatus(status).phrase}
        if model is not None:
            schema = _schema(model, "serialization", schemas)
            said[str(status)]["content"] = {media_type: {"schema": schema}}
    refer = {"$ref": _REFS.format(model="Problem")}
    for code in sorted(problems):
        said[str(code)] = {
            "description": HTTPStatus(code).phrase,
            "content": {PROBLEM_TYPE: {"schema": refer}},
            **_PROMISED_HEADERS.get(code, {}),
        }
    return said


def _bad_statuses(operation: Operation) -> set[int]:
    statuses = {401, 403, 422, 429, 503, *ANY_HOST}
    if operation.path or operation.body is not None:
        statuses.add(404)
    if operation.route.method in METHODS_WITH_EFFECT:
        statuses |= {400, 408, 409, 413}
    if operation.body is not None:
        statuses.add(415)
    return statuses


def _schema(model: Any, mode: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Put `model` and what it refers to among the components; return the reference."""
    whole: dict[str, Any] = TypeAdapter(model).json_schema(
        schema_generator=_Schema, mode=mode, ref_template=_REFS
    )
    _keep(schemas, whole.pop("$defs", {}))
    if "title" not in whole:  # a reference already, or a plain type
        return whole
    _keep(schemas, {whole["title"]: whole})
    return {"$ref": _REFS.format(model=whole["title"])}


def _keep(schemas: dict[str, Any], found: Mapping[str, Any]) -> None:
    for name, schema in found.items():
        if schemas.setdefault(name, schema) != schema:
            raise ValueError(f"two different models are called {name}")
