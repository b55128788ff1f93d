"""Bodies of the bench's requests and answers: checked JSON in, JSON out, refusals that say what is wrong."""

import json
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from common.kit.errors import InvalidError, LinliError
from common.kit.web import read_body

T = TypeVar("T")


class MalformedError(LinliError):
    """The body cannot be read at all."""

    status = 400


class MediaTypeError(LinliError):
    """The body is not of a type that is taken."""

    status = 415


def json_of(model: BaseModel, status: int = 200) -> web.Response:
    """Return a model as the answer."""
    return web.Response(
        text=model.model_dump_json(), status=status, content_type="application/json"
    )


async def body_of(request: web.Request, adapter: TypeAdapter[T]) -> T:
    """Return the checked body: 415 another type, 400 not JSON, 422 unknown fields or wrong values."""
    if request.content_type != "application/json":
        raise MediaTypeError("sim.media_type", "send application/json")
    try:
        given = json.loads(await read_body(request))
    except (ValueError, RecursionError) as error:
        raise MalformedError("sim.malformed", "the body is not JSON") from error
    try:
        return adapter.validate_python(given)
    except ValidationError as error:
        raise InvalidError("sim.invalid", _explain(error)) from error


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in error.errors()
    )
