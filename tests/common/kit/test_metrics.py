"""What Prometheus is told: every answer people got, by route; nothing of an address."""

import httpx
from aiohttp import web

from common.kit.errors import ConflictError
from common.kit.metrics import add_metrics
from common.kit.web import WebServer, make_app


async def _conflict(_request: web.Request) -> web.Response:
    raise ConflictError("order.moved", "moved on")


async def test_counters_know_routes_not_addresses() -> None:
    app = make_app()
    add_metrics(app)
    app.router.add_get("/orders/{id}", _conflict)
    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.url) as client:
            await client.get("/healthz?token=s3cret")
            await client.get("/nowhere/s3cret")
            await client.get("/orders/s3cret")
            text = (await client.get("/metrics")).text
    finally:
        await server.stop()
    assert 'linli_http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in text
    assert 'route="none",status="404"' in text
    assert 'linli_http_requests_total{method="GET",route="/orders/{id}",status="409"} 1.0' in text
    assert 'linli_http_seconds_count{route="/orders/{id}"} 1.0' in text
    assert "s3cret" not in text
