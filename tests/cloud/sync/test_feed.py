"""The log down on both engines: one op a change, a digest after each, and the law that ops reduce to the snapshot."""

from itertools import pairwise

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.sync import EventCursor, Gateway, feed
from cloud.sync.ingest import ingest_tx
from cloud.sync.models import op as op_table
from cloud.sync.models import row as row_table
from cloud.sync.models import station as station_table
from common.contract.digest import EMPTY, SEGMENTS, moved, row_hash, segment_of
from common.contract.replica import CompartmentRow, GrantKeyRow
from common.kit.errors import NotFoundError
from common.kit.sqldb import SqlDb
from tests.cloud.sync.stories import AT_MS, OTHER, STATION, batch, doors, end_of


@pytest.fixture
def subject() -> Gateway:
    return Gateway()


def _row(label: str, *, broken: bool = False) -> CompartmentRow:
    return CompartmentRow(label=label, out_of_service=broken, reason="")


def _put(db: SqlDb, gateway: Gateway, label: str, *, broken: bool = False) -> int:
    row = _row(label, broken=broken)
    return db.write_now(lambda c: gateway.put_row_tx(c, STATION, "compartment", row))


def _delete(db: SqlDb, gateway: Gateway, label: str) -> int:
    return db.write_now(lambda c: gateway.delete_row_tx(c, STATION, "compartment", label))


def _head_digest(db: SqlDb) -> bytes:
    return bytes(db.read_now(lambda c: feed.station_tx(c, STATION).digest))


def test_every_change_is_one_op_and_an_equal_row_is_none(db: SqlDb, subject: Gateway) -> None:
    assert _put(db, subject, "A1") == 1
    assert _put(db, subject, "A2") == 2
    assert _put(db, subject, "A1") == 1, "already said in op 1"
    assert _put(db, subject, "A1", broken=True) == 3
    assert _delete(db, subject, "A2") == 4
    assert _delete(db, subject, "A2") == 4
    ops = db.read_now(lambda c: feed.ops_after_tx(c, STATION, 2, 100))
    assert [(op.op, op.key, op.body is None) for op in ops] == [(3, "A1", False), (4, "A2", True)]


def test_rows_of_two_tables_may_have_one_key(db: SqlDb, subject: Gateway) -> None:
    key = GrantKeyRow(kid="7", public_key="ab" * 32, signature="cd" * 64)
    db.write_now(lambda c: subject.put_row_tx(c, STATION, "grant_key", key))
    before = _head_digest(db)
    _put(db, subject, "7")
    assert _delete(db, subject, "7") == 3
    assert _head_digest(db) == before, "the key's row is still there"
    rows = db.read_now(lambda c: c.execute(sa.select(row_table.c.tbl, row_table.c.key)).all())
    assert [tuple(row) for row in rows] == [("grant_key", "7")]


def test_an_empty_replica_has_the_empty_digest_again(db: SqlDb, subject: Gateway) -> None:
    _put(db, subject, "A1")
    _put(db, subject, "A2")
    _delete(db, subject, "A1")
    _delete(db, subject, "A2")
    assert _head_digest(db) == EMPTY


_change = st.tuples(st.sampled_from(["A1", "A2", "A3", "A4"]), st.sampled_from(["ok", "out", None]))


@given(changes=st.lists(_change, max_size=12))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ops_reduce_to_the_snapshot_from_any_cut(
    db: SqlDb, changes: list[tuple[str, str | None]]
) -> None:
    gateway = Gateway()
    db.write_now(_forget_all)
    for label, what in changes:
        if what is None:
            _delete(db, gateway, label)
        else:
            _put(db, gateway, label, broken=what == "out")
    if not changes:
        return
    everything = {
        (table, key): body
        for table, key, body in db.read_now(lambda c: feed.rows_after_tx(c, STATION, ("", ""), ()))
    }
    ops = db.read_now(lambda c: feed.ops_after_tx(c, STATION, 0, 500))
    rows: dict[tuple[str, str], str] = {}
    digest = EMPTY
    for op in ops:
        old = rows.pop((op.table, op.key), None)
        removed = None if old is None else row_hash(op.table, op.key, old)
        added = None if op.body is None else row_hash(op.table, op.key, op.body)
        digest = moved(digest, removed=removed, added=added)
        if op.body is not None:
            rows[op.table, op.key] = op.body
        state = db.read_now(lambda c: feed.station_tx(c, STATION))
        number = op.op
        at = db.read_now(lambda c: feed.digest_at_tx(c, state, number))  # noqa: B023
        assert at == digest, "the digest of every cut is that of its rows"
    assert rows == everything
    assert digest == _head_digest(db)


def _forget_all(conn: sa.Connection) -> None:
    for table in (row_table, op_table, station_table):
        conn.execute(sa.delete(table))


def test_segments_add_up_to_the_whole(db: SqlDb, subject: Gateway) -> None:
    for number in range(40):
        _put(db, subject, f"A{number}")
    parts = db.read_now(lambda c: feed.segments_tx(c, STATION))
    assert len(parts) == SEGMENTS
    total = EMPTY
    for part in parts:
        total = moved(total, removed=None, added=part)
    assert total == _head_digest(db)
    filled = tuple(number for number, part in enumerate(parts) if part != EMPTY)[:3]
    some = db.read_now(lambda c: feed.rows_after_tx(c, STATION, ("", ""), filled))
    assert {segment_of(table, key) for table, key, _ in some} == set(filled)


def test_old_ops_are_forgotten(
    db: SqlDb, subject: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "KEEP_OPS", 5)
    for number in range(30):
        _put(db, subject, "A1", broken=bool(number % 2))
    state = db.read_now(lambda c: feed.station_tx(c, STATION))
    kept = db.read_now(lambda c: c.execute(sa.select(op_table.c.op)).scalars().all())
    assert len(kept) <= 2 * 5
    assert state.floor_op == min(kept) - 1
    assert db.read_now(lambda c: feed.digest_at_tx(c, state, state.floor_op - 1)) is None


def test_a_row_of_the_wrong_model_is_refused(db: SqlDb, subject: Gateway) -> None:
    with pytest.raises(TypeError):
        db.write_now(lambda c: subject.put_row_tx(c, STATION, "grant", _row("A1")))


def test_a_new_generation_takes_back_what_was_applied(db: SqlDb, subject: Gateway) -> None:
    _put(db, subject, "A1")
    assert db.write_now(lambda c: subject.new_generation_tx(c, STATION)) == 2
    state = db.read_now(lambda c: feed.station_tx(c, STATION))
    assert (state.floor_op, state.applied_op) == (1, 0)


def test_another_key_starts_a_new_line_of_sessions(db: SqlDb, subject: Gateway) -> None:
    db.write_now(lambda c: subject.register_station_tx(c, STATION, b"a" * 32))
    db.write_now(
        lambda c: c.execute(sa.update(station_table).values(session=5, install_id="x")).rowcount
    )
    db.write_now(lambda c: subject.register_station_tx(c, STATION, b"a" * 32))
    assert db.read_now(lambda c: feed.station_tx(c, STATION)).session == 5
    db.write_now(lambda c: subject.register_station_tx(c, STATION, b"b" * 32))
    assert db.read_now(lambda c: feed.station_tx(c, STATION)).session == 0


def test_status_of_a_station_nobody_knows(db: SqlDb, subject: Gateway) -> None:
    with pytest.raises(NotFoundError):
        db.read_now(lambda c: subject.station_status_tx(c, OTHER))
    assert db.read_now(lambda c: subject.applied_op_tx(c, OTHER)) == 0


def test_nobody_is_let_in_who_does_not_wait(db: SqlDb, subject: Gateway) -> None:
    with pytest.raises(NotFoundError) as nobody:
        db.write_now(lambda c: subject.admit_tx(c, STATION, "0" * 32))
    assert nobody.value.key == "station.no_claim"


def test_events_are_paged_newest_first(db: SqlDb, subject: Gateway) -> None:
    first = batch(doors("A1", "A2", "A3"))
    second = batch(doors("B1", "B2", first=4), end_of(first))
    for at, sent in enumerate((first, second)):
        when_ms = AT_MS + at
        db.write_now(lambda c: ingest_tx(c, STATION, sent, when_ms, {}))  # noqa: B023
    seen: list[tuple[int, int]] = []
    before: EventCursor | None = None
    while page := db.read_now(lambda c: subject.events_tx(c, STATION, before=before, limit=2)):  # noqa: B023
        seen += [(one.boot_epoch, one.seq) for one in page]
        before = page[-1].cursor
    assert seen == [(1, 5), (1, 4), (1, 3), (1, 2), (1, 1)]
    assert all(newer > older for newer, older in pairwise(seen))
