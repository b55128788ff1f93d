"""The OpenAPI 3.1 document of a set of routes: every input and every answer, refusals included."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from common.kit.openapi import (
    INT64_MAX,
    METHODS_WITH_EFFECT,
    Answer,
    Gate,
    Operation,
    Problem,
    Route,
)
from common.kit.problems import PROBLEM_TYPE

_NO_NUL = "^[^\\u0000]*$"
_REFS = "#/components/schemas/{model}"


class _Schema(GenerateJsonSchema):
    """Says in the document what `_check_storable` refuses."""

    def str_schema(self, schema: Any) -> JsonSchemaValue:
        found = super().str_schema(schema)
        if self.mode == "validation" and "pattern" not in found:
            found["pattern"] = _NO_NUL
        return found

    def int_schema(self, schema: Any) -> JsonSchemaValue:
        found = super().int_schema(schema)
        if self.mode == "validation":
            found.setdefault("maximum", INT64_MAX)
            found.setdefault("minimum", -INT64_MAX)
        return found


def document(routes: Iterable[Route], *, prefix: str, title: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of `routes`."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for found in routes:
        operation = Operation(found, _NO_GATE)
        paths.setdefault(prefix + found.path, {})[found.method.lower()] = _describe(
            operation, schemas
        )
    _schema(Problem, "serialization", schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _describe(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    found = operation.route
    described: dict[str, Any] = {
        "operationId": f"{found.method.lower()}{_words(found.path)}",
        "summary": found.summary,
        "tags": [found.path.split("/")[1]],
        "parameters": list(_parameters(operation, schemas)),
        "responses": _responses(operation, schemas),
        "x-roles": sorted(found.roles),
        "x-error-keys": sorted(found.errors),
    }
    if not found.is_open:
        described["security"] = [{"bearer": []}]
    if operation.body is not None:
        schema = _schema(operation.body, "validation", schemas)
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return described


def _words(path: str) -> str:
    return "".join(part.strip("{}").title().replace("_", "") for part in path.split("/"))


def _parameters(operation: Operation, schemas: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for name, adapter in operation.path.items():
        schema = adapter.json_schema(schema_generator=_Schema)
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if operation.query is not None:
        whole = operation.query.model_json_schema(
            schema_generator=_Schema, mode="validation", ref_template=_REFS
        )
        schemas.update(whole.pop("$defs", {}))
        for name, schema in whole["properties"].items():
            required = name in whole.get("required", ())
            yield {"name": name, "in": "query", "required": required, "schema": schema}
    if operation.route.method in METHODS_WITH_EFFECT and not operation.route.is_open:
        schema = {"type": "string", "pattern": "^[\\x21-\\x7e]{1,64}$"}
        yield {"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema}


def _responses(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    found = operation.route
    good: dict[str, Any] = {"description": HTTPStatus(found.status).phrase}
    if operation.answers not in (None, type(None)):
        schema = _schema(operation.answers, "serialization", schemas)
        good["content"] = {"application/json": {"schema": schema}}
    status = HTTPStatus.NO_CONTENT if operation.answers in (None, type(None)) else found.status
    refer = {"$ref": _REFS.format(model="Problem")}
    bad = {
        str(code): {
            "description": HTTPStatus(code).phrase,
            "content": {PROBLEM_TYPE: {"schema": refer}},
        }
        for code in _bad_statuses(operation)
    }
    return {str(int(status)): good, **bad}


def _bad_statuses(operation: Operation) -> list[int]:
    statuses = {401, 403, 422, 429, 503}
    if operation.path or operation.body is not None:
        statuses.add(404)
    if operation.route.method in METHODS_WITH_EFFECT:
        statuses |= {408, 409, 413}
    if operation.body is not None:
        statuses |= {400, 415}
    return sorted(statuses)


def _schema(model: Any, mode: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Put `model` and what it refers to among the components; return the reference."""
    whole = TypeAdapter(model).json_schema(schema_generator=_Schema, mode=mode, ref_template=_REFS)
    schemas.update(whole.pop("$defs", {}))
    if "$ref" in whole:
        return whole
    schemas[model.__name__] = whole
    return {"$ref": _REFS.format(model=model.__name__)}


class _NoGate:
    async def caller(self, _request: web.Request) -> None:
        return None

    async def once(self, *_arguments: Any) -> Answer:
        raise AssertionError("documents only")


_NO_GATE: Gate = _NoGate()
