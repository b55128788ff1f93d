"""The record is a ring: by age and by bytes."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.contract.events import ClimateBlock
from common.kit.sqlite import SqliteDb
from edge.climate import TELEMETRY_DDL, store

MINUTE_MS = 60_000


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SqliteDb]:
    made = SqliteDb(tmp_path / "telemetry.db", inline=True)
    made.write_now(lambda conn: [conn.execute(sql) for sql in TELEMETRY_DDL])
    yield made
    made.close()


def _block(start_ms: int, zone: str = "chilled") -> ClimateBlock:
    return ClimateBlock(
        zone=zone,
        probe="bus0/3",
        started_at_ms=start_ms,
        period_s=10,
        temperatures_c=(4.0, None, 4.2, 4.3, 4.4, 4.5),
        humidities_pct=(70.0, None, 70.0, 70.0, 70.0, 70.0),
        over_limit=False,
    )


def _count(conn: sqlite3.Connection) -> int:
    return int(conn.execute("SELECT count(*) FROM climate_block").fetchone()[0])


def test_history_is_every_sample_since_then_gaps_included(db: SqliteDb) -> None:
    for minute in range(3):
        block = _block(minute * MINUTE_MS)
        db.write_now(lambda conn, block=block: store.put_block(conn, block, 10_000))  # type: ignore[misc]
    db.write_now(lambda conn: store.put_block(conn, _block(0, zone="ambient"), 10_000))
    points = db.write_now(lambda conn: store.history(conn, "chilled", MINUTE_MS + 10_000))
    assert [p.at_ms for p in points] == list(range(MINUTE_MS + 10_000, 3 * MINUTE_MS, 10_000))
    assert points[0].temperature_c is None
    assert points[1].temperature_c == 4.2
    assert db.write_now(lambda conn: store.history(conn, "attic", 0)) == []


def test_what_is_older_than_thirty_days_goes(db: SqliteDb) -> None:
    def tx(conn: sqlite3.Connection) -> int:
        for at_ms in (0, 1000, store.KEEP_MS):
            store.put_block(conn, _block(at_ms), 10_000)
        return store.trim(conn, store.KEEP_MS + 1000)

    assert db.write_now(tx) == 1
    assert db.write_now(_count) == 2


def test_a_clock_far_in_the_future_does_not_take_the_record_with_it(db: SqliteDb) -> None:
    def tx(conn: sqlite3.Connection) -> int:
        for number in range(100):
            store.put_block(conn, _block(number * 1000), 10_000)
        return store.trim(conn, 100 * store.KEEP_MS)

    assert db.write_now(tx) < 20
    assert db.write_now(_count) > 80


def test_the_byte_budget_takes_the_oldest_first(db: SqliteDb) -> None:
    def fill(conn: sqlite3.Connection) -> None:
        for minute in range(5000):
            store.put_block(conn, _block(minute * MINUTE_MS), 10_000)

    db.write_now(fill)
    budget = 400_000
    dropped = db.write_now(lambda conn: store.trim(conn, 0, budget))
    left = db.write_now(_count)
    assert left == 5000 - dropped
    assert 1000 < left < 5000
    oldest = db.write_now(
        lambda conn: conn.execute("SELECT min(started_ms) FROM climate_block").fetchone()[0]
    )
    assert oldest == dropped * MINUTE_MS


def test_a_budget_smaller_than_an_empty_file_ends(db: SqliteDb) -> None:
    db.write_now(lambda conn: store.put_block(conn, _block(0), 10_000))
    assert db.write_now(lambda conn: store.trim(conn, 0, 1)) == 1


def test_a_wall_clock_that_jumped_back_replaces(db: SqliteDb) -> None:
    for _ in range(2):
        db.write_now(lambda conn: store.put_block(conn, _block(0), 10_000))
    assert db.write_now(_count) == 1
