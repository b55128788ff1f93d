"""TLS on real sockets: who is believed, who is sent away, and what the log says of him."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from common.kit import tls_door
from common.kit.certificates import Authority, Holder, read_certificate
from common.kit.chance import seeded_chance
from common.kit.identity import public_key
from common.kit.tls import blind_context, client_context, server_context, show
from common.kit.tls_door import Complaints, Porch
from common.kit.web import Limits, WebServer, make_app
from tests.cloud.harness import MovableClock

OURS, OTHER = Authority(bytes(range(32))), Authority(bytes(32))
SERVER_KEY, STATION_KEY = bytes(range(3, 35)), bytes(range(5, 37))
STATION = "01K0YANGGVANG0000000000003"
LONG_AGO = datetime(2016, 1, 1, tzinfo=UTC)
CHANCE = seeded_chance("tls")


def server_pem(authority: Authority = OURS, now: datetime = LONG_AGO) -> str:
    names = ("127.0.0.1", "localhost")
    return authority.for_server(public_key(SERVER_KEY), names, now=now, days=1, chance=CHANCE)


def station_pem(authority: Authority = OURS, key: bytes = STATION_KEY) -> str:
    holder = Holder(STATION, public_key(key))
    return authority.for_station(holder, now=LONG_AGO, days=1, chance=CHANCE)


async def _who(request: web.Request) -> web.Response:
    shown = request.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return web.Response(text=read_certificate(shown).name if shown else "nobody")


@asynccontextmanager
async def serving(
    certificate: str | None = None, seed: bytes = SERVER_KEY, limits: Limits | None = None
) -> AsyncIterator[tuple[WebServer, Complaints]]:
    complaints = Complaints(MovableClock())
    context = server_context(OURS.pem, seed, certificate or server_pem())
    app = make_app(limits=limits)
    app.router.add_get("/who", _who)
    subject = WebServer(app, "127.0.0.1", 0, Porch(context, complaints))
    await subject.start()
    try:
        yield subject, complaints
    finally:
        await subject.stop()


async def ask(server: WebServer, context: ssl.SSLContext) -> str:
    connector = aiohttp.TCPConnector(ssl=context)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(f"{server.url}/who") as answer,
    ):
        return await answer.text()


def shown_by(authority: Authority = OURS) -> ssl.SSLContext:
    context = client_context(OURS.pem)
    show(context, STATION_KEY, station_pem(authority))
    return context


async def test_both_sides_are_known_whatever_the_time_in_their_certificates() -> None:
    """Both certificates ended ten years ago."""
    async with serving() as (server, complaints):
        assert server.url.startswith("https://")
        assert await ask(server, shown_by()) == STATION
        assert await ask(server, client_context(OURS.pem)) == "nobody"
        assert await ask(server, blind_context()) == "nobody"
    assert complaints.count == 0


async def test_certificates_from_the_future_are_as_good() -> None:
    async with serving(server_pem(now=datetime(2036, 1, 1, tzinfo=UTC))) as (server, _):
        assert await ask(server, client_context(OURS.pem)) == "nobody"


@pytest.mark.parametrize(
    ("certificate", "seed"),
    [
        pytest.param(server_pem(OTHER), SERVER_KEY, id="another authority"),
        pytest.param(station_pem(), STATION_KEY, id="a station that plays the hub"),
    ],
)
async def test_a_server_of_another_authority_or_purpose_is_not_believed(
    certificate: str, seed: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(certificate, seed) as (server, complaints):
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await ask(server, client_context(OURS.pem))
        async with asyncio.timeout(5):
            while not complaints.count:  # noqa: ASYNC110 - the server hears of it a moment later
                await asyncio.sleep(0.005)
    assert "no TLS with 127.0.0.1" in caplog.text
    assert "it hung up" in caplog.text  # asyncio closes without the alert that would say why


async def test_a_server_of_another_name_is_not_believed() -> None:
    pem = OURS.for_server(
        public_key(SERVER_KEY), ("hub.example",), now=LONG_AGO, days=1, chance=CHANCE
    )
    async with serving(pem) as (server, _):
        with pytest.raises(aiohttp.ClientConnectorCertificateError, match=r"127\.0\.0\.1"):
            await ask(server, client_context(OURS.pem))


async def test_a_client_of_another_authority_ends_in_the_handshake(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as (server, complaints):
        with pytest.raises(aiohttp.ClientError):
            await ask(server, shown_by(OTHER))
        assert complaints.count >= 1  # aiohttp may have tried twice
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("no TLS with 127.0.0.1: its certificate is not believed (")
    assert not caplog.records[0].exc_info


async def test_old_tls_and_plain_http_are_refused_and_told_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as (server, complaints):
        old = client_context(OURS.pem)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
        with pytest.raises(aiohttp.ClientError):
            await ask(server, old)
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert b"HTTP/1.1" not in await reader.read()
            writer.close()
        assert complaints.count == 4
        assert len(caplog.records) == 1
        assert "unsupported protocol" in caplog.text


def test_what_was_not_told_is_counted_and_addresses_are_bounded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = MovableClock()
    subject = Complaints(clock)
    for _ in range(5):
        subject.failed("10.0.0.1", "http request")
    clock.forward(minutes=2)
    subject.failed("10.0.0.1", "http request")
    assert "4 more" in caplog.text
    for number in range(1000):
        subject.failed(f"10.1.{number // 256}.{number % 256}", "http request")
    assert len(subject._told) == tls_door._MOST_KNOWN


async def test_who_says_nothing_or_hangs_up_holds_no_place(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_door, "HANDSHAKE_S", 0.2)
    caplog.set_level(logging.WARNING)
    async with serving(limits=Limits(connections=2)) as (server, complaints):
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
        assert server._porch is not None
        while len(server._porch) < 2:  # noqa: ASYNC110 - until both stand there
            await asyncio.sleep(0.005)
        with pytest.raises((aiohttp.ClientError, OSError)):  # both places are taken
            await ask(server, shown_by())
        for one in silent:
            one.close()
        async with asyncio.timeout(5):
            while complaints.count < 2:  # noqa: ASYNC110 - two programs, no event between them
                await asyncio.sleep(0.005)
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(5):
            while complaints.count < 3:  # noqa: ASYNC110 - until its time is over
                await asyncio.sleep(0.005)
        writer.close()
        assert await ask(server, shown_by()) == STATION


async def test_a_request_in_one_packet_with_the_handshake_is_not_lost() -> None:
    """TLS 1.3 lets a client speak with its last word of the handshake; the server's coroutine wakes later."""
    async with serving() as (server, _):
        for _ in range(20):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            engine = shown_by().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            done = False
            while not done:
                try:
                    engine.do_handshake()
                    done = True
                except ssl.SSLWantReadError:
                    writer.write(outgoing.read())
                    incoming.write(await reader.read(65536))
            engine.write(b"GET /who HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            writer.write(outgoing.read())
            assert STATION.encode() in await _read(engine, incoming, reader)
            writer.close()


async def _read(
    engine: ssl.SSLObject, incoming: ssl.MemoryBIO, reader: asyncio.StreamReader
) -> bytes:
    found = b""
    while STATION.encode() not in found:
        arrived = await reader.read(65536)
        assert arrived, found
        incoming.write(arrived)
        with contextlib.suppress(ssl.SSLWantReadError):
            found += engine.read(65536)
    return found
