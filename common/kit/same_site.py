"""Who may call a page from where: our own names only, and a write only from our own page.

What DNS rebinding and another site's form would need ends here, before any route.
"""

import contextlib
import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from common.kit.errors import LinliError, RefusedError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Middleware = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class MisdirectedError(LinliError):
    """The request names a host that is not served here (DNS rebinding ends here)."""

    status = 421


def same_site(hosts: frozenset[str]) -> Middleware:
    """Return the guard of one listener; `hosts` are its names besides IP addresses and `localhost`."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_ours(request.host, hosts):
            raise MisdirectedError("web.unknown_host", "this host name is not served here")
        if request.method not in _SAFE_METHODS:
            _check_origin(request)
        return await handler(request)

    return guard


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
