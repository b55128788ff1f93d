"""The web server of every program: hardened aiohttp, RFC 9457 problems, numbered requests, probes.

Hub, station screens and simulator differ in their routes only; limits and headers are here, once.
"""

import asyncio
import contextlib
import errno
import ipaddress
import itertools
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from common.kit.errors import LinliError, RefusedError, UnavailableError
from common.kit.log import log_ids

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Middleware = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]
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
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Known statuses that aiohttp itself raises, with the key people and scripts see.
_HTTP_KEYS = {
    400: "web.bad_request",
    404: "web.not_found",
    405: "web.method_not_allowed",
    408: "web.too_slow",
    413: "web.too_large",
}
_CLOSING = frozenset({400, 408, 413})  # the rest of such a request is not worth reading
_log = logging.getLogger(__name__)


class TooManyError(LinliError):
    """Too many tries in a short time: wait `params["wait_s"]` seconds."""

    status = 429


class MisdirectedError(LinliError):
    """The request names a host that is not served here (DNS rebinding ends here)."""

    status = 421


@dataclass(frozen=True, slots=True)
class Limits:
    """What one listener grants its clients (aiohttp alone would wait for over an hour)."""

    header_s: float = 15.0  # also the longest silence of a kept-alive connection
    body_s: float = 10.0
    connections: int = 512
    body_bytes: int = 64 * 1024
    stop_s: float = 3.0


_LIMITS = web.AppKey("linli_limits", Limits)


def make_app(
    *,
    hosts: Collection[str] = (),
    limits: Limits | None = None,
    not_ready: Callable[[], Sequence[str]] = tuple,
    middlewares: Iterable[Middleware] = (),
) -> web.Application:
    """Return an application with the house's hardening, `/healthz` and `/readyz`.

    `hosts` are the names it answers to besides IP addresses and `localhost`; `not_ready()` lists what
    is still missing. `middlewares` run inside the hardening.
    """
    limits = limits or Limits()
    inside: list[Any] = [_numbered(), _problems, _same_site(frozenset(hosts)), *middlewares]
    app = web.Application(
        middlewares=inside,
        client_max_size=limits.body_bytes,
    )
    app[_LIMITS] = limits
    app.on_response_prepare.append(_headers)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz(not_ready))
    return app


def problem(error: LinliError) -> web.Response:
    """Return `error` as RFC 9457 problem details."""
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="linli"'
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = str(error.params.get("wait_s", 1))
    elif error.status == HTTPStatus.SERVICE_UNAVAILABLE and "wait_s" in error.params:
        headers["Retry-After"] = str(error.params["wait_s"])
    return _problem(error.status, error.key, error.detail, error.params, headers)


async def read_body(request: web.Request) -> bytes:
    """Return the whole body within the listener's deadline and size, else 400, 408 or 413."""
    try:
        async with asyncio.timeout(request.config_dict[_LIMITS].body_s):
            return await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except web.RequestPayloadError as error:  # e.g. Content-Encoding: gzip over something else
        raise web.HTTPBadRequest from error


class WebServer:
    """One listener; the same on a real loop and on the simulated world's."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        """Serve `app` on `host:port`; port 0 takes a free one, readable in `port` after `start`."""
        self.host, self.port = host, port
        limits = app[_LIMITS]
        self._most = limits.connections
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=False,  # a request with an effect ends even if nobody waits for it
            keepalive_timeout=limits.header_s,
            lingering_time=limits.stop_s,
            shutdown_timeout=limits.stop_s,
        )
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Return the base address, e.g. `http://127.0.0.1:8800`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listen; `port.taken` or `port.refused` (UnavailableError) names the port and what to do."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._protocol, self.host, self.port)
        except (OSError, OverflowError) as error:  # overflow: no such port number
            await self._runner.cleanup()
            raise _cannot_listen(self.host, self.port, error) from error
        if self.port == 0:
            self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, let what runs finish for a moment, then close."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._runner.cleanup()

    async def run(self) -> None:
        """Serve until cancelled."""
        if self._server is None:
            await self.start()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await self.stop()

    def _protocol(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        assert server is not None
        return _TurnAway() if len(server.connections) >= self._most else server()


async def serve(app: web.Application, host: str, port: int) -> None:
    """Serve `app` until cancelled; a port that is taken is an UnavailableError that names it."""
    await WebServer(app, host, port).run()


class _TurnAway(asyncio.Protocol):
    """Closes at once: every place is taken."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _cannot_listen(host: str, port: int, error: OSError | OverflowError) -> UnavailableError:
    if isinstance(error, OverflowError):
        return UnavailableError("port.refused", f"{error}", host=host, port=port)
    if error.errno == errno.EADDRINUSE:
        said = f"port {port} on {host} is taken: stop the program that holds it or choose another"
        return UnavailableError("port.taken", said, host=host, port=port)
    said = f"cannot listen on {host} port {port}: {error.strerror or error}"
    return UnavailableError("port.refused", said, host=host, port=port)


def _numbered() -> Middleware:
    numbers = itertools.count(1)

    @web.middleware
    async def numbered(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = f"{next(numbers):x}"
        with log_ids(request=request_id):
            response = await handler(request)
        if not response.prepared:
            response.headers["X-Request-Id"] = request_id
        return response

    return numbered


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ConnectionResetError:
        raise  # the other side went away; nobody is left to be told
    except LinliError as error:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.warning("%s %s: %s", request.method, request.path, error.detail)
        return problem(error)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return _from_aiohttp(error)
    except Exception:  # noqa: BLE001 - the last resort: a bug becomes a 500 without its trace
        _log.exception("%s %s failed", request.method, request.path)
        return _problem(500, "internal", "the hub's log knows more; try again later")


def _from_aiohttp(error: web.HTTPException) -> web.Response:
    headers = {}
    if isinstance(error, web.HTTPMethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    key = _HTTP_KEYS.get(error.status, f"web.status_{error.status}")
    answer = _problem(error.status, key, HTTPStatus(error.status).description, {}, headers)
    if error.status in _CLOSING:
        answer.force_close()
    return answer


def problem_bytes(error: LinliError) -> bytes:
    """Return the problem details of `error` as JSON text."""
    return _details(error.status, error.key, error.detail, error.params)


def _problem(
    status: int,
    key: str,
    detail: str,
    params: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
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


def _same_site(hosts: frozenset[str]) -> Middleware:
    @web.middleware
    async def same_site(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_ours(request.host, hosts):
            raise MisdirectedError("web.unknown_host", "this host name is not served here")
        if request.method not in _SAFE_METHODS:
            _check_origin(request)
        return await handler(request)

    return same_site


def _is_ours(host: str, hosts: frozenset[str]) -> bool:
    """A rebinding attack needs a name of its own; bare addresses and localhost cannot be rebound."""
    with contextlib.suppress(ValueError):
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        if name == "localhost" or name in hosts:
            return True
        ipaddress.ip_address(name)
        return True
    return False


def _check_origin(request: web.Request) -> None:
    """A write must come from our own page when a browser sends it; a cookie makes it a browser."""
    origin = request.headers.get("Origin")
    if origin is None:
        if "Cookie" in request.headers:
            raise RefusedError("web.origin", "a page's request must carry its Origin")
        return
    with contextlib.suppress(ValueError):  # `http://[` is nobody's address
        if urlsplit(origin).netloc == request.host:
            return
    raise RefusedError("web.origin", "the request comes from another site")


async def _headers(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Server"] = "linli"


async def _healthz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _readyz(not_ready: Callable[[], Sequence[str]]) -> Handler:
    async def readyz(_request: web.Request) -> web.Response:
        missing = not_ready()
        if missing:
            raise UnavailableError("web.not_ready", f"not ready yet: {', '.join(missing)}")
        return web.json_response({"status": "ready"})

    return readyz
