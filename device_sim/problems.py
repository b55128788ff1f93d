"""Errors of the control API as RFC 9457 problem details: what went wrong, with a stable key, never a traceback."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web
from pydantic import ValidationError

from common.kit.errors import LinliError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem(status: int, key: str, detail: str) -> web.Response:
    """Return the answer for one error."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "key": key}
    return web.json_response(body, status=status, content_type="application/problem+json")


_HTTP_KEYS = {
    404: "sim.not_found",
    405: "sim.method_not_allowed",
    413: "sim.too_large",
}


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every foreseen error into problem details."""
    try:
        return await handler(request)
    except LinliError as error:
        return problem(error.status, error.key, error.detail)
    except ValidationError as error:
        return problem(422, "sim.invalid", explain(error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        answer = problem(error.status, _HTTP_KEYS.get(error.status, "sim.error"), error.reason)
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer


def explain(error: ValidationError) -> str:
    """Return one sentence a mistake: where, what."""
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in error.errors()
    )


async def json_body(request: web.Request) -> object:
    """Return the parsed body; anything but a JSON text of type application/json is refused."""
    if request.content_type != "application/json":
        raise UnsupportedTypeError("sim.media_type", "send application/json")
    try:
        return json.loads(await request.text())
    except (ValueError, RecursionError, LookupError) as error:
        raise MalformedError("sim.malformed", "the body is not JSON") from error


class MalformedError(LinliError):
    """The body cannot be read."""

    status = 400


class UnsupportedTypeError(LinliError):
    """The body has a type that is not taken."""

    status = 415
