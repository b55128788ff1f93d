"""Counters of answers for Prometheus, under `/metrics`: for programs that somebody scrapes.

The station is none (its health travels with its events), so its daemon does not load this module.
"""

import asyncio
from collections.abc import Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from common.kit.described import Described, described

_DESCRIBED = Described(
    "Counters of answers for Prometheus", "probes", {200: str}, media_type="text/plain"
)


def add_metrics(
    app: web.Application, gauges: Mapping[str, tuple[str, Callable[[], float]]] | None = None
) -> None:
    """Count what `app` answers, by route and never by address, and serve the counters and `gauges`."""
    registry = CollectorRegistry()
    for name, (help_text, read) in (gauges or {}).items():
        Gauge(name, help_text, registry=registry).set_function(read)
    app.middlewares.insert(0, _observe(registry))  # outermost: it sees the answer people get

    @described(_DESCRIBED)
    async def metrics(_request: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain; version=0.0.4"}
        return web.Response(body=generate_latest(registry), headers=headers)

    app.router.add_get("/metrics", metrics)


def _observe(registry: CollectorRegistry) -> Middleware:
    requests = Counter(
        "linli_http_requests", "Answers given", ["route", "method", "status"], registry=registry
    )
    seconds = Histogram(
        "linli_http_seconds", "Time to the answer", ["route"], registry=registry, unit=""
    )

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        response = await handler(request)
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "none"
        requests.labels(route, request.method, str(response.status)).inc()
        seconds.labels(route).observe(loop.time() - started_s)
        return response

    return observe
