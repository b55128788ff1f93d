"""The limiter: never more than the bucket, whatever the clock and the power do; a token goes back once."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.access import DDL
from edge.access.budget import KeeperBudget, RemoteBudget, remote_windows
from edge.access.limiter import DAY_S, Empty, Limiter, Taken, refilled
from edge.access.powered import PoweredTime

BURST, REFILL_S, FAILURES = 5, 600.0, 20


class Machine:
    """Power and clocks in hand."""

    def __init__(self) -> None:
        self.boot_id, self.mono_s, self.days = "boot-0", 100.0, 0

    def monotonic_s(self) -> float:
        return self.mono_s

    def wall(self) -> datetime:
        return datetime(2026 + self.days % 900, 1, 1, tzinfo=UTC)


def store() -> sqlite3.Connection:
    conn = sqlite3.connect(":memory:")
    conn.row_factory = sqlite3.Row
    for statement in DDL:
        conn.execute(statement)
    return conn


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    made = store()
    yield made
    made.close()


def limiter(machine: Machine) -> Limiter:
    powered = PoweredTime(machine)
    return Limiter("k", powered, burst=BURST, refill_s=REFILL_S, max_failures=FAILURES)


class Attempts(RuleBasedStateMachine):
    """Attempts, waits, cuts and clock jumps in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = Machine()
        self.conn = store()
        self.subject = limiter(self.machine)
        self.on_s = 0.0
        self.spent: list[float] = []
        self.open: list[Taken] = []

    def teardown(self) -> None:
        self.conn.close()

    @rule(seconds=st.floats(0, 4000))
    def wait(self, seconds: float) -> None:
        self.machine.mono_s += seconds
        self.on_s += seconds

    @rule(off_years=st.integers(-40, 40), mono_s=st.floats(0, 1e7))
    def power_cut(self, off_years: int, mono_s: float) -> None:
        self.machine.boot_id += "'"
        self.machine.mono_s = mono_s
        self.machine.days += off_years
        self.subject = limiter(self.machine)

    @rule(years=st.integers(-40, 40))
    def clock_jump(self, years: int) -> None:
        self.machine.days += years

    @rule()
    def attempt(self) -> None:
        match self.subject.take_tx(self.conn):
            case Taken() as taken:
                self.open.append(taken)
                self.spent.append(self.on_s)
            case Empty(wait_s):
                assert wait_s > 0

    @rule()
    def succeed(self) -> None:
        if self.open:
            taken = self.open.pop()
            self.subject.give_back_tx(self.conn, taken)
            self.subject.give_back_tx(self.conn, taken)
            self.spent.pop()

    @invariant()
    def never_more_than_bucket_and_refill(self) -> None:
        for index, start_s in enumerate(self.spent):
            within = self.spent[index:]
            assert len(within) <= BURST + (self.on_s - start_s) / REFILL_S + 1e-6

    @invariant()
    def never_more_than_a_days_failures(self) -> None:
        recent = [at_s for at_s in self.spent if at_s > self.on_s - DAY_S]
        assert len(recent) <= FAILURES


TestAttempts = Attempts.TestCase


@given(tokens=st.floats(0, 5), a=st.floats(0, 1e6), b=st.floats(0, 1e6))
def test_refilling_in_steps_is_refilling_at_once(tokens: float, a: float, b: float) -> None:
    steps = refilled(
        refilled(tokens, a, burst=BURST, refill_s=REFILL_S), b, burst=BURST, refill_s=REFILL_S
    )
    assert steps == pytest.approx(refilled(tokens, a + b, burst=BURST, refill_s=REFILL_S))
    assert 0 <= steps <= BURST


def test_the_wait_shown_is_enough_and_not_too_much(conn: sqlite3.Connection) -> None:
    machine = Machine()
    subject = limiter(machine)
    for _ in range(BURST):
        assert isinstance(subject.take_tx(conn), Taken)
    empty = subject.take_tx(conn)
    assert isinstance(empty, Empty)
    machine.mono_s += empty.wait_s - 2
    assert isinstance(subject.take_tx(conn), Empty)
    machine.mono_s += 2
    assert isinstance(subject.take_tx(conn), Taken)


@pytest.mark.parametrize(("doors", "an_hour"), [(1, 2), (16, 2), (30, 3), (200, 20)])
def test_the_remote_ceiling_is_a_tenth_of_the_doors_and_at_least_two(
    doors: int, an_hour: int
) -> None:
    assert [(w.count, w.seconds) for w in remote_windows(doors)] == [(3, 60.0), (an_hour, 3600.0)]


def test_the_budget_outlives_a_restart_and_a_clock_jump(conn: sqlite3.Connection) -> None:
    machine = Machine()
    assert RemoteBudget(PoweredTime(machine), 16).spend_tx(conn, "remote") == 0
    assert RemoteBudget(PoweredTime(machine), 16).spend_tx(conn, "remote") == 0
    machine.boot_id, machine.mono_s, machine.days = "boot-1", 5.0, 40
    subject = RemoteBudget(PoweredTime(machine), 16)
    assert subject.spend_tx(conn, "remote") == 3600
    machine.mono_s += 3600
    assert subject.spend_tx(conn, "remote") == 0


def test_keepers_have_a_budget_each(conn: sqlite3.Connection) -> None:
    subject = KeeperBudget(PoweredTime(Machine()))
    assert [subject.spend_tx(conn, "keeper:a") for _ in range(6)] == [0, 0, 0, 0, 0, 600]
    assert subject.spend_tx(conn, "keeper:b") == 0
