"""A tape on the disk: syncs stand before what was acknowledged, and a planted loss, half and damage are each named."""

import asyncio
import random
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from common.kit.sqlite import SqliteDb
from linli.drill.powercut.disk import Enter, Platter, Remove, Sync, SyncFolder, Write
from linli.drill.powercut.proof import Broken, Examiner, rows_of
from linli.drill.powercut.replay import Player, Recording
from linli.drill.powercut.tape import Statement, Tape, TapedDb, Transaction, dump

NAME = "state.db"


def _transaction(*statements: Statement) -> Transaction:
    return (("BEGIN IMMEDIATE", ()), *statements, ("COMMIT", ()))


MAKE = _transaction(("CREATE TABLE t (a TEXT PRIMARY KEY, b REAL) STRICT", ()))


def _put(key: str, value: float) -> Transaction:
    return _transaction(
        ("INSERT INTO t VALUES (?, ?)", (key, value)),
        ("INSERT INTO t VALUES (:k, 0)", {"k": key + "'"}),
    )


def _play(folder: Path, *runs: list[Transaction], synchronous: str = "FULL") -> Recording:
    folder.mkdir(exist_ok=True)
    tape = Tape(folder / NAME, list(runs))
    return Player(tape, folder, random.Random(1), synchronous).play()


def _judge(
    folder: Path, recording: Recording, at: int, patch: Mapping[str, bytes] | None = None
) -> tuple[Broken, str] | None:
    """Judge what is durable after `at` operations, with some files other than they are."""
    platter = Platter(recording.log)
    platter.forward(at)
    folder.mkdir()
    for name, inode in platter.names.items():
        (folder / name).write_bytes(platter.files.get(inode, b""))
    if patch:  # the last stop has removed the WAL; without a sync of the folder it may come back
        (folder / f"{NAME}-wal").unlink()
    for name, content in (patch or {}).items():
        (folder / name).write_bytes(content)
    return Examiner(recording).judge(folder, at)


def test_under_full_nothing_is_pending_when_a_commit_has_returned(tmp_path: Path) -> None:
    recording = _play(tmp_path / "locks", [MAKE, _put("x", 0.1), _put("y", 1 / 3)])
    assert recording.states == 4
    places = [at for at in range(len(recording.log)) if recording.allowed(at).start == 3]
    platter = Platter(recording.log)
    platter.forward(places[0])
    assert not [op for op in platter.pending if isinstance(op, Write)]
    assert platter.names.keys() == {NAME, f"{NAME}-wal"}
    assert _judge(tmp_path / "image", recording, places[0]) is None


def test_under_normal_an_acknowledged_row_is_lost(tmp_path: Path) -> None:
    runs = [MAKE, _put("x", 0.1), _put("y", 1 / 3)]
    recording = _play(tmp_path / "locks", runs, synchronous="NORMAL")
    at = next(at for at in range(len(recording.log)) if recording.allowed(at).start == 3)
    found = _judge(tmp_path / "image", recording, at)
    assert found is not None
    assert found[0] is Broken.LOST


def test_the_names_of_journals_are_made_durable_as_sqlite_does(tmp_path: Path) -> None:
    recording = _play(tmp_path / "locks", [MAKE], [_put("x", 2.5)])
    kinds = [op for op in recording.log if not isinstance(op, Write)]
    entered = [op.name for op in kinds if isinstance(op, Enter)]
    assert entered == [NAME, f"{NAME}-journal", f"{NAME}-wal", f"{NAME}-wal"]
    assert (
        sum(isinstance(op, Remove) for op in kinds) == 3
    )  # the journal, and the WAL at each orderly stop
    for number, op in enumerate(kinds):
        if isinstance(op, Enter) and op.name != NAME:
            later = kinds[number:]
            first = next(n for n, one in enumerate(later) if one == Sync(op.inode))
            assert isinstance(later[first + 1], SyncFolder)


def test_a_state_of_before_the_acknowledged_is_a_loss(tmp_path: Path) -> None:
    recording = _play(tmp_path / "locks", [MAKE, _put("x", 0.1)])
    end = len(recording.log)
    found = _judge(tmp_path / "image", recording, end, {NAME: recording.content(1)})
    assert found == (Broken.LOST, "state 1 is left, 2 was acknowledged")


def test_rows_that_never_were_together_are_half_a_commit(tmp_path: Path) -> None:
    recording = _play(tmp_path / "locks", [MAKE, _put("x", 0.1)])
    half = sqlite3.connect(":memory:")
    half.executescript(
        "CREATE TABLE t (a TEXT PRIMARY KEY, b REAL) STRICT; INSERT INTO t VALUES ('x', 0.1);"
    )
    found = _judge(tmp_path / "image", recording, len(recording.log), {NAME: half.serialize()})
    half.close()
    assert found is not None
    assert found[0] is Broken.HALF


@pytest.mark.parametrize("damage", [b"no database at all" * 300, None])
def test_damage_is_named(tmp_path: Path, damage: bytes | None) -> None:
    recording = _play(tmp_path / "locks", [MAKE, _put("x", 0.1)])
    pages = bytearray(recording.content(2))
    pages[4096 + 3 : 4096 + 5] = b"\x7f\x7f"  # the number of cells of the table's page
    content = damage or bytes(pages)
    found = _judge(tmp_path / "image", recording, len(recording.log), {NAME: content})
    assert found is not None
    assert found[0] is Broken.CORRUPT


def test_a_missing_file_is_the_beginning_and_no_violation_before_anything_was_said(
    tmp_path: Path,
) -> None:
    recording = _play(tmp_path / "locks", [MAKE])
    assert _judge(tmp_path / "image", recording, 0) is None


async def _live(path: Path, tape: Tape) -> None:
    db = TapedDb(path, tape, random.Random(3))
    db.write_now(lambda conn: conn.execute("CREATE TABLE t (a, b)").rowcount)
    many = [(n, n / 7) for n in range(3)]
    jobs = [
        db.write(lambda conn: conn.execute("INSERT INTO t VALUES (1, ?)", (1 / 3,)).rowcount),
        db.write(lambda conn: conn.executemany("INSERT INTO t VALUES (?, ?)", many).rowcount),
        db.write(lambda conn: conn.execute("INSERT INTO t VALUES (:a, 0)", {"a": b"\0"}).rowcount),
    ]
    waiting = [asyncio.ensure_future(job) for job in jobs]
    await asyncio.sleep(0)
    db.close()
    await asyncio.gather(*waiting)


def test_a_replayed_tape_holds_the_same_rows_and_the_stores_own_groups(tmp_path: Path) -> None:
    tape = Tape(tmp_path / NAME)
    asyncio.run(_live(tape.path, tape))
    assert [[sql for sql, _ in said][:2] for said in tape.runs[0]] == [
        ["BEGIN IMMEDIATE", "CREATE TABLE t (a, b)"],
        ["BEGIN IMMEDIATE", "SAVEPOINT job"],
    ]
    assert [sql for sql, _ in tape.runs[0][1]].count("SAVEPOINT job") == 3
    (tmp_path / "locks").mkdir()
    recording = Player(tape, tmp_path / "locks", random.Random(1), "FULL").play()
    station = SqliteDb(tape.path, inline=True)
    assert asyncio.run(station.read(dump)) == rows_of(recording.content(recording.states - 1))
    station.close()


def test_the_tape_refuses_what_it_would_not_hear(tmp_path: Path) -> None:
    db = TapedDb(tmp_path / NAME, Tape(tmp_path / NAME), random.Random(1))
    with pytest.raises(AttributeError, match="does not hear"):
        db.write_now(lambda conn: cast("object", conn.cursor()))
    db.close()
