"""Errors as RFC 9457 problem details, and the headers every answer carries."""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from aiohttp import web

from common.kit.errors import LinliError

PROBLEM_TYPE = "application/problem+json"
# `same-origin`, not `no-referrer`: the latter makes browsers send `Origin: null` with their own forms.
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=()",
}
# Known statuses that aiohttp itself raises, with the key people and scripts see.
_HTTP_KEYS = {
    400: "web.bad_request",
    404: "web.not_found",
    405: "web.method_not_allowed",
    408: "web.too_slow",
    413: "web.too_large",
    417: "web.expectation",
}
_CLOSING = frozenset({400, 408, 413})  # the rest of such a request is not worth reading


def problem(error: LinliError) -> web.Response:
    """Return `error` as RFC 9457 problem details."""
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="linli"'
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = str(error.params.get("wait_s", 1))
    elif error.status == HTTPStatus.SERVICE_UNAVAILABLE and "wait_s" in error.params:
        headers["Retry-After"] = str(error.params["wait_s"])
    return bare_problem(error.status, error.key, error.detail, error.params, headers)


def from_aiohttp(error: web.HTTPException) -> web.Response:
    """Return what aiohttp raised as a problem."""
    headers = {}
    if isinstance(error, web.HTTPMethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    key = _HTTP_KEYS.get(error.status, f"web.status_{error.status}")
    answer = bare_problem(error.status, key, HTTPStatus(error.status).description, {}, headers)
    if error.status in _CLOSING:
        answer.force_close()
    return answer


def problem_bytes(error: LinliError) -> bytes:
    """Return the problem details of `error` as JSON text."""
    return _details(error.status, error.key, error.detail, error.params)


def bare_problem(
    status: int,
    key: str,
    detail: str,
    params: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return problem details that no error of ours stands behind."""
    body = _details(status, key, detail, params or {})
    return web.Response(body=body, status=status, content_type=PROBLEM_TYPE, headers=headers)


def _details(status: int, key: str, detail: str, params: Mapping[str, object]) -> bytes:
    return orjson.dumps(
        {
            "type": f"urn:linli:problem:{key}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "key": key,
            "params": dict(params),
        }
    )


def harden(response: web.StreamResponse) -> None:
    """Set what every answer carries, whoever made it."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Server"] = "linli"
