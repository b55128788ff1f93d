"""Rows are kept verbatim, shown in the rooms' tables, and never half applied."""

from dataclasses import replace

import pytest

from common.contract.digest import EMPTY, moved, row_hash
from common.contract.protocol import SnapshotRow
from common.contract.replica import CompartmentRow
from edge.sync import ReplicaTable
from edge.sync.replica import Change, Cursor, DigestMismatch
from edge.sync.shadow import Shadow, segments_tx
from tests.edge.sync.conftest import Alone
from tests.edge.sync.rig import COMPARTMENTS

OK = '{"label":"%s","out_of_service":false,"reason":""}'


def _change(label: str, body: str | None = None) -> Change:
    return Change("compartment", label, OK % label if body is None else body)


def _digest(*changes: Change) -> bytes:
    digest = EMPTY
    for change in changes:
        assert change.body is not None
        digest = moved(digest, removed=None, added=row_hash(change.table, change.key, change.body))
    return digest


async def _start(alone: Alone) -> Cursor:
    await alone.outbox.boot()
    await alone.replica.prepare()
    return await alone.replica.cursor()


def _labels(alone: Alone) -> list[str]:
    found = alone.tx(
        lambda c: c.execute("SELECT label FROM replica_compartment ORDER BY 1").fetchall()
    )
    return [str(row["label"]) for row in found]


async def test_a_page_of_ops_is_applied_and_told(alone: Alone) -> None:
    woken = []
    alone.replica.on_applied.append(lambda: woken.append(1))
    start = await _start(alone)
    rows = (_change("A1"), _change("A2"))
    end = Cursor(1, 2, _digest(*rows))
    assert await alone.replica.apply(start, end, rows)
    assert (_labels(alone), await alone.replica.cursor(), woken) == (["A1", "A2"], end, [1])
    assert alone.one("SELECT type, body FROM outbox") == ("replica.applied", '{"gen":1,"op":2}')


async def test_a_page_that_does_not_add_up_changes_nothing(alone: Alone) -> None:
    start = await _start(alone)
    with pytest.raises(DigestMismatch):
        await alone.replica.apply(start, Cursor(1, 1, b"x" * 16), [_change("A1")])
    assert (_labels(alone), await alone.replica.cursor()) == ([], start)
    assert alone.one("SELECT count(*) FROM outbox") == (0,)


async def test_an_answer_from_the_past_is_not_applied(alone: Alone) -> None:
    start = await _start(alone)
    rows = [_change("A1")]
    end = Cursor(1, 1, _digest(*rows))
    assert await alone.replica.apply(start, end, rows)
    assert not await alone.replica.apply(start, end, rows)


async def test_a_row_this_release_cannot_read_is_kept_but_not_shown(alone: Alone) -> None:
    start = await _start(alone)
    rows = [_change("A1"), _change("A2", '{"label":"A2","out_of_service":"perhaps"}')]
    end = Cursor(1, 2, _digest(*rows))
    assert await alone.replica.apply(start, end, rows)
    assert _labels(alone) == ["A1"]
    assert alone.one("SELECT count(*) FROM sync_row") == (2,)


async def test_a_row_that_becomes_unreadable_disappears(alone: Alone) -> None:
    start = await _start(alone)
    good, bad = _change("A1"), _change("A1", '{"label":"A1"}')
    end = Cursor(1, 2, _digest(bad))
    assert await alone.replica.apply(start, end, [good, bad])
    assert _labels(alone) == [], "an old state must not rule on"


async def test_rows_of_a_table_nobody_registered_wait_for_a_later_release(alone: Alone) -> None:
    start = await _start(alone)
    rows = [Change("oven", "o1", '{"hot":true}')]
    assert await alone.replica.apply(start, Cursor(1, 1, _digest(*rows)), rows)


async def test_a_changed_definition_is_made_anew_from_the_rows(alone: Alone) -> None:
    start = await _start(alone)
    rows = [_change("A1")]
    await alone.replica.apply(start, Cursor(1, 1, _digest(*rows)), rows)
    wider = replace(
        COMPARTMENTS,
        ddl=("CREATE TABLE replica_compartment (label TEXT, broken INTEGER) STRICT",),
    )
    alone.replica.register(wider)
    await alone.replica.prepare()
    assert _labels(alone) == ["A1"]
    assert "PRIMARY KEY" not in str(
        alone.one("SELECT sql FROM sqlite_master WHERE name = 'replica_compartment'")
    )
    alone.tx(lambda c: c.execute("UPDATE replica_compartment SET label = 'kept'").rowcount)
    await alone.replica.prepare()
    assert _labels(alone) == ["kept"], "an unchanged definition is not made again"


async def test_damaged_rows_show_in_the_digest(alone: Alone) -> None:
    start = await _start(alone)
    rows = [_change("A1")]
    await alone.replica.apply(start, Cursor(1, 1, _digest(*rows)), rows)
    alone.tx(lambda c: c.execute("UPDATE sync_row SET body = '{}'").rowcount)
    await alone.replica.prepare()
    assert (await alone.replica.cursor()).digest != _digest(*rows)


async def test_a_snapshot_takes_the_place_of_everything(alone: Alone) -> None:
    start = await _start(alone)
    old = [_change("A1"), _change("A2")]
    await alone.replica.apply(start, Cursor(1, 2, _digest(*old)), old)
    here = await alone.replica.cursor()
    subject = Shadow(alone.db, alone.replica)
    new = [_change("A2"), _change("A3")]
    await subject.clear()
    await subject.add(SnapshotRow(table=c.table, key=c.key, body=c.body or "") for c in new)
    with pytest.raises(DigestMismatch):
        await subject.swap(here, Cursor(2, 9, b"x" * 16), None)
    assert _labels(alone) == ["A1", "A2"]
    end = Cursor(2, 9, _digest(*new))
    await subject.swap(here, end, None)
    assert (_labels(alone), await alone.replica.cursor()) == (["A2", "A3"], end)


async def test_only_differing_segments_are_fetched(alone: Alone) -> None:
    start = await _start(alone)
    old = [_change(f"A{number}") for number in range(20)]
    await alone.replica.apply(start, Cursor(1, 20, _digest(*old)), old)
    theirs = [part.hex() for part in alone.tx(segments_tx)]
    subject = Shadow(alone.db, alone.replica)
    assert await subject.differing(theirs) == ()
    number = next(at for at, part in enumerate(theirs) if part != EMPTY.hex())
    theirs[number] = "11" * 16
    assert await subject.differing(theirs) == (number,)
    assert await subject.differing(["11" * 16] * 256) is None, "then everything"
    assert await subject.differing(theirs[:3]) is None


async def test_only_tables_with_a_model_can_be_registered(alone: Alone) -> None:
    with pytest.raises(ValueError, match="no row model"):
        alone.replica.register(ReplicaTable("oven", (), COMPARTMENTS.put, COMPARTMENTS.delete))


async def test_rooms_tests_may_put_rows_by_hand(alone: Alone) -> None:
    await _start(alone)
    row = CompartmentRow(label="A1", out_of_service=True, reason="")
    alone.tx(lambda c: alone.replica.put_tx(c, "compartment", row))
    assert _labels(alone) == ["A1"]
    alone.tx(lambda c: alone.replica.delete_tx(c, "compartment", "A1"))
    assert _labels(alone) == []
