"""The gateway's rarer answers over a real socket: gaps, broken links, compacted rows, slow bodies, late polls."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiohttp import ClientSession
from sqlalchemy.exc import OperationalError

from cloud.sync import claims, feed, requests
from cloud.sync.admission import Admission
from cloud.sync.auth import SIGNATURE_KEYS
from cloud.sync.blobs import Span, _append, put_row_tx, used_tx
from cloud.sync.effects import EventContext
from cloud.sync.gateway import Gateway
from cloud.sync.ingest import Accepted
from cloud.sync.models import event, quarantine
from cloud.sync.pollers import MOST_HELD, Pollers
from cloud.sync.sessions import check_session
from common.contract import protocol
from common.contract.base import Message
from common.contract.digest import EMPTY
from common.contract.events import DoorUnexpected
from common.contract.protocol import Hello, Position
from common.contract.words import Lane
from common.kit.clock import from_ms
from common.kit.errors import ConflictError, RefusedError, UnavailableError
from common.kit.sqldb import SqlDb
from common.kit.web import Limits
from tests.cloud.sync.stories import AT_MS, STATION, batch, doors
from tests.cloud.sync.test_ingest import Hub
from tests.cloud.sync.test_server import Answer, Bench, _ops, _put, bench_of, dump


@pytest.fixture
async def bench(db: SqlDb) -> AsyncIterator[Bench]:
    async with bench_of(db) as opened:
        yield opened


def params(body: bytes) -> dict[str, object]:
    found: dict[str, object] = json.loads(body)["params"]
    return found


async def test_events_behind_a_gap_are_refused_with_the_hubs_place(bench: Bench) -> None:
    await bench.device.greet()
    first = batch(doors("A1", "A2"))
    assert (await bench.device.send("POST", protocol.EVENTS_PATH, dump(first))).status == 200
    missing = Position(boot_epoch=1, seq=5, chain="55" * 32)
    later = batch(doors("A6", first=6), after=missing)
    answer = await bench.device.send("POST", protocol.EVENTS_PATH, dump(later))
    assert (answer.status, answer.key) == (409, "sync.gap")
    said = params(answer.body)
    assert (said["head_epoch"], said["head_seq"], said["head_chain"]) == (1, 2, first.chain)


async def test_links_that_do_not_add_up_are_a_problem_of_their_own(bench: Bench) -> None:
    await bench.device.greet()
    wrong = batch(doors("A1")).model_copy(update={"chain": "00" * 32})
    answer = await bench.device.send("POST", protocol.EVENTS_PATH, dump(wrong))
    assert (answer.status, answer.key) == (422, "sync.chain_broken")


async def test_who_is_behind_what_is_kept_takes_a_snapshot(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "KEEP_OPS", 2)
    await bench.device.greet()
    for label in ("A1", "A2", "A3", "A4", "A5", "A6"):
        await _put(bench, label)
    for after in (0, 1):
        answer = await bench.device.send("GET", _ops(bench, 1, after, EMPTY.hex()))
        assert (answer.status, answer.key) == (409, "sync.resnapshot")
        assert params(answer.body)["reason"] == "compacted"


async def test_a_page_of_ops_stops_at_its_limit_and_says_where(bench: Bench) -> None:
    await bench.device.greet()
    for label in ("A1", "A2", "A3"):
        await _put(bench, label)
    path = f"{_ops(bench, 1, 0, EMPTY.hex())}&limit=2"
    page = protocol.OpsAnswer.model_validate_json((await bench.device.send("GET", path)).body)
    assert (page.after, page.to, page.head, [op.key for op in page.ops]) == (0, 2, 3, ["A1", "A2"])
    rest = await bench.device.send("GET", _ops(bench, 1, 2, page.digest))
    assert [op.key for op in protocol.OpsAnswer.model_validate_json(rest.body).ops] == ["A3"]


async def test_every_hello_is_told_to_who_asked_for_it(bench: Bench) -> None:
    heard: list[str] = []
    bench.gateway.on_hello.append(lambda hello: heard.append(hello.app_version))
    await bench.device.greet(app_version="7.7")
    assert heard == ["7.7"]


async def test_a_poll_is_noted_as_a_sign_of_life_now_and_then(bench: Bench) -> None:
    await bench.device.greet()

    async def heard_ms() -> int:
        state = await bench.db.read(lambda c: feed.station_tx(c, STATION))
        return int(state.last_heard_ms)

    first = await heard_ms()
    bench.clock.now += from_ms(5_000) - from_ms(0)
    await bench.device.send("GET", _ops(bench, 1, 0, EMPTY.hex()))
    assert await heard_ms() == first, "not at every poll"
    bench.clock.now += from_ms(120_000) - from_ms(0)
    await bench.device.send("GET", _ops(bench, 1, 0, EMPTY.hex()))
    assert await heard_ms() == first + 125_000


async def test_a_revoked_key_ends_what_is_under_way(bench: Bench) -> None:
    await bench.device.greet()
    poll = asyncio.create_task(bench.device.send("GET", _ops(bench, 1, 0, EMPTY.hex(), 30)))
    await asyncio.sleep(0.05)
    await bench.db.write(lambda c: bench.gateway.revoke_key_tx(c, STATION))
    answer = await poll
    assert (answer.status, answer.key) == (403, "sync.revoked")


async def test_a_body_that_never_ends_is_not_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.sync.http._BODY_S", 0.05)
    await bench.device.greet()
    body = dump(batch(doors("A1")))
    over = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:10]
        await over.wait()

    headers = bench.device.headers("POST", protocol.EVENTS_PATH, body)
    url = bench.server.url + protocol.EVENTS_PATH
    async with bench.device._http.post(url, data=slowly(), headers=headers) as response:
        over.set()
        assert response.status == 408


async def test_polls_are_woken_all_together_or_by_station_and_end_by_themselves() -> None:
    subject = Pollers()
    with subject.listen("a") as one, subject.listen("b") as other:
        subject.hint("station:a")
        subject.hint("order:b")
        assert (one.bell.is_set(), other.bell.is_set()) == (True, False)
        subject.hint("")
        assert other.bell.is_set()
        other.bell.clear()
        await subject.wait(other, 0.001)
        assert not other.bell.is_set(), "the time was over, nobody rang"
    with subject.listen("a") as first:
        with subject.listen("a") as second:
            second.bell.clear()
        subject.hint("station:a")
        assert first.bell.is_set(), "who stays is still heard of"
        assert not second.bell.is_set()
    assert subject._polls == {}
    subject.close()
    assert subject.closing


def test_the_oldest_of_too_many_polls_of_one_station_is_over() -> None:
    subject = Pollers()
    with ExitStack() as held:
        other = held.enter_context(subject.listen("b"))
        polls = [held.enter_context(subject.listen("a")) for _ in range(MOST_HELD)]
        assert not any(one.over or one.bell.is_set() for one in polls)
        newest = held.enter_context(subject.listen("a"))
        assert [one.over for one in (*polls, newest, other)] == [True, False, False, False]
        assert polls[0].bell.is_set(), "it is woken to say so"
    with subject.listen("a") as alone:
        assert not alone.over


async def test_one_station_cannot_take_every_connection_with_held_polls(db: SqlDb) -> None:
    places = 6
    async with bench_of(db, Limits(connections=places)) as bench, ClientSession() as other:
        await bench.device.greet()
        path = _ops(bench, 1, 0, EMPTY.hex(), 60)
        polls = {asyncio.create_task(bench.device.send("GET", path)) for _ in range(places)}
        ended: set[asyncio.Task[Answer]] = set()
        while len(polls) > MOST_HELD:
            done, polls = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
            ended |= done
        assert {(one.result().status, one.result().body) for one in ended} == {(204, b"")}
        async with other.get(f"{bench.server.url}/healthz") as response:
            assert response.status == 200
        await _put(bench, "A1")
        answers = [await one for one in polls]
        assert [one.status for one in answers] == [200] * MOST_HELD


def test_a_station_that_gives_one_of_two_places_back_keeps_the_other() -> None:
    subject = Admission(most=9)
    outer = subject.enter("a", 2)
    outer.__enter__()
    with subject.enter("a", 2):
        assert subject.in_flight == 2
        with pytest.raises(UnavailableError), subject.enter("a", 2):
            pass
    assert subject.in_flight == 1
    with subject.enter("a", 2):
        assert subject.in_flight == 2
    outer.__exit__(None, None, None)
    assert subject.in_flight == 0


def _hello(number: int) -> Hello:
    return Hello(
        install_id=STATION, hello_id=f"01JZ{number:022d}", session=0, boot_epoch=1, gen=0, op=0,
        digest=EMPTY.hex(), app_version="t", backlog_facts=number, backlog_telemetry=0,
        clock_offset_ms=0,
    )  # fmt: skip


def test_of_many_who_want_to_speak_the_last_heard_are_kept(db: SqlDb) -> None:
    for number in range(claims.MOST + 3):
        db.write_now(lambda c, n=number: claims.note_tx(c, STATION, _hello(n), AT_MS + n))  # type: ignore[misc]
    kept = db.read_now(lambda c: claims.claims_tx(c, STATION))
    assert [one.backlog_facts for one in kept] == list(range(claims.MOST + 2, 2, -1))
    late_ms = AT_MS + claims.MOST + 2 + claims.KEEP_MS
    db.write_now(lambda c: claims.note_tx(c, STATION, _hello(90), late_ms))
    kept = db.read_now(lambda c: claims.claims_tx(c, STATION))
    assert [one.backlog_facts for one in kept] == [90, claims.MOST + 2], "a week without a word"


@pytest.mark.parametrize("count", [249, 250, 251, 500])
def test_however_many_events_travel_each_is_stored_once(db: SqlDb, count: int) -> None:
    subject = Hub(db)
    sent = batch(doors(*(f"A{number}" for number in range(count))))
    outcome = subject.take(sent)
    assert isinstance(outcome, Accepted)
    assert (outcome.fresh, outcome.quarantined) == (count, 0)
    assert subject.count(event) == count
    assert len(subject.labels()) == count


def test_trouble_of_the_database_is_no_poison(db: SqlDb) -> None:
    subject = Hub(db)

    def away(_conn: object, _context: EventContext, body: Message) -> None:
        assert isinstance(body, DoorUnexpected)
        if body.compartment == "AWAY":
            raise OperationalError("SELECT 1", {}, RuntimeError("the server went away"))

    subject.gateway.on_event("door.unexpected", away)
    with pytest.raises(UnavailableError, match="does not answer"):
        subject.take(batch(doors("A1", "AWAY")))
    assert (subject.count(event), subject.count(quarantine), subject.labels()) == (0, 0, [])
    with pytest.raises(UnavailableError):  # also when another event of the batch is poison
        subject.take(batch(doors("BAD", "AWAY")))
    assert (subject.count(event), subject.count(quarantine)) == (0, 0)


def test_a_domain_cannot_wait_for_what_does_not_exist(db: SqlDb) -> None:
    subject = Hub(db)
    with pytest.raises(ValueError, match=r"door\.opend"):
        subject.gateway.on_event("door.opend", lambda *_: None)
    (applied,) = subject.gateway.handlers["replica.applied"]
    context = EventContext(STATION, Lane.FACTS, 1, 1, from_ms(AT_MS), from_ms(AT_MS))
    with pytest.raises(TypeError):
        db.write_now(lambda c: applied(c, context, DoorUnexpected(compartment="A1", open=True)))


def test_events_are_shown_of_one_lane_or_type_alone(db: SqlDb) -> None:
    subject = Hub(db)
    subject.take(batch(doors("A1")))
    subject.take(batch(doors("B1"), lane=Lane.TELEMETRY))
    for lane, wanted in ((None, 2), ("facts", 1), ("telemetry", 1), ("none", 0)):
        found = db.read_now(lambda c, at=lane: subject.gateway.events_tx(c, STATION, lane=at))  # type: ignore[misc]
        assert len(found) == wanted, lane
    for type_, wanted in ((None, 2), ("door.unexpected", 2), ("climate.block", 0)):
        found = db.read_now(lambda c, of=type_: subject.gateway.events_tx(c, STATION, type_=of))  # type: ignore[misc]
        assert len(found) == wanted, type_


def test_a_blob_noted_by_another_worker_is_noted_once(db: SqlDb) -> None:
    row: dict[str, str | int] = {"station_id": STATION, "digest": "ab" * 32, "size": 3, "at_ms": 1}
    for _ in range(2):
        db.write_now(lambda c: put_row_tx(c, row))
    assert db.read_now(lambda c: used_tx(c, STATION)) == {"ab" * 32: 3}


def test_a_part_longer_than_its_whole_begins_anew_and_one_is_kept_a_station(
    tmp_path: Path,
) -> None:
    one, other = tmp_path / "parts/S1/one", tmp_path / "parts/S1/other"
    assert _append(one, Span(0, 4, 8), b"1234") == 4
    assert _append(one, Span(0, 0, 3), b"") == 0, "another total: what was there is no part of it"
    assert not one.exists()
    assert _append(one, Span(0, 2, 3), b"12") == 2
    assert _append(other, Span(0, 1, 2), b"x") == 1
    assert [file.name for file in other.parent.iterdir()] == ["other"]


def test_a_session_of_a_revoked_key_is_told_so_whatever_its_number(db: SqlDb) -> None:
    gateway = Gateway()
    db.write_now(lambda c: gateway.register_station_tx(c, STATION, bytes(32)))
    state = db.read_now(lambda c: feed.station_tx(c, STATION))
    with pytest.raises(ConflictError):
        check_session(state, 0)
    db.write_now(lambda c: gateway.revoke_key_tx(c, STATION))
    state = db.read_now(lambda c: feed.station_tx(c, STATION))
    for session in (0, 1, 9):
        with pytest.raises(RefusedError) as refused:
            check_session(state, session)
        assert refused.value.key == "sync.revoked"


def test_every_request_of_a_station_is_described_with_what_a_signature_may_lack() -> None:
    for (method, path), said in {**requests.DESCRIBED, requests.BLOB_PLACE: requests.BLOB}.items():
        assert set(SIGNATURE_KEYS) <= set(said.keys), path
        assert {401, 403} <= set(said.problems), path
        if path != protocol.HELLO_PATH:
            assert set(said.headers) >= {protocol.SESSION_HEADER}, path
        assert (said.query is not None) is (method == "GET"), path
        assert (said.body is not None) is (method == "POST"), path
