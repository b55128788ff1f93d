"""Each bench of the log up and down runs with a small n and says all its figures."""

import asyncio
import json

import pytest

from linli.bench.catch_up import bench_catch_up
from linli.bench.figures import Sheet
from linli.bench.ingest import bench_ingest
from linli.bench.meter import Meter
from linli.bench.outbox import bench_outbox
from linli.bench.replica import bench_replica
from linli.bench.verify import bench_verify
from tests.parts import require


def _keys(sheet: Sheet) -> set[str]:
    record = json.loads(sheet.as_json())
    assert record["runs"] > 0
    assert all(value >= 0 for value in record["figures"].values())
    return set(record["figures"])


def test_outbox() -> None:
    sheet = asyncio.run(bench_outbox(500))
    assert {"events_per_s", "cpu_per_event_us", "ratio_to_floor"} <= _keys(sheet)
    assert sheet.figures["written_per_event_bytes"] > 100, "a durable event is written"


def test_replica() -> None:
    assert {"ops_per_s", "with_tables_ops_per_s", "ratio_to_floor"} <= _keys(
        asyncio.run(bench_replica(2500))
    )


def test_verify() -> None:
    sheet = asyncio.run(bench_verify(20, 10_000))
    keys = _keys(sheet)
    assert {"argon2_p50_ms", "among_1000_right_p50_us", "among_10000_wrong_p99_us"} <= keys
    assert "among_100000_cpu_us" not in keys


@pytest.mark.timeout(60)
def test_ingest() -> None:
    require("campaign")
    keys = _keys(asyncio.run(bench_ingest(5_000)))
    assert {"cpu_per_event_us", "floor_cpu_per_event_us", "with_effects_cpu_per_event_us"} <= keys


@pytest.mark.timeout(60)
def test_catch_up_loses_nothing() -> None:
    sheet = asyncio.run(bench_catch_up(200))
    assert sheet.figures["stored_at_the_hub"] == 200
    assert sheet.violations == []
    _keys(sheet)


def test_the_meter_sees_cpu() -> None:
    with Meter() as spent:
        sum(range(200_000))
    assert spent.cpu_s > 0
    assert spent.wall_s >= spent.cpu_s / 2


def test_a_rate_below_its_goal_is_a_violation() -> None:
    sheet = Sheet("outbox", 1)
    sheet.add("events_per_s", 3.0)
    sheet.goal_least("events_per_s", 3)
    assert sheet.violations == []
    sheet.goal_least("events_per_s", 4)
    assert "the goal is 4 or more" in sheet.text()
