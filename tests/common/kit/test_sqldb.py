"""The hub's store on SQLite and on PostgreSQL: no lost update, hints only after the commit."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from common.kit.errors import UnavailableError
from common.kit.sqldb import SqlDb, hint_tx

_META = sa.MetaData()
_COUNTER = sa.Table(
    "counter", _META, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer)
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlDb]:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_dsn")
    db = SqlDb(url)
    db.write_now(lambda c: _META.create_all(c))
    db.write_now(_start)
    yield db
    db.close()


def _start(c: sa.Connection) -> None:
    c.execute(sa.insert(_COUNTER), {"id": 1, "n": 0})


def _increment(c: sa.Connection) -> None:
    n = c.execute(sa.select(_COUNTER.c.n)).scalar_one()
    c.execute(sa.update(_COUNTER).values(n=n + 1))


async def test_concurrent_read_modify_write_loses_nothing(subject: SqlDb) -> None:
    await asyncio.gather(*(subject.write(_increment) for _ in range(40)))
    assert await subject.read(lambda c: c.execute(sa.select(_COUNTER.c.n)).scalar_one()) == 40


async def test_hints_arrive_after_the_commit_only(subject: SqlDb) -> None:
    heard: list[str] = []
    subject.on_hint(heard.append)

    def good(c: sa.Connection) -> None:
        _increment(c)
        hint_tx(c, "station:1")
        hint_tx(c, "station:1")

    def bad(c: sa.Connection) -> None:
        hint_tx(c, "station:2")
        raise ValueError("no")

    await subject.write(good)
    with pytest.raises(ValueError, match="no"):
        await subject.write(bad)
    await subject.write(_increment)
    assert heard == ["station:1"]


async def test_reads_cannot_write(subject: SqlDb) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        await subject.read(_increment)


async def test_a_full_disk_is_told(tmp_path: Path) -> None:
    db = SqlDb(f"sqlite:///{tmp_path / 'full.db'}")
    await db.write(lambda conn: conn.exec_driver_sql("CREATE TABLE t (x BLOB)"))
    await db.write(lambda conn: conn.exec_driver_sql("PRAGMA max_page_count = 3").fetchone())
    with pytest.raises(UnavailableError) as refused:
        await db.write(lambda conn: conn.exec_driver_sql("INSERT INTO t VALUES (zeroblob(100000))"))
    assert refused.value.key == "storage.disk"
    db.close()
