"""A fork is answered, whatever the domains make of it, and told to them once: it must not hold the one writer."""

from collections.abc import AsyncIterator, Iterable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from cloud.sync import forks
from cloud.sync.forks import ForgottenFact
from cloud.sync.ingest import heads_tx
from cloud.sync.models import alarm, lane
from common.contract import protocol
from common.contract.events import KeypadLocked
from common.contract.protocol import START, EventsBatch, Position
from common.contract.words import Lane
from common.kit.sqldb import SqlDb
from tests.cloud.sync.stories import STATION, batch, doors, end_of, event
from tests.cloud.sync.test_server import Answer, Bench, bench_of, dump

ANY = ("door.unexpected",)
FIRST = batch(doors("A1", "A2", "A3"))


@pytest.fixture
async def bench(db: SqlDb) -> AsyncIterator[Bench]:
    async with bench_of(db) as opened:
        await opened.device.greet()
        await take(opened, FIRST)
        yield opened


async def take(bench: Bench, sent: EventsBatch) -> None:
    answer = await bench.device.send("POST", protocol.EVENTS_PATH, dump(sent))
    assert answer.status == 200, answer.body


async def fork(bench: Bench, shared: int = 0, *, name: str = "B1") -> Answer:
    """Tell another story from behind the `shared` first events on."""
    after = START if not shared else end_of(batch(FIRST.events[:shared]))
    other = dump(batch(doors(name, first=shared + 1), after))
    answer = await bench.device.send("POST", protocol.EVENTS_PATH, other)
    assert (answer.status, answer.key) == (409, "sync.fork")
    return answer


class Ear:
    """A domain that hears of forks, and fails when it is told to."""

    def __init__(self, bench: Bench, types: Iterable[str] = ANY) -> None:
        self.heard: list[list[tuple[int, int]]] = []
        self.fails = False
        bench.gateway.on_fork(types, self.hear)

    def hear(self, _conn: Connection, station_id: str, facts: Iterable[ForgottenFact]) -> None:
        assert station_id == STATION
        self.heard.append([(one.boot_epoch, one.seq) for one in facts])
        if self.fails:
            raise LookupError("no such thing")


async def alarms(bench: Bench) -> dict[str, int]:
    rows = await bench.db.read(lambda c: c.execute(sa.select(alarm.c.kind, alarm.c.times)).all())
    return {row.kind: row.times for row in rows}


async def test_a_handler_that_fails_leaves_the_answer_and_the_alarm(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def fail(conn: Connection, station_id: str, _facts: object) -> None:
        conn.execute(sa.delete(lane).where(lane.c.station_id == station_id))
        raise LookupError("no such\0 thing")

    bench.gateway.on_fork(ANY, fail)
    bench.gateway.on_fork(ANY, lambda _conn, station_id, _facts: heard.append(station_id))
    await fork(bench)
    assert heard == [STATION]
    assert await alarms(bench) == {"fork": 1, forks.FAILED: 1}
    assert "a handler failed over it" in caplog.text
    status = await bench.db.read(lambda c: bench.gateway.station_status_tx(c, STATION))
    assert status.facts_acked == (1, 3), "what the handler did is undone"


async def test_the_databases_own_trouble_undoes_the_whole_answer(bench: Bench) -> None:
    def lost(_conn: Connection, _station_id: str, _facts: object) -> None:
        raise OperationalError("SELECT 1", {}, ValueError("gone"))

    bench.gateway.on_fork(ANY, lost)
    other = dump(batch(doors("B1")))
    assert (await bench.device.send("POST", protocol.EVENTS_PATH, other)).status >= 500
    assert await alarms(bench) == {}


@pytest.mark.parametrize("page_rows", [1, 2, 3, 500])
async def test_a_domain_is_told_its_own_types_behind_the_shared_place_a_page_at_a_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, page_rows: int
) -> None:
    monkeypatch.setattr(forks, "PAGE_ROWS", page_rows)
    locked = event(KeypadLocked(wait_s=9, failures_24h=5), 4)
    await take(bench, batch([locked, *doors("A5", first=5)], end_of(FIRST)))
    await take(bench, batch(doors("A6", boot_epoch=2), await head(bench)))
    doors_ear, keypad_ear, deaf = (
        Ear(bench),
        Ear(bench, ["keypad.locked", "door.unexpected"]),
        Ear(bench, []),
    )
    await fork(bench, 1)
    assert doors_ear.heard == [[(1, 2), (1, 3), (1, 5), (2, 1)]]
    assert keypad_ear.heard == [[(1, 2), (1, 3), (1, 4), (1, 5), (2, 1)]]
    assert deaf.heard == [[]]


async def head(bench: Bench) -> Position:
    return (await bench.db.read(lambda c: heads_tx(c, STATION))).facts


async def test_the_same_fork_is_told_once(bench: Bench) -> None:
    ear = Ear(bench)
    for shared, name in ((1, "B1"), (1, "B1"), (1, "B2"), (2, "B1")):
        await fork(bench, shared, name=name)
    assert ear.heard == [[(1, 2), (1, 3)]], "what lies behind was told, whoever forks now"
    assert (await alarms(bench))["fork"] == 4
    await fork(bench)
    assert ear.heard[1:] == [[(1, 1), (1, 2), (1, 3)]], "an older disk"
    await take(bench, batch(doors("A4", first=4), end_of(FIRST)))
    await fork(bench, 1)
    assert ear.heard[2:] == [[(1, 2), (1, 3), (1, 4)]], "more was heard since"


async def test_a_fork_that_a_domain_did_not_get_through_is_told_again(bench: Bench) -> None:
    ear = Ear(bench)
    ear.fails = True
    await fork(bench)
    ear.fails = False
    await fork(bench)
    await fork(bench)
    assert len(ear.heard) == 2
    assert await alarms(bench) == {"fork": 3, forks.FAILED: 1}


async def test_a_fork_of_the_measurements_is_told_to_nobody(bench: Bench) -> None:
    ear = Ear(bench)
    await take(bench, batch(doors("A1"), lane=Lane.TELEMETRY))
    sent = dump(batch(doors("B1"), lane=Lane.TELEMETRY))
    answer = await bench.device.send("POST", protocol.EVENTS_PATH, sent)
    assert (answer.status, answer.key) == (409, "sync.fork")
    assert ear.heard == []
