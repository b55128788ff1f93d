"""Batches grow by steps while they arrive and halve when they do not; a budget of bytes goes with them."""

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from common.contract.events import DoorUnexpected
from common.contract.protocol import MAX_BATCH_BYTES, MAX_BATCH_EVENTS
from common.contract.words import Lane
from edge.sync import lanes
from edge.sync.pace import FIRST_EVENTS, STEP_EVENTS, Pace
from tests.edge.sync.conftest import Alone


def test_a_full_batch_that_arrived_makes_the_next_one_larger() -> None:
    subject = Pace()
    subject.arrived(FIRST_EVENTS, full=False)
    assert subject.events == FIRST_EVENTS + STEP_EVENTS
    subject.arrived(3, full=False)
    assert subject.events == FIRST_EVENTS + STEP_EVENTS, "a small batch proves nothing"
    subject.arrived(3, full=True)
    assert subject.events == FIRST_EVENTS + 2 * STEP_EVENTS, "it was full of bytes"


def test_a_failure_halves_it_down_to_one() -> None:
    subject = Pace()
    subject.failed()
    assert subject.events == FIRST_EVENTS // 2
    for _ in range(20):
        subject.failed()
    assert subject.events == 1
    assert subject.body_bytes >= 1


@given(st.lists(st.booleans(), max_size=60))
def test_it_never_leaves_its_bounds(story: list[bool]) -> None:
    subject = Pace()
    for arrived in story:
        if arrived:
            subject.arrived(subject.events, full=True)
        else:
            subject.failed()
        assert 1 <= subject.events <= MAX_BATCH_EVENTS
        assert 1 <= subject.body_bytes <= MAX_BATCH_BYTES


async def test_a_batch_keeps_to_both_limits(alone: Alone) -> None:
    await alone.outbox.boot()

    def tx(conn: sqlite3.Connection) -> None:
        for number in range(9):
            body = DoorUnexpected(compartment=f"A{number}", open=True)
            alone.outbox.append_tx(conn, body, occurred_at=alone.clock.wall())

    alone.tx(tx)
    few = alone.tx(lambda conn: lanes.next_batch_tx(conn, Lane.FACTS, 4))
    light = alone.tx(lambda conn: lanes.next_batch_tx(conn, Lane.FACTS, 9, 70))
    tiny = alone.tx(lambda conn: lanes.next_batch_tx(conn, Lane.FACTS, 9, 1))
    assert [len(batch.events) for batch in (few, light, tiny) if batch] == [4, 2, 1]
