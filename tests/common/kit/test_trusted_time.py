"""Trusted time: a wall clock may say what it likes; the hub is believed where it can be true."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.kit.clock import from_ms, to_ms
from common.kit.trusted_time import (
    BORN,
    DAY_MS,
    DDL,
    OFF_MS,
    STORED_MS,
    ClockState,
    TrustedTime,
    forget_tx,
)

START = datetime(2026, 10, 12, 6, tzinfo=UTC)
YEARS = timedelta(days=3652)


class Machine:
    """A computer whose wall clock lies by `lie`; `start` is a cold boot, `daemon` only a new process."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self.now, self.lie = START, timedelta()
        self.boots, self.since = 1, START
        self.time = TrustedTime(self)

    @property
    def boot_id(self) -> str:
        return f"boot-{self.boots}"

    def monotonic_s(self) -> float:
        return (self.now - self.since).total_seconds()

    def wall(self) -> datetime:
        return self.now + self.lie

    def true_ms(self) -> int:
        return to_ms(self.now)

    def wait(self, **by: float) -> None:
        self.now += timedelta(**by)

    def save(self) -> None:
        self.time.save_tx(self._conn)

    def hear(self, **off: float) -> bool:
        believed = self.time.hear(self.true_ms() + round(timedelta(**off).total_seconds() * 1000))
        self.save()
        return believed

    def daemon(self) -> None:
        self.time = TrustedTime(self)
        self.time.load_tx(self._conn)

    def start(self) -> None:
        self.boots += 1
        self.since = self.now
        self.daemon()

    @property
    def off_s(self) -> float:
        """How far trusted time is off the truth."""
        return (self.time.wall() - self.now).total_seconds()

    def is_in(self, state: ClockState) -> bool:
        return self.time.view().state is state


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.row_factory = sqlite3.Row
        for statement in DDL:
            conn.execute(statement)
        yield conn


@pytest.fixture
def machine(conn: sqlite3.Connection) -> Machine:
    return Machine(conn)


@pytest.fixture
def met(machine: Machine) -> Machine:
    """A station that has met its hub."""
    assert machine.hear()
    return machine


def test_before_any_hub_nothing_is_accepted_and_nothing_ends(machine: Machine) -> None:
    assert machine.is_in(ClockState.UNTRUSTED)
    assert machine.off_s == 0
    assert not machine.time.allows_until(machine.true_ms() + DAY_MS)
    assert not machine.time.is_over(machine.true_ms() - DAY_MS)
    machine.save()
    machine.daemon()
    assert machine.is_in(ClockState.UNTRUSTED)
    machine.lie = -YEARS * 2
    assert machine.time.wall() == BORN


@pytest.mark.parametrize("lie", [YEARS, -YEARS, timedelta(hours=1), timedelta(hours=-1)])
def test_a_wall_clock_that_jumps_within_a_boot_moves_nothing(met: Machine, lie: timedelta) -> None:
    end_ms = met.true_ms() + DAY_MS
    met.lie = lie
    met.wait(hours=1)
    assert met.off_s == 0
    assert met.time.allows_until(end_ms)
    assert not met.time.is_over(end_ms)
    met.save()
    met.daemon()
    assert met.is_in(ClockState.TRUSTED)
    assert met.off_s == 0
    assert met.time.view().system_off_ms == lie.total_seconds() * 1000
    met.wait(hours=23)
    assert met.time.is_over(end_ms)
    assert not met.time.allows_until(end_ms)


@pytest.mark.parametrize("lie", [YEARS, -YEARS])
def test_without_rtc_time_goes_on_from_the_bound(met: Machine, lie: timedelta) -> None:
    met.wait(hours=5)
    met.save()
    met.wait(hours=2)  # switched off
    met.lie = lie
    met.start()
    assert met.is_in(ClockState.HOLDOVER)
    assert met.off_s == -7200
    met.wait(minutes=10)
    assert met.off_s == -7200
    assert met.hear()
    assert met.is_in(ClockState.TRUSTED)
    assert met.off_s == 0


def test_a_good_rtc_is_believed_for_accepting_but_ends_nothing(met: Machine) -> None:
    met.wait(days=3)  # switched off
    met.start()
    assert met.off_s == 0
    over_ms = met.true_ms() - DAY_MS
    assert not met.time.allows_until(over_ms)
    assert not met.time.is_over(over_ms)
    met.hear()
    assert met.time.is_over(over_ms)


def test_a_wrong_rtc_within_a_week_refuses_only_until_the_hub_is_heard(met: Machine) -> None:
    end_ms = met.true_ms() + DAY_MS
    met.lie = timedelta(days=6)
    met.start()
    assert not met.time.allows_until(end_ms)
    met.save()
    assert met.hear()
    assert met.time.allows_until(end_ms)
    assert met.off_s == 0


def test_an_rtc_beyond_a_week_is_not_believed(met: Machine) -> None:
    met.lie = timedelta(milliseconds=OFF_MS + 1000)
    met.start()
    assert met.off_s == 0


@pytest.mark.parametrize("days", [3652, -3652, 2, -2])
def test_a_hub_that_jumps_is_not_believed_and_people_are_told(met: Machine, days: float) -> None:
    met.wait(hours=1)
    assert not met.hear(days=days)
    assert met.off_s == 0
    assert met.time.view().hub_off_ms == days * DAY_MS
    assert met.hear(seconds=3)
    assert met.time.view().hub_off_ms is None
    assert met.off_s == 3


def test_a_hub_that_is_not_believed_is_told_once_until_it_is_right_again(
    met: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    for off in (-400, -401, 400):
        assert not met.hear(days=off)
    assert caplog.text.count("is not believed") == 1
    assert met.time.view().hub_off_ms == 400 * DAY_MS
    assert met.hear()
    assert met.time.view().hub_off_ms is None
    assert not met.hear(days=-400)
    assert caplog.text.count("is not believed") == 2


def test_a_hub_cannot_push_more_than_a_day_within_a_boot(met: Machine) -> None:
    for _ in range(4):
        met.hear(hours=12 + met.off_s / 3600)
        met.daemon()
    assert met.off_s == 24 * 3600


def test_a_hub_set_back_a_little_makes_time_stand_never_go_back(met: Machine) -> None:
    met.hear(minutes=10)
    before = met.time.wall()
    assert met.hear()
    assert met.time.wall() == before
    met.daemon()
    assert met.time.wall() == before
    met.wait(minutes=10)
    assert met.time.wall() == before
    met.wait(minutes=10)
    assert met.off_s == 0


def test_a_stored_station_believes_its_hub_up_to_ninety_days(met: Machine) -> None:
    met.lie = -YEARS
    met.wait(days=89)
    met.start()
    assert met.hear()
    met.now += timedelta(milliseconds=STORED_MS + DAY_MS)
    met.start()
    assert not met.hear()
    assert met.is_in(ClockState.HOLDOVER)


def test_an_operator_makes_it_believe_the_next_word(met: Machine, conn: sqlite3.Connection) -> None:
    met.wait(days=400)
    met.start()
    assert not met.hear()
    assert forget_tx(conn)
    assert not forget_tx(conn)
    met.start()
    assert met.hear()
    assert met.off_s == 0


@pytest.mark.parametrize("hub_ms", [0, 2**52])
def test_a_time_outside_all_reason_is_refused_even_first(machine: Machine, hub_ms: int) -> None:
    assert not machine.time.hear(hub_ms)
    assert machine.is_in(ClockState.UNTRUSTED)


def test_an_odd_computer_clock_is_told_once(met: Machine, caplog: pytest.LogCaptureFixture) -> None:
    met.lie = YEARS
    met.save()
    met.save()
    assert [r.levelname for r in caplog.records] == ["ERROR"]
    met.lie = timedelta()
    met.save()
    assert [r.levelname for r in caplog.records] == ["ERROR", "WARNING"]


_LIES = st.sampled_from([timedelta(), YEARS, -YEARS, timedelta(hours=1), timedelta(days=20)])
_ACTS = st.sampled_from(["wait", "save", "daemon", "start", "hear"])


@given(st.lists(st.tuples(_ACTS, _LIES, st.integers(0, 50)), max_size=40))
def test_the_bound_never_goes_back_and_never_runs_ahead(
    steps: list[tuple[str, timedelta, int]],
) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.row_factory = sqlite3.Row
        conn.execute(DDL[0])
        machine = Machine(conn)
        machine.hear()
        kept_ms = machine.time.proven_ms()
        for act, lie, hours in steps:
            machine.lie = lie
            if act == "wait":
                machine.wait(hours=hours)
            elif act == "hear":
                assert machine.hear()
            elif act == "start":
                machine.save()
                machine.start()
            elif act == "daemon":
                machine.save()
                machine.daemon()
            else:
                machine.save()
            bound_ms = machine.time.proven_ms()
            assert kept_ms <= bound_ms <= machine.true_ms()
            assert from_ms(bound_ms) <= machine.time.wall()
            kept_ms = bound_ms
