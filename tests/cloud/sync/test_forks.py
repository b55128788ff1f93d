"""A fork is answered, whatever the domains make of it: the station stays shut for codes until it is."""

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from cloud.sync import forks
from cloud.sync.models import alarm, lane
from common.contract import protocol
from common.contract.words import Lane
from common.kit.sqldb import SqlDb
from tests.cloud.sync.stories import STATION, batch, doors
from tests.cloud.sync.test_server import Answer, Bench, bench_of, dump


@pytest.fixture
async def bench(db: SqlDb) -> AsyncIterator[Bench]:
    async with bench_of(db) as opened:
        await opened.device.greet()
        first = dump(batch(doors("A1", "A2")))
        assert (await opened.device.send("POST", protocol.EVENTS_PATH, first)).status == 200
        yield opened


async def fork(bench: Bench, *, lane: Lane = Lane.FACTS) -> Answer:
    """Tell another story from the first event on."""
    other = dump(batch(doors("B1"), lane=lane))
    return await bench.device.send("POST", protocol.EVENTS_PATH, other)


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

    bench.gateway.on_fork.append(fail)
    bench.gateway.on_fork.append(lambda _conn, station_id, _facts: heard.append(station_id))
    answer = await fork(bench)
    assert (answer.status, answer.key) == (409, "sync.fork")
    assert heard == [STATION]
    assert await alarms(bench) == {"fork": 1, forks.FAILED: 1}
    assert "a handler failed over it" in caplog.text
    status = await bench.db.read(lambda c: bench.gateway.station_status_tx(c, STATION))
    assert status.facts_acked == (1, 2), "what the handler did is undone"


async def test_the_databases_own_trouble_undoes_the_whole_answer(bench: Bench) -> None:
    def lost(_conn: Connection, _station_id: str, _facts: object) -> None:
        raise OperationalError("SELECT 1", {}, ValueError("gone"))

    bench.gateway.on_fork.append(lost)
    assert (await fork(bench)).status >= 500
    assert await alarms(bench) == {}
