"""Another worker's commit wakes this one, on SQLite and on PostgreSQL; its own do not count as strangers'."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from common.kit import sqlwatch
from common.kit.sqldb import SqlDb, hint_tx

_META = sa.MetaData()
_NOTE = sa.Table("note", _META, sa.Column("text", sa.Text))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_dsn")
    with closing(SqlDb(url)) as db:
        db.write_now(lambda c: _META.create_all(c))
    return url


class _Ears:
    """Listens to a store; `news` is set when a topic of interest arrives."""

    def __init__(self, db: SqlDb) -> None:
        self.heard: list[str] = []
        self.news = asyncio.Event()
        db.on_hint(self._hear)

    def _hear(self, topic: str) -> None:
        self.heard.append(topic)
        self.news.set()


@asynccontextmanager
async def _watching(db: SqlDb) -> AsyncIterator[None]:
    task = asyncio.create_task(sqlwatch.watch(db))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _write(c: sa.Connection) -> None:
    c.execute(sa.insert(_NOTE), {"text": "x"})
    hint_tx(c, "station:1")


async def test_a_commit_of_another_worker_is_heard(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlwatch, "_LOOK_S", 0.02)
    with closing(SqlDb(url)) as ours, closing(SqlDb(url)) as theirs:
        ears = _Ears(ours)
        async with _watching(ours), asyncio.timeout(8):
            while not ears.heard:  # it may not listen yet when the first commit happens
                await theirs.write(_write)
                with suppress(TimeoutError):
                    await asyncio.wait_for(ears.news.wait(), 0.2)
    assert set(ears.heard) <= {"station:1", sqlwatch.ANYTHING}


async def test_our_own_commit_is_no_stranger_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlwatch, "_LOOK_S", 0.01)
    with closing(SqlDb(f"sqlite:///{tmp_path / 'hub.db'}")) as db:
        await db.write(lambda c: _META.create_all(c))
        ears = _Ears(db)
        async with _watching(db):
            for _ in range(5):
                await db.write(_write)
                await asyncio.sleep(0.02)
    assert ears.heard == ["station:1"] * 5


async def test_a_server_that_is_away_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlwatch, "_AGAIN_S", 0.01)
    with closing(SqlDb("postgresql+psycopg://nobody@127.0.0.1:1/none")) as db:
        async with _watching(db), asyncio.timeout(8):
            while caplog.text.count("no news of other workers") < 2:  # noqa: ASYNC110 - a log, no event
                await asyncio.sleep(0.02)
