"""One connection of a web server: what is no HTTP gets a problem, too, and no trace in the log.

aiohttp answers such requests before any middleware runs, in plain text with its own name and version.
"""

import logging
from http import HTTPStatus

from aiohttp import web
from aiohttp.web_request import BaseRequest

from common.kit.problems import bare_problem, from_aiohttp, harden

_log = logging.getLogger(__name__)


class HttpProtocol(web.RequestHandler):
    """aiohttp's connection with our answers to what cannot be read."""

    __slots__ = ()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's signature
    ) -> web.StreamResponse:
        """Return a problem; `message` names aiohttp's reason and repeats the request: it stays here."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("a request from %s failed", request.remote, exc_info=exc)
        else:
            _log.info("not HTTP, from %s: %s", request.remote, type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        error = web.HTTPBadRequest() if status < HTTPStatus.INTERNAL_SERVER_ERROR else None
        answer = (
            from_aiohttp(error) if error else bare_problem(status, "internal", "try again later")
        )
        answer.force_close()
        harden(answer)
        return answer

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer; what was raised before the middlewares (`Expect: something`) is made a problem."""
        if isinstance(resp, web.HTTPException) and resp.status >= HTTPStatus.BAD_REQUEST:
            resp = from_aiohttp(resp)
        finished = await super().finish_response(request, resp, start_time)
        if request.content.exception() is not None:
            self.force_close()  # the body cannot be read: nothing behind it can
        return finished
