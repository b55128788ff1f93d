"""HTTP bodies, queries and headers as models: everything that does not fit is a 4xx problem."""

import asyncio
import gzip
from typing import TypeVar

from aiohttp import web
from pydantic import ValidationError

from common.contract import protocol
from common.contract.base import Message
from common.kit.errors import InvalidError, LinliError, UnauthenticatedError

M = TypeVar("M", bound=Message)
_BODY_S = 20.0  # a station on a bad line still gets a full batch through
_GZIP_FROM = 1024


class TooLargeError(LinliError):
    """More than the gateway reads."""

    status = 413


def session_of(request: web.Request) -> int:
    """Return the session the request was made in; without one nobody speaks (401)."""
    text = request.headers.get(protocol.SESSION_HEADER, "")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise UnauthenticatedError("sync.unauthenticated", "the session header is missing")
    return int(text)


async def read_body(request: web.Request) -> bytes:
    """Return the body, decompressed; never more than the gateway's limit."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_S):
            async for part in request.content.iter_any():
                size += len(part)
                if size > protocol.MAX_REQUEST_BYTES:
                    raise TooLargeError("sync.too_large", "send a smaller batch")
                parts.append(part)
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except web.RequestPayloadError as error:
        raise InvalidError("sync.invalid", "the body cannot be decompressed") from error
    return b"".join(parts)


def message_of(model: type[M], body: bytes) -> M:
    """Return the body as a `model`; InvalidError names the place that does not fit."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from error


def query_of(model: type[M], request: web.Request) -> M:
    """Return the query as a `model`; InvalidError names the place that does not fit."""
    if len(set(request.query)) != len(request.query):
        raise InvalidError("sync.invalid", "a query parameter is given twice")
    try:
        return model.model_validate_strings(dict(request.query))
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> InvalidError:
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "body"
    return InvalidError("sync.invalid", f"{place}: {first['msg']}", place=place)


def answer_of(answer: Message) -> web.Response:
    """Return `answer` as JSON, packed when that pays; every station reads gzip."""
    body = answer.model_dump_json().encode()
    headers = {}
    if len(body) >= _GZIP_FROM:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, content_type="application/json", headers=headers)
