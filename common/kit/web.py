"""The web server of every program: hardened aiohttp, RFC 9457 problems, numbered requests, probes.

Hub, station screens and simulator differ in their routes only; limits and headers are here, once.
"""

import asyncio
import errno
import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qsl

from aiohttp import web

from common.kit.described import ANY_HOST, Described, described
from common.kit.errors import InvalidError, LinliError, UnavailableError
from common.kit.http_protocol import HttpProtocol
from common.kit.log import log_ids
from common.kit.problems import bare_problem, from_aiohttp, harden, problem
from common.kit.same_site import Handler, Middleware, same_site
from common.kit.tls_door import Porch

_MOST_FIELDS = 80
_log = logging.getLogger(__name__)


class TooManyError(LinliError):
    """Too many tries in a short time: wait `params["wait_s"]` seconds."""

    status = 429


@dataclass(frozen=True, slots=True)
class Limits:
    """What one listener grants its clients (aiohttp alone would wait for over an hour)."""

    header_s: float = 15.0  # also the longest silence of a kept-alive connection
    body_s: float = 10.0
    connections: int = 512
    body_bytes: int = 64 * 1024
    stop_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Alive:
    """The process answers."""

    status: Literal["ok"]


@dataclass(frozen=True, slots=True)
class Ready:
    """Nothing is missing."""

    status: Literal["ready"]


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
    inside: list[Any] = [_numbered(), _problems, same_site(frozenset(hosts)), *middlewares]
    app = web.Application(
        middlewares=inside,
        client_max_size=limits.body_bytes,
    )
    app[_LIMITS] = limits
    app.on_response_prepare.append(_headers)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz(not_ready))
    return app


async def read_body(request: web.Request) -> bytes:
    """Return the whole body within the listener's deadline and size, else 400, 408 or 413."""
    try:
        async with asyncio.timeout(request.config_dict[_LIMITS].body_s):
            return await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except web.RequestPayloadError as error:  # e.g. Content-Encoding: gzip over something else
        raise web.HTTPBadRequest from error


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the fields of a URL-encoded form; the last of several wins. InvalidError if it is none."""
    body = await read_body(request)
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=bool(body),
            max_num_fields=_MOST_FIELDS,
        )  # fmt: skip
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidError("web.bad_request", "the body is no URL-encoded form") from error
    return dict(pairs)


class WebServer:
    """One listener; the same on a real loop and on the simulated world's."""

    def __init__(
        self, app: web.Application, host: str, port: int, porch: Porch | None = None
    ) -> None:
        """Serve `app` on `host:port`, behind the handshakes of `porch` if there is one.

        Port 0 takes a free one, readable in `port` after `start`.
        """
        self.host, self.port, self._porch = host, port, porch
        self._limits = limits = app[_LIMITS]
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
        return f"{'http' if self._porch is None else 'https'}://{host}:{self.port}"

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
        if self._porch is not None:
            self._porch.close()
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
        porch = self._porch
        coming = 0 if porch is None else len(porch)
        if len(server.connections) + coming >= self._limits.connections:
            return _TurnAway()
        http = partial(
            HttpProtocol,
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # as AppRunner hands it on: none
            keepalive_timeout=self._limits.header_s,
            lingering_time=self._limits.stop_s,
        )
        return http() if porch is None else porch.door(http)


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
        return from_aiohttp(error)
    except Exception:  # noqa: BLE001 - the last resort: a bug becomes a 500 without its trace
        _log.exception("%s %s failed", request.method, request.path)
        return bare_problem(500, "internal", "the log knows more; try again later")


async def _headers(_request: web.Request, response: web.StreamResponse) -> None:
    harden(response)


@described(Described("Whether the process lives", "probes", {200: Alive}))
async def _healthz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _readyz(not_ready: Callable[[], Sequence[str]]) -> Handler:
    @described(Described("Whether it serves", "probes", {200: Ready}, problems=ANY_HOST | {503}))
    async def readyz(_request: web.Request) -> web.Response:
        missing = not_ready()
        if missing:
            raise UnavailableError("web.not_ready", f"not ready yet: {', '.join(missing)}")
        return web.json_response({"status": "ready"})

    return readyz
