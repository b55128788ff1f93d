"""Facts are appended once, in order, chained, and let go of late."""

import sqlite3
from datetime import timedelta

import pytest

from common.contract.chain import GENESIS, Link, next_link
from common.contract.events import ClimateBlock, DoorUnexpected, TelemetryGap
from common.contract.protocol import START, EventsBatch, Position
from common.contract.words import Lane
from common.kit.clock import to_ms
from common.kit.invariant import InvariantError
from edge.sync import Backlog, lanes
from edge.sync.outbox import store_tx
from tests.edge.sync.conftest import STATION, Alone

DAY_MS = 24 * 3600 * 1000


def _door(alone: Alone, *labels: str) -> None:
    def tx(conn: sqlite3.Connection) -> None:
        for label in labels:
            body = DoorUnexpected(compartment=label, open=True)
            alone.outbox.append_tx(conn, body, occurred_at=alone.clock.wall())

    alone.tx(tx)


def _block(alone: Alone, count: int) -> None:
    def tx(conn: sqlite3.Connection) -> None:
        for number in range(count):
            body = ClimateBlock(
                zone="z", probe="p", started_at_ms=number, period_s=10,
                temperatures_c=(4.5, None), humidities_pct=(None, None), over_limit=False,
            )  # fmt: skip
            alone.outbox.append_tx(conn, body, occurred_at=alone.clock.wall())

    alone.tx(tx)


def _batch(alone: Alone, lane: Lane = Lane.FACTS) -> EventsBatch:
    found = alone.tx(lambda conn: lanes.next_batch_tx(conn, lane))
    assert found is not None
    return found


def _end(sent: EventsBatch) -> Position:
    last = sent.events[-1]
    return Position(boot_epoch=last.boot_epoch, seq=last.seq, chain=sent.chain)


def _ack(alone: Alone, position: Position, lane: Lane = Lane.FACTS) -> bool:
    now_ms = to_ms(alone.clock.wall())
    return alone.tx(lambda conn: lanes.ack_tx(conn, lane, position, now_ms))


def _adds_up(sent: EventsBatch) -> bool:
    chain = bytes.fromhex(sent.after.chain)
    for one in sent.events:
        link = Link(
            STATION, sent.lane.value, one.boot_epoch, one.seq,
            one.occurred_at_ms, one.type, one.v, one.body,
        )  # fmt: skip
        chain = next_link(chain, link)
    return chain.hex() == sent.chain


async def test_no_event_before_boot(alone: Alone) -> None:
    with pytest.raises(RuntimeError, match="boot"):
        _door(alone, "A1")


async def test_every_boot_has_its_own_epoch_and_one_install_id(alone: Alone) -> None:
    assert [await alone.outbox.boot() for _ in range(3)] == [1, 2, 3]
    first = alone.one("SELECT install_id, hello_id FROM sync_self")
    await alone.outbox.boot()
    assert alone.one("SELECT install_id, hello_id FROM sync_self") == first, "not answered yet"


async def test_sequences_restart_with_the_epoch_and_the_chain_goes_on(alone: Alone) -> None:
    await alone.outbox.boot()
    _door(alone, "A1", "A2")
    await alone.outbox.boot()
    _door(alone, "A3")
    sent = _batch(alone)
    assert sent.after.chain == GENESIS.hex()
    assert [(one.boot_epoch, one.seq) for one in sent.events] == [(1, 1), (1, 2), (2, 1)]
    assert _adds_up(sent)


async def test_a_rolled_back_append_leaves_no_number_out(alone: Alone) -> None:
    await alone.outbox.boot()
    _door(alone, "A1")

    def fails(conn: sqlite3.Connection) -> None:
        body = DoorUnexpected(compartment="A2", open=True)
        alone.outbox.append_tx(conn, body, occurred_at=alone.clock.wall())
        raise LookupError

    with pytest.raises(LookupError):
        alone.tx(fails)
    _door(alone, "A3")
    assert [one.seq for one in _batch(alone).events] == [1, 2]


async def test_measurements_go_their_own_way(alone: Alone) -> None:
    await alone.outbox.boot()
    _door(alone, "A1")
    _block(alone, 3)
    assert await alone.outbox.count() == Backlog(facts=1, telemetry=3, oldest_age_s=0.0)
    alone.clock.advance(seconds=90)
    assert alone.outbox.backlog().oldest_age_s == 90
    assert len(_batch(alone, Lane.TELEMETRY).events) == 3


async def test_an_ack_moves_on_and_a_foreign_one_does_not(alone: Alone) -> None:
    await alone.outbox.boot()
    _door(alone, "A1", "A2")
    sent = _batch(alone)
    assert not _ack(alone, Position(boot_epoch=1, seq=2, chain="ab" * 32))
    assert _ack(alone, _end(sent))
    assert alone.tx(lambda conn: lanes.next_batch_tx(conn, Lane.FACTS)) is None
    assert await alone.outbox.count() == Backlog()
    assert _ack(alone, START), "a restored hub may know nothing at all"
    assert _batch(alone) == sent


async def test_large_bodies_travel_in_small_batches(alone: Alone) -> None:
    await alone.outbox.boot()
    _door(alone, "A1", "A2", "A3")
    sizes = []
    while sent := alone.tx(lambda c: lanes.next_batch_tx(c, Lane.FACTS, most_bytes=70)):
        sizes.append(len(sent.events))
        assert _adds_up(sent)
        _ack(alone, _end(sent))
    assert sizes == [2, 1]


async def test_acknowledged_rows_stay_for_the_retention(
    alone: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "RETENTION_ROWS", 2)
    await alone.outbox.boot()
    _door(alone, "A1", "A2", "A3", "A4", "A5")
    middle = _batch(alone).events[2]
    everything = _batch(alone)
    chain = alone.one("SELECT hex(chain) FROM outbox WHERE n = 3")[0]
    place = Position(boot_epoch=1, seq=middle.seq, chain=str(chain).lower())
    assert _ack(alone, place)
    now_ms = to_ms(alone.clock.wall())

    def trim(at_ms: int) -> int:
        return alone.tx(lambda conn: lanes.trim_tx(conn, Lane.FACTS, at_ms))

    assert trim(now_ms + 6 * DAY_MS) == 0, "too young"
    assert trim(now_ms + 8 * DAY_MS) == 3, (
        "old and acknowledged; the unsent stay whatever their age"
    )
    rest = _batch(alone)
    assert (rest.after, rest.hole) == (place, True)
    assert rest.events == everything.events[3:]
    assert _adds_up(rest)
    alone.tx(lambda conn: lanes.resend_all_tx(conn, Lane.FACTS))
    assert _batch(alone) == rest
    assert not _ack(alone, START), "that is no place we could send from any more"


async def test_a_fork_is_told_anew_behind_the_hub_s_story(alone: Alone) -> None:
    await alone.outbox.boot()
    _door(alone, "A1", "A2", "A3")
    told = _batch(alone)
    head = Position(boot_epoch=7, seq=9, chain="ab" * 32)
    count = alone.tx(lambda conn: lanes.retell_tx(conn, STATION, Lane.FACTS, (1, 2), head))
    assert count == 2
    again = _batch(alone)
    assert again.after == head
    assert [(one.boot_epoch, one.seq) for one in again.events] == [(8, 1), (8, 2)]
    assert [one.body for one in again.events] == [one.body for one in told.events[1:]]
    assert _adds_up(again)
    _door(alone, "A4")
    assert [one.seq for one in _batch(alone).events] == [1, 2, 3]
    alone.tx(lambda conn: lanes.resend_all_tx(conn, Lane.FACTS))
    assert _batch(alone).events == told.events[:1], "a batch ends where the stories part"


async def test_damaged_links_are_mended(alone: Alone) -> None:
    await alone.outbox.boot()
    _door(alone, "A1", "A2")
    alone.tx(lambda conn: conn.execute("UPDATE outbox SET body = '{}' WHERE n = 2").rowcount)
    assert not _adds_up(_batch(alone))
    assert alone.tx(lambda conn: lanes.mend_tx(conn, STATION, Lane.FACTS)) == 2
    assert _adds_up(_batch(alone))
    assert alone.tx(lambda conn: lanes.mend_tx(conn, STATION, Lane.TELEMETRY)) == 0


async def test_too_much_telemetry_is_dropped_and_told(
    alone: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "TELEMETRY_ROWS_MAX", 10)
    monkeypatch.setattr(lanes, "TELEMETRY_DROP", 4)
    await alone.outbox.boot()
    _block(alone, 2)
    await alone.outbox.boot()
    _block(alone, 8)
    assert alone.tx(lanes.drop_telemetry_tx) == ()
    _block(alone, 1)
    dropped = alone.tx(lanes.drop_telemetry_tx)
    assert [(part.boot_epoch, part.first_seq, part.count) for part in dropped] == [
        (1, 1, 2),
        (2, 1, 2),
    ]
    rest = _batch(alone, Lane.TELEMETRY)
    assert (rest.after.order, rest.after.chain, rest.hole) == ((2, 2), dropped[-1].last_chain, True)
    assert len(rest.events) == 7
    assert _adds_up(rest)
    assert TelemetryGap(**{name: getattr(dropped[0], name) for name in TelemetryGap.model_fields})  # type: ignore[truthy-bool] # it fits the event
    assert await alone.outbox.count() == Backlog(0, 7, 0.0)
    alone.clock.now += timedelta(days=1)
    assert alone.tx(lanes.drop_telemetry_tx) == ()


async def test_no_fact_goes_before_the_hub_has_it(alone: Alone) -> None:
    await alone.outbox.boot()
    _door(alone, "A1", "A2")
    with pytest.raises(InvariantError, match="I7"):
        alone.tx(lambda conn: lanes._cut(conn, Lane.FACTS, 0, 2))
    with pytest.raises(InvariantError, match="I2"):
        alone.tx(lambda conn: lanes._set_acked(conn, Lane.FACTS, 3))
    assert len(_batch(alone).events) == 2


async def test_an_event_follows_the_newest(alone: Alone) -> None:
    await alone.outbox.boot()
    _door(alone, "A1")
    link = Link(STATION, "facts", 1, 3, 1, "door.unexpected", 1, "{}")
    with pytest.raises(InvariantError, match="I2"):
        alone.tx(lambda conn: store_tx(conn, 3, link, bytes(32)))
    assert len(_batch(alone).events) == 1
