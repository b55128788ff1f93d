"""What must not hold is said, undone and held, and a person is called; nobody goes on silently."""

import logging

import pytest
import sqlalchemy as sa

from cloud.sync import ingest
from cloud.sync.ingest import ingest_tx
from cloud.sync.models import alarm, event
from cloud.sync.models import lane as lane_table
from common.contract import protocol
from common.kit.invariant import HELD_S, InvariantError, must
from common.kit.sqldb import SqlDb
from tests.cloud.sync.stories import STATION, batch, doors, end_of
from tests.cloud.sync.test_server import bench_of, dump


def test_a_broken_one_is_said_loudly(caplog: pytest.LogCaptureFixture) -> None:
    must(True, "I1", "fine")
    with pytest.raises(InvariantError) as caught:
        must(False, "I1", "seen before it was durable")
    assert caught.value.params == {"invariant": "I1", "wait_s": HELD_S}
    assert [(one.levelno, "I1" in one.getMessage()) for one in caplog.records] == [
        (logging.CRITICAL, True)
    ]


def test_a_cursor_that_moved_while_it_was_held_undoes_the_batch(
    db: SqlDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = batch(doors("A1"))
    db.write_now(lambda c: ingest_tx(c, STATION, first, 1, {}))
    stale = ingest.head_tx

    def meddled(*args: object, **options: bool) -> protocol.Position:
        head = stale(*args, **options)  # type: ignore[arg-type]
        conn = args[0]
        assert isinstance(conn, sa.engine.Connection)
        conn.execute(sa.update(lane_table).values(chain=bytes(32)))
        return head

    monkeypatch.setattr(ingest, "head_tx", meddled)
    second = batch(doors("A2", first=2), end_of(first))
    with pytest.raises(InvariantError, match="I3"):
        db.write_now(lambda c: ingest_tx(c, STATION, second, 1, {}))
    count = sa.select(sa.func.count()).select_from(event)
    assert db.read_now(lambda c: c.execute(count).scalar_one()) == 1


async def test_the_station_is_told_when_and_a_person_sees_an_alarm(
    db: SqlDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "must", lambda _holds, name, detail: must(False, name, detail))
    async with bench_of(db) as bench:
        await bench.device.greet()
        answer = await bench.device.send("POST", protocol.EVENTS_PATH, dump(batch(doors("A1"))))
        assert (answer.status, answer.key) == (503, "internal.invariant")
    kinds = db.read_now(lambda c: c.execute(sa.select(alarm.c.kind)).scalars().all())
    assert kinds == ["invariant.I2"]
