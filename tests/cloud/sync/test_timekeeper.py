"""The hub's clock is set years ahead and back: no grant ends for good."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from cloud.sync import Timekeeper
from cloud.sync.timekeeper import trust_tx
from common.contract.protocol import Hello
from common.kit.clock import to_ms
from common.kit.sqldb import SqlDb
from tests.cloud.harness import HubUnderTest

DAY = timedelta(days=1)
YEARS = timedelta(days=3652)


class LyingClock:
    """Monotonic time that is right, wall time that is off by `lie`."""

    boot_id = "lying"

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 12, tzinfo=UTC)
        self.lie = timedelta()

    def monotonic_s(self) -> float:
        return self.now.timestamp()

    def wall(self) -> datetime:
        return self.now + self.lie


@pytest.fixture
def clock() -> LyingClock:
    return LyingClock()


def hello(time_ms: int | None, state: str | None = "trusted") -> Hello:
    return Hello.model_validate({
        "install_id": "01JABCDEFGHJKMNPQRSTVWXYZ1", "hello_id": "01JABCDEFGHJKMNPQRSTVWXYZ2",
        "session": 0, "boot_epoch": 1, "gen": 0, "op": 0, "digest": "0" * 32, "app_version": "",
        "backlog_facts": 0, "backlog_telemetry": 0, "clock_offset_ms": 0,
        "clock_state": state, "time_ms": time_ms,
    })  # fmt: skip


@pytest.mark.parametrize("lie", [YEARS, -YEARS, 2 * DAY])
def test_a_clock_that_jumped_ends_nothing_until_it_is_right_again(
    db: SqlDb, clock: LyingClock, lie: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    subject = Timekeeper(clock)
    assert db.write_now(subject.judge_tx)
    clock.lie = lie
    assert not db.write_now(subject.judge_tx)
    assert not db.write_now(subject.judge_tx)
    assert subject.off_ms == lie.total_seconds() * 1000
    assert [r.levelno for r in caplog.records] == [logging.ERROR]
    assert not db.write_now(Timekeeper(clock).judge_tx), "a restart must not bless the jump"
    clock.lie = timedelta()
    clock.now += timedelta(hours=20)
    assert db.write_now(subject.judge_tx)
    assert subject.off_ms == 0


def test_an_operator_may_say_that_the_clock_is_right(db: SqlDb, clock: LyingClock) -> None:
    subject = Timekeeper(clock)
    db.write_now(subject.judge_tx)
    clock.now += 3 * DAY  # switched off over the weekend, no station heard yet
    assert not db.write_now(subject.judge_tx)
    db.write_now(lambda conn: trust_tx(conn, to_ms(clock.wall())))
    assert db.write_now(subject.judge_tx)


def test_a_station_that_counted_for_itself_speaks_for_the_clock(
    db: SqlDb, clock: LyingClock
) -> None:
    subject = Timekeeper(clock)
    db.write_now(subject.judge_tx)
    clock.now += 3 * DAY
    true_ms = to_ms(clock.now)
    for word in (hello(true_ms, "holdover"), hello(None), hello(true_ms - 2 * 3600 * 1000)):
        subject.hear(word)
        assert not db.write_now(subject.judge_tx)
    subject.hear(hello(true_ms - 1000))
    assert db.write_now(subject.judge_tx)


def test_a_word_for_the_clock_does_not_hold_for_one_that_was_set_later(
    db: SqlDb, clock: LyingClock
) -> None:
    subject = Timekeeper(clock)
    db.write_now(subject.judge_tx)
    subject.hear(hello(to_ms(clock.now)))
    clock.lie = YEARS
    assert not db.write_now(subject.judge_tx)


async def test_the_sweep_is_held_and_the_metrics_say_so(hub: HubUnderTest) -> None:
    await hub.hub._sweep()
    swept = sa.text("UPDATE hub_clock SET swept_ms = swept_ms - 200000000")
    await hub.hub.db.write(lambda conn: conn.execute(swept))
    await hub.hub._sweep()
    text = (await hub.ask(None, "GET", "/metrics")).text
    line = next(one for one in text.splitlines() if one.startswith("linli_hub_clock_off_seconds"))
    assert float(line.split()[1]) >= 200_000
