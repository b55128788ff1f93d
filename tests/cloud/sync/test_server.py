"""The gateway's HTTP side over a real socket: whatever comes in, a problem goes out and never a 5xx."""

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.sync import Gateway, SyncServer
from common.contract import protocol
from common.contract.base import Message
from common.contract.digest import EMPTY
from common.contract.replica import CompartmentRow
from common.kit.chance import seeded_chance
from common.kit.clock import to_ms
from common.kit.identity import (
    NONCE_HEADER,
    SIGNATURE_HEADER,
    STATION_HEADER,
    TIME_HEADER,
    public_key,
    request_message,
    sign,
)
from common.kit.ids import new_id
from common.kit.sqldb import SqlDb
from common.kit.web import Limits, WebServer, make_app
from tests.cloud.sync.stories import STATION, batch, doors

KEY = bytes(range(32))


class HandClock:
    boot_id = "hand"

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return self.now.timestamp()

    def wall(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str

    @property
    def key(self) -> str:
        return str(json.loads(self.body)["key"])


class Device:
    """Signs like a station, and as wrongly as a test wants."""

    def __init__(self, http: aiohttp.ClientSession, url: str, clock: HandClock) -> None:
        self._http, self._url, self._clock = http, url, clock
        self._numbers = iter(range(10**9))
        self.chance = seeded_chance("device")
        self.session = 0

    def headers(self, method: str, path: str, body: bytes, **wrong: str) -> dict[str, str]:
        time_ms = int(wrong.get("time_ms", to_ms(self._clock.now)))
        nonce = wrong.get("nonce", f"nonce{next(self._numbers):08d}")
        station_id = wrong.get("station_id", STATION)
        message = request_message(
            method=method, path_qs=path, time_ms=time_ms, nonce=nonce,
            station_id=station_id, body=body,
        )  # fmt: skip
        return {
            protocol.PROTO_HEADER: wrong.get("proto", protocol.PROTO),
            protocol.SESSION_HEADER: wrong.get("session", str(self.session)),
            STATION_HEADER: station_id,
            TIME_HEADER: str(time_ms),
            NONCE_HEADER: nonce,
            SIGNATURE_HEADER: wrong.get("signature", sign(KEY, message).hex()),
            "Content-Type": wrong.get("media_type", "application/json"),
        }

    async def send(self, method: str, path: str, body: bytes = b"", **wrong: str) -> Answer:
        return await self.raw(method, path, body, self.headers(method, path, body, **wrong))

    async def packed(self, path: str, body: bytes) -> Answer:
        headers = self.headers("POST", path, body) | {"Content-Encoding": "gzip"}
        return await self.raw("POST", path, gzip.compress(body), headers)

    async def raw(self, method: str, path: str, data: bytes, headers: dict[str, str]) -> Answer:
        async with self._http.request(
            method, self._url + path, data=io.BytesIO(data) if data else None, headers=headers
        ) as response:
            return Answer(response.status, await response.read(), response.content_type)

    def hello(self, **other: int | str) -> protocol.Hello:
        given_: dict[str, int | str | None] = {
            "install_id": STATION, "hello_id": new_id(self._clock, self.chance),
            "session": self.session, "boot_epoch": 1, "gen": 0, "op": 0, "digest": EMPTY.hex(),
            "app_version": "t", "backlog_facts": 0, "backlog_telemetry": 0,
            "clock_offset_ms": 0, **other,
        }  # fmt: skip
        return protocol.Hello.model_validate(given_)

    async def greet(self, **other: int | str) -> protocol.HelloAnswer:
        answer = await self.send("POST", protocol.HELLO_PATH, dump(self.hello(**other)))
        assert answer.status == 200, answer.body
        said = protocol.HelloAnswer.model_validate_json(answer.body)
        self.session = said.session
        return said


def dump(message: Message) -> bytes:
    return message.model_dump_json().encode()


@dataclass(frozen=True, slots=True)
class Bench:
    device: Device
    db: SqlDb
    clock: HandClock
    gateway: Gateway
    server: WebServer


@asynccontextmanager
async def bench_of(db: SqlDb, limits: Limits | None = None) -> AsyncIterator[Bench]:
    clock, gateway = HandClock(), Gateway()
    await db.write(lambda c: gateway.register_station_tx(c, STATION, public_key(KEY)))
    app = make_app(limits=limits or Limits())
    SyncServer(gateway, db, clock).routes(app)
    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    async with aiohttp.ClientSession() as http:
        yield Bench(Device(http, server.url, clock), db, clock, gateway, server)
    await server.stop()


@pytest.fixture
async def bench(db: SqlDb) -> AsyncIterator[Bench]:
    async with bench_of(db) as opened:
        yield opened


def _ops(bench: Bench, gen: int, after: int, digest: str, wait: float = 0) -> str:
    return f"{protocol.OPS_PATH}?gen={gen}&after={after}&digest={digest}&wait={wait}"


async def _put(bench: Bench, label: str) -> int:
    row = CompartmentRow(label=label, out_of_service=False, reason="")
    return await bench.db.write(lambda c: bench.gateway.put_row_tx(c, STATION, "compartment", row))


async def test_hello_then_events(bench: Bench) -> None:
    said = await bench.device.greet()
    assert (said.session, said.gen, said.acked.facts) == (1, 1, protocol.START)
    sent = dump(batch(doors("A1", "A2")))
    for answer in (
        await bench.device.send("POST", protocol.EVENTS_PATH, sent),
        await bench.device.packed(protocol.EVENTS_PATH, sent),
    ):
        assert answer.status == 200
        acked = protocol.EventsAck.model_validate_json(answer.body)
        assert acked.acked.order == (1, 2)


async def test_a_poll_is_answered_by_the_next_op(bench: Bench) -> None:
    await bench.device.greet()
    poll = asyncio.create_task(bench.device.send("GET", _ops(bench, 1, 0, EMPTY.hex(), 30)))
    await asyncio.sleep(0.05)
    assert not poll.done()
    await _put(bench, "A1")
    page = protocol.OpsAnswer.model_validate_json((await poll).body)
    assert [op.key for op in page.ops] == ["A1"]
    end = await bench.device.send("GET", _ops(bench, 1, page.to, page.digest))
    assert end.status == 204


async def test_a_held_poll_ends_when_the_hub_stops(bench: Bench) -> None:
    await bench.device.greet()
    poll = asyncio.create_task(bench.device.send("GET", _ops(bench, 1, 0, EMPTY.hex(), 60)))
    await asyncio.sleep(0.05)
    await bench.server.stop()
    assert (await poll).status == 204


@pytest.mark.parametrize(
    ("gen", "after", "digest", "reason"),
    [
        (9, 0, EMPTY.hex(), "gen_changed"),
        (1, 9, EMPTY.hex(), "ahead"),
        (1, 0, "11" * 16, "digest"),
    ],
)
async def test_ops_that_cannot_help_say_so(
    bench: Bench, gen: int, after: int, digest: str, reason: str
) -> None:
    await bench.device.greet()
    await _put(bench, "A1")
    answer = await bench.device.send("GET", _ops(bench, gen, after, digest))
    assert (answer.status, answer.key) == (409, "sync.resnapshot")
    assert json.loads(answer.body)["params"]["reason"] == reason


async def test_a_snapshot_is_paged_as_of_one_op(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.sync.feed.SNAPSHOT_ROWS", 2)
    monkeypatch.setattr(protocol, "SNAPSHOT_ROWS", 2)
    await bench.device.greet()
    for label in ("A1", "A2", "A3"):
        await _put(bench, label)
    first = await bench.device.send("GET", f"{protocol.SNAPSHOT_PATH}?gen=1")
    page = protocol.SnapshotPage.model_validate_json(first.body)
    assert (page.as_of, page.more, [row.key for row in page.rows]) == (3, True, ["A1", "A2"])
    onward = f"{protocol.SNAPSHOT_PATH}?gen=1&as_of=3&table=compartment&key=A2"
    second = await bench.device.send("GET", onward)
    last = protocol.SnapshotPage.model_validate_json(second.body)
    assert (last.more, [row.key for row in last.rows]) == (False, ["A3"])
    await _put(bench, "A4")
    late = await bench.device.send("GET", onward)
    assert (late.status, late.key) == (409, "sync.moved")


async def test_who_did_not_sign_is_nobody(bench: Bench) -> None:
    hello = dump(bench.device.hello())
    path = protocol.HELLO_PATH
    for wrong in (
        {"signature": "00" * 64},
        {"signature": "not hex"},
        {"station_id": "01JZ0000000000000000000009"},
        {"station_id": "'; --"},
        {"nonce": "short"},
        {"nonce": "n" * 65},
        {"time_ms": "-5"},
    ):
        answer = await bench.device.send("POST", path, hello, **wrong)
        assert (answer.status, answer.key) == (401, "sync.unauthenticated"), wrong
    headers = bench.device.headers("POST", path, hello)
    answer = await bench.device.raw("POST", path, hello + b" ", headers)
    assert answer.key == "sync.unauthenticated", "another body than the signed one"
    answer = await bench.device.raw("POST", path, hello, {protocol.PROTO_HEADER: "1"})
    assert answer.key == "sync.unauthenticated"


async def test_a_wrong_clock_is_told_the_time(bench: Bench) -> None:
    hello = dump(bench.device.hello())
    for minutes in (-11, 11):
        off = to_ms(bench.clock.now + timedelta(minutes=minutes))
        answer = await bench.device.send("POST", protocol.HELLO_PATH, hello, time_ms=str(off))
        assert (answer.status, answer.key) == (401, "sync.clock")
        params = json.loads(answer.body)["params"]
        assert params["server_time_ms"] == to_ms(bench.clock.now)


async def test_a_station_gets_through_after_the_hubs_clock_was_put_back(bench: Bench) -> None:
    await bench.device.greet()
    bench.clock.now -= timedelta(days=365)
    assert (
        await bench.device.send("POST", protocol.HELLO_PATH, dump(bench.device.hello()))
    ).status == 200


async def test_a_replayed_request_is_refused(bench: Bench) -> None:
    hello = dump(bench.device.hello())
    headers = bench.device.headers("POST", protocol.HELLO_PATH, hello)
    assert (await bench.device.raw("POST", protocol.HELLO_PATH, hello, headers)).status == 200
    again = await bench.device.raw("POST", protocol.HELLO_PATH, hello, headers)
    assert (again.status, again.key) == (401, "sync.replayed")


async def test_an_older_session_is_fenced_and_an_unknown_one_says_hello(bench: Bench) -> None:
    await bench.device.greet()
    await bench.device.greet()
    events = dump(batch(doors("A1")))
    older = await bench.device.send("POST", protocol.EVENTS_PATH, events, session="1")
    assert (older.status, older.key) == (403, "sync.fenced")
    newer = await bench.device.send("POST", protocol.EVENTS_PATH, events, session="7")
    assert (newer.status, newer.key) == (409, "sync.hello_first")
    none = await bench.device.send("POST", protocol.EVENTS_PATH, events, session="")
    assert none.status == 401


async def test_the_same_hello_again_is_the_same_session(bench: Bench) -> None:
    same = new_id(bench.clock, bench.device.chance)
    assert (await bench.device.greet(hello_id=same)).session == 1
    assert (await bench.device.greet(hello_id=same, session=0)).session == 1


async def test_another_protocol_is_told_the_versions(bench: Bench) -> None:
    answer = await bench.device.send("POST", protocol.EVENTS_PATH, b"{}", proto="2")
    assert (answer.status, answer.key) == (426, "sync.proto")


async def test_who_names_no_protocol_is_no_station(bench: Bench) -> None:
    headers = bench.device.headers("POST", protocol.HELLO_PATH, b"{}")
    del headers[protocol.PROTO_HEADER]
    answer = await bench.device.raw("POST", protocol.HELLO_PATH, b"{}", headers)
    assert (answer.status, answer.key) == (401, "sync.unauthenticated")


async def test_another_type_of_body_is_refused(bench: Bench) -> None:
    hello = dump(bench.device.hello())
    answer = await bench.device.send("POST", protocol.HELLO_PATH, hello, media_type="text/plain")
    assert (answer.status, answer.key) == (415, "request.media_type")


@pytest.mark.parametrize("name", ["session", "boot_epoch", "gen", "op"])
@pytest.mark.parametrize("number", [2**40, 2**40 + 1, 2**49 - 1, 2**49, 2**53 - 1])
async def test_the_largest_numbers_of_a_hello_leave_room_for_the_next(
    bench: Bench, name: str, number: int
) -> None:
    """The hub counts on from what a station says: what it answers must still fit its own messages."""
    statuses = set()
    blank = json.loads(dump(bench.device.hello()))
    for _ in range(3):
        fresh = {"hello_id": new_id(bench.clock, bench.device.chance)}
        hello = blank | fresh | {"session": bench.device.session, name: number}
        said = await bench.device.send("POST", protocol.HELLO_PATH, json.dumps(hello).encode())
        statuses.add(said.status)
        if said.status == 200:
            bench.device.session = protocol.HelloAnswer.model_validate_json(said.body).session
    assert statuses - {403} == ({200} if name == "op" or number == 2**40 else {422})
    digests = await bench.device.send("GET", f"{protocol.DIGESTS_PATH}?gen=1")
    assert digests.status in (200, 409) or 200 not in statuses


_GOOD = json.loads(batch(doors("A1")).model_dump_json())


def _with(**changes: object) -> bytes:
    return json.dumps({**_GOOD, **changes}).encode()


def _with_event(**changes: object) -> bytes:
    return _with(events=[{**_GOOD["events"][0], **changes}])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"lane":"\\ud800"}',
        _with(lane="gossip"),
        _with(events=[]),
        _with(events=_GOOD["events"] * 501),
        _with(chain="zz"),
        _with(after=None),
        _with_event(seq="1"),
        _with_event(seq=0),
        _with_event(seq=2**63),
        _with_event(boot_epoch=-1),
        _with_event(occurred_at_ms=1.5),
        _with_event(occurred_at_ms=2**53 - 1),  # no datetime holds it
        _with_event(type="DROP TABLE"),
        _with_event(body="nul \x00 here"),
        _with_event(body={"compartment": "A1"}),
        b"[" * 5000,
    ],
)
async def test_what_does_not_fit_is_a_problem(bench: Bench, body: bytes) -> None:
    await bench.device.greet()
    answer = await bench.device.send("POST", protocol.EVENTS_PATH, body)
    assert (answer.status, answer.key) == (422, "sync.invalid")
    assert answer.content_type == "application/problem+json"


async def test_unknown_fields_of_a_newer_station_are_ignored(bench: Bench) -> None:
    await bench.device.greet()
    answer = await bench.device.send("POST", protocol.EVENTS_PATH, _with(mood="fine"))
    assert answer.status == 200


async def test_too_much_is_refused_also_when_packed(bench: Bench) -> None:
    await bench.device.greet()
    bomb = b" " * (protocol.MAX_REQUEST_BYTES + 1)
    for answer in (
        await bench.device.send("POST", protocol.EVENTS_PATH, bomb),
        await bench.device.packed(protocol.EVENTS_PATH, bomb),
    ):
        assert (answer.status, answer.key) == (413, "sync.too_large")


async def test_a_body_that_only_says_it_is_packed(bench: Bench) -> None:
    body = b"not gzip at all"
    headers = bench.device.headers("POST", protocol.EVENTS_PATH, body)
    headers["Content-Encoding"] = "gzip"
    answer = await bench.device.raw("POST", protocol.EVENTS_PATH, body, headers)
    assert 400 <= answer.status < 500


_EMPTY = EMPTY.hex()


@pytest.mark.parametrize(
    "path",
    [
        protocol.OPS_PATH,
        f"{protocol.OPS_PATH}?gen=x&after=0&digest={_EMPTY}",
        f"{protocol.OPS_PATH}?gen=1&after=-1&digest={_EMPTY}",
        f"{protocol.OPS_PATH}?gen={2**70}&after=0&digest={_EMPTY}",
        f"{protocol.OPS_PATH}?gen=1&after=0&digest=00",
        f"{protocol.OPS_PATH}?gen=1&after=0&digest={_EMPTY}&wait=nan",
        f"{protocol.OPS_PATH}?gen=1&after=0&digest={_EMPTY}&wait=61",
        protocol.SNAPSHOT_PATH,
        f"{protocol.SNAPSHOT_PATH}?gen=1&segments=zz",
        f"{protocol.SNAPSHOT_PATH}?gen=1&key=%00",
        f"{protocol.SNAPSHOT_PATH}?gen=1&gen=2",
        protocol.DIGESTS_PATH,
    ],
)
async def test_queries_that_do_not_fit(bench: Bench, path: str) -> None:
    await bench.device.greet()
    answer = await bench.device.send("GET", path)
    assert (answer.status, answer.key) == (422, "sync.invalid")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*_GOOD, "x"]), inner)
    ),
    max_leaves=8,
)


@given(changes=st.dictionaries(st.sampled_from(sorted(_GOOD)), _json, min_size=1), first=_json)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_message_is_a_server_error(db: SqlDb, changes: dict[str, object], first: object) -> None:
    async def ask() -> int:
        async with bench_of(db) as bench:
            await bench.device.greet()
            body = json.dumps({**_GOOD, "events": [first], **changes}).encode("utf-8", "replace")
            return (await bench.device.send("POST", protocol.EVENTS_PATH, body)).status

    assert asyncio.run(ask()) < 500
