"""Back-off, reachability and the client's reading of answers."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from common.contract.protocol import HELLO_PATH, EventsAck, Position
from common.kit.chance import seeded_chance
from common.kit.clock import to_ms
from common.kit.identity import TIME_HEADER, StationSecrets, new_private_key
from common.kit.web import WebServer, make_app
from edge.sync.client import HubAway, HubClient, HubRefused
from edge.sync.contact import Backoff, Contact
from tests.edge.sync.rig import HandClock

MESSAGE = Position(boot_epoch=1, seq=1, chain="00" * 32)


def test_pauses_double_to_the_cap_and_are_never_in_step() -> None:
    subject = Backoff(random.Random(1), cap_s=60)
    pauses = [subject.next_s() for _ in range(12)]
    assert all(0.5 * 2**at <= pause <= 2**at for at, pause in enumerate(pauses[:6]))
    assert all(30 <= pause <= 60 for pause in pauses[6:])
    assert len(set(pauses)) == len(pauses)
    subject.reset()
    assert subject.next_s() <= 1


def test_a_hub_that_names_a_time_is_not_asked_before() -> None:
    subject = Backoff(random.Random(1), cap_s=60)
    assert 30 <= subject.next_s(30.0) <= 31


async def test_after_an_unreachable_hub_hello_comes_first() -> None:
    subject = Contact(HandClock())
    backoff = Backoff(random.Random(1), cap_s=0.001)
    subject.ready.set()
    await subject.pause(HubAway("503", reached=True), backoff)
    assert subject.ready.is_set(), "a hub that answered is the one we know"
    await subject.pause(HubAway("refused", reached=False), backoff)
    assert not subject.ready.is_set()
    assert subject.hello_wanted.is_set()
    assert not subject.view().online


async def test_the_view_says_since_when() -> None:
    clock = HandClock()
    subject = Contact(clock)
    turns: list[bool] = []
    subject.on_change.append(lambda: turns.append(subject.view().online))
    subject.heard()
    clock.advance(seconds=70)
    subject.heard()
    assert (subject.view().since_s, subject.view().last_heard) == (70, clock.wall())
    subject.lost(HubAway("gone", reached=False))
    assert subject.view().since_s == 0
    assert turns == [True, False]


Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def _client(reply: Reply, method: str = "POST") -> AsyncIterator[tuple[HubClient, HandClock]]:
    app = make_app()
    app.router.add_route(method, HELLO_PATH, reply)
    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    clock, chance = HandClock(), seeded_chance("client")
    secrets = StationSecrets("S" * 26, new_private_key(chance), b"", b"", b"")
    async with aiohttp.ClientSession() as session:
        yield HubClient(session, server.url, secrets, clock, chance, 2.0), clock
    await server.stop()


@pytest.mark.parametrize(
    ("status", "body", "headers", "wait_s"),
    [
        (503, b"", {"Retry-After": "7"}, 7.0),
        (429, b"{}", {"Retry-After": "999999999"}, 3600.0),
        (500, b"<html>", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        (404, b"", {}, None),
        (302, b"", {"Location": "http://127.0.0.1:1/"}, None),
        (204, b"", {}, None),
        (200, b"not json", {}, None),
        (200, b'{"acked":1}', {}, None),
        (409, b'{"key":"proxy.conflict"}', {}, None),
    ],
)
async def test_an_answer_that_cannot_be_used_is_worth_a_pause(
    status: int, body: bytes, headers: dict[str, str], wait_s: float | None
) -> None:
    async def reply(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    async with _client(reply) as (subject, _):
        with pytest.raises(HubAway) as caught:
            await subject.post(HELLO_PATH, MESSAGE, EventsAck)
    assert caught.value.reached
    assert caught.value.retry_after_s == wait_s


async def test_a_refusal_carries_its_key() -> None:
    async def reply(_request: web.Request) -> web.Response:
        return web.json_response({"key": "sync.fenced", "detail": "x"}, status=403)

    async with _client(reply) as (subject, _):
        with pytest.raises(HubRefused) as caught:
            await subject.post(HELLO_PATH, MESSAGE, EventsAck)
    assert caught.value.key == "sync.fenced"


async def test_nobody_there() -> None:
    async def reply(_request: web.Request) -> web.Response:
        raise AssertionError

    async with _client(reply) as (subject, _):
        pass
    async with aiohttp.ClientSession() as session:
        subject._http = session
        with pytest.raises(HubAway) as caught:
            await subject.post(HELLO_PATH, MESSAGE, EventsAck)
    assert not caught.value.reached


async def test_a_wrong_clock_is_set_by_the_hub_and_the_request_made_again() -> None:
    asked: list[int] = []

    async def reply(request: web.Request) -> web.Response:
        asked.append(int(request.headers[TIME_HEADER]))
        if len(asked) == 1:
            problem = {"key": "sync.clock", "params": {"server_time_ms": 1_900_000_000_000}}
            return web.json_response(problem, status=401)
        return web.Response(
            body=EventsAck(acked=MESSAGE, quarantined=0).model_dump_json(),
            content_type="application/json",
        )

    async with _client(reply) as (subject, clock):
        await subject.post(HELLO_PATH, MESSAGE, EventsAck)
        assert asked == [to_ms(clock.wall()), 1_900_000_000_000]
        assert subject.clock_offset_ms == 1_900_000_000_000 - to_ms(clock.wall())
