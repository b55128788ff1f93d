"""The station's store: durable before visible, a savepoint per function, one file."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.kit import failpoints
from common.kit.errors import UnavailableError
from common.kit.sqlite import DURABLE, SqliteDb, connect, pragmas


@pytest.fixture(params=[False, True], ids=["threads", "inline"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteDb]:
    db = SqliteDb(tmp_path / "state.db", inline=request.param)
    db.write_now(_create)
    yield db
    failpoints.disarm_all()
    db.close()


def _create(c: sqlite3.Connection) -> None:
    c.execute("CREATE TABLE t(n INTEGER PRIMARY KEY) STRICT")


def _insert(n: int):  # type: ignore[no-untyped-def]
    return lambda c: c.execute("INSERT INTO t VALUES(?)", (n,)).rowcount


def _all(c: sqlite3.Connection) -> list[int]:
    return [row[0] for row in c.execute("SELECT n FROM t ORDER BY n")]


async def test_a_reader_sees_what_was_committed(subject: SqliteDb) -> None:
    await subject.write(_insert(1))
    assert await subject.read(_all) == [1]


async def test_one_failing_function_does_not_harm_its_group(subject: SqliteDb) -> None:
    results = await asyncio.gather(
        *(subject.write(_insert(n)) for n in (1, 2, 2, 3)), return_exceptions=True
    )
    assert [type(r).__name__ for r in results] == ["int", "int", "IntegrityError", "int"]
    assert await subject.read(_all) == [1, 2, 3]


async def test_a_failing_function_leaves_nothing(subject: SqliteDb) -> None:
    def half(c: sqlite3.Connection) -> None:
        c.execute("INSERT INTO t VALUES(7)")
        raise ValueError("after the insert")

    with pytest.raises(ValueError, match="after the insert"):
        await subject.write(half)
    assert await subject.read(_all) == []


async def test_nothing_is_acknowledged_before_the_commit(subject: SqliteDb) -> None:
    def power_cut() -> None:
        raise OSError("disk gone")

    failpoints.arm("kit.sqlite.before_commit", power_cut)
    with pytest.raises(OSError, match="disk gone"):
        await subject.write(_insert(1))
    failpoints.disarm_all()
    assert await subject.read(_all) == []


async def test_a_reader_cannot_write(subject: SqliteDb) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await subject.read(_insert(1))


async def test_cancelling_the_waiter_does_not_cancel_the_write(tmp_path: Path) -> None:
    db = SqliteDb(tmp_path / "x.db")
    db.write_now(_create)
    task = asyncio.create_task(db.write(_insert(5)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await db.write(_all) == [5]
    db.close()


async def test_it_is_as_durable_as_promised(subject: SqliteDb) -> None:
    rows = await subject.write(
        lambda c: (
            c.execute("PRAGMA synchronous").fetchone()[0],
            c.execute("PRAGMA journal_mode").fetchone()[0],
        )
    )
    assert rows == (2, "wal")


async def test_a_closed_store_refuses(tmp_path: Path) -> None:
    db = SqliteDb(tmp_path / "y.db")
    db.close()
    with pytest.raises(RuntimeError, match="closed"):
        await db.write(_insert(1))


async def test_a_full_disk_is_told_and_over_when_there_is_room(tmp_path: Path) -> None:
    db = SqliteDb(tmp_path / "full.db")
    await db.write(lambda conn: conn.execute("CREATE TABLE t (x BLOB)"))
    pages = await db.write(lambda conn: conn.execute("PRAGMA page_count").fetchone()[0])
    await db.write(lambda conn: conn.execute(f"PRAGMA max_page_count = {pages}").fetchone())

    def fill(conn: sqlite3.Connection) -> None:
        conn.execute("INSERT INTO t VALUES (zeroblob(100000))")

    with pytest.raises(UnavailableError) as refused:
        await db.write(fill)
    assert refused.value.key == "storage.disk"
    await db.write(lambda conn: conn.execute("PRAGMA max_page_count = 1000").fetchone())
    await db.write(fill)
    assert await db.read(lambda conn: conn.execute("SELECT count(*) FROM t").fetchone()[0]) == 1
    db.close()


def test_a_damaged_file_is_refused_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    path.write_bytes(b"no database at all" * 300)
    with pytest.raises(sqlite3.DatabaseError):
        connect(path, readonly=False)
    path.unlink()
    connect(path, readonly=False).close()


def test_a_reader_says_that_it_only_reads() -> None:
    assert "query_only=ON" in pragmas(readonly=True)
    assert f"synchronous={DURABLE}" in pragmas(readonly=False)
