"""The proofs of the forked kills: each finds what it is there for, and nothing in files that are right."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator

import pytest

from linli.drill.forked.proofs import effects_once, facts, journalled, rows_agree

_DIGEST, _OTHER = b"\x01" * 16, b"\x02" * 16


def _station() -> sqlite3.Connection:
    conn = sqlite3.connect(":memory:")
    conn.executescript(
        "CREATE TABLE outbox (lane, boot_epoch, seq, type, body);"
        "CREATE TABLE sync_self (gen, op, digest); CREATE TABLE sync_fence (why);"
        "CREATE TABLE pulse (compartment, open_request_id, mono_ms);"
    )
    conn.execute("INSERT INTO sync_self VALUES (1, 7, ?)", (_DIGEST,))
    return conn


def _hub() -> sqlite3.Connection:
    conn = sqlite3.connect(":memory:")
    conn.executescript(
        "CREATE TABLE sync_event (lane, boot_epoch, seq, type, body);"
        "CREATE TABLE sync_station (gen, head_op, digest);"
        "CREATE TABLE custody_event (parcel_id, to_state); CREATE TABLE event_quarantine (type, reason);"
    )
    conn.execute("INSERT INTO sync_station VALUES (1, 7, ?)", (_DIGEST,))
    return conn


@pytest.fixture
def station() -> Iterator[sqlite3.Connection]:
    conn = _station()
    yield conn
    conn.close()


@pytest.fixture
def hub() -> Iterator[sqlite3.Connection]:
    conn = _hub()
    yield conn
    conn.close()


def _event(conn: sqlite3.Connection, table: str, seq: int, body: str = "{}") -> None:
    conn.execute(f"INSERT INTO {table} VALUES ('facts', 1, ?, 'door.changed', ?)", (seq, body))


def test_both_lanes_agree_place_by_place(
    station: sqlite3.Connection, hub: sqlite3.Connection
) -> None:
    _event(station, "outbox", 1)
    _event(hub, "sync_event", 1)
    assert facts(station, hub, forgets=False) == []
    _event(station, "outbox", 2)
    _event(hub, "sync_event", 3)
    found = facts(station, hub, forgets=False)
    assert [one.split(":")[0] for one in found] == ["facts lost", "facts unknown to the station"]
    assert [one.split(":")[0] for one in facts(station, hub, forgets=True)] == ["facts lost"]


def test_another_body_in_the_same_place_is_found(
    station: sqlite3.Connection, hub: sqlite3.Connection
) -> None:
    _event(station, "outbox", 1, '{"a":1}')
    _event(hub, "sync_event", 1, '{"a":2}')
    (found,) = facts(station, hub, forgets=False)
    assert found.startswith("facts different")


def test_rows_stand_where_the_hub_s_do_and_no_fence_is_left(
    station: sqlite3.Connection, hub: sqlite3.Connection
) -> None:
    assert rows_agree(station, hub) == []
    hub.execute("UPDATE sync_station SET digest = ?", (_OTHER,))
    station.execute("INSERT INTO sync_fence VALUES ('stale')")
    behind, fenced = rows_agree(station, hub)
    assert "(1, 7, " in behind
    assert fenced.endswith("stale")


def test_every_pulse_has_its_row_and_every_row_its_end(station: sqlite3.Connection) -> None:
    station.execute("INSERT INTO pulse VALUES ('A01', 'R1', 5000)")
    _event(station, "outbox", 1, json.dumps({"open_request_id": "R1", "state": "open"}))
    assert journalled(Counter(A01=1), station, 4.0) == []
    (twice,) = journalled(Counter(A01=2), station, 4.0)
    assert twice == "door A01 was pulsed 2 times, 1 are journalled"
    station.execute("INSERT INTO pulse VALUES ('A02', 'R2', 6000)")
    _event(station, "outbox", 2, json.dumps({"open_request_id": "R2", "state": "pulsing"}))
    assert journalled(Counter(A01=1), station, 4.0) == [
        "no event says what became of the pulse of A02"
    ]


def test_a_pulse_before_the_run_is_not_the_run_s(station: sqlite3.Connection) -> None:
    station.execute("INSERT INTO pulse VALUES ('A01', 'R1', 1000)")
    assert journalled(Counter(), station, 4.0) == []
    (missing,) = journalled(Counter(A01=1), station, 4.0)
    assert missing.endswith("0 are journalled")


def test_an_effect_twice_and_one_not_at_all_are_found(hub: sqlite3.Connection) -> None:
    hub.execute("INSERT INTO custody_event VALUES ('P1', 'collected')")
    assert effects_once(hub) == []
    hub.execute("INSERT INTO custody_event VALUES ('P1', 'collected')")
    hub.execute("INSERT INTO event_quarantine VALUES ('parcel.collected', 'no such parcel')")
    twice, never = effects_once(hub)
    assert twice == "parcel P1 became collected 2 times"
    assert never.startswith("event parcel.collected took no effect")
