"""Several workers, one PostgreSQL: whoever changes a station's line holds its row until the commit.

SQLite needs none of it (one writer, BEGIN IMMEDIATE), so only PostgreSQL can show that the lock is asked for.
"""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync import Gateway, feed, metadata
from cloud.sync.ingest import ingest_tx
from cloud.sync.sessions import hello_tx
from common.contract.digest import EMPTY
from common.contract.protocol import Hello
from common.contract.replica import CompartmentRow
from common.kit.sqldb import SqlDb
from tests.cloud.sync.stories import AT_MS, STATION, batch, doors, end_of

HELLO = Hello(
    install_id=STATION, hello_id=STATION, session=0, boot_epoch=1, gen=0, op=0,
    digest=EMPTY.hex(), app_version="t", backlog_facts=0, backlog_telemetry=0, clock_offset_ms=0,
)  # fmt: skip
ROW = CompartmentRow(label="A1", out_of_service=False, reason="")
FIRST = batch(doors("A1"))
NEXT = batch(doors("A2", first=2), after=end_of(FIRST))
GATEWAY = Gateway()
Act = Callable[[Connection], object]


@pytest.fixture
def store(postgres_dsn: str) -> Iterator[SqlDb]:
    db = SqlDb(postgres_dsn)
    metadata.create_all(db.engine)
    db.write_now(lambda c: GATEWAY.register_station_tx(c, STATION, bytes(32)))
    db.write_now(lambda c: hello_tx(c, STATION, HELLO, AT_MS))
    db.write_now(lambda c: ingest_tx(c, STATION, FIRST, AT_MS, {}))
    yield db
    db.close()


@pytest.mark.parametrize(
    ("table", "act"),
    [
        ("sync_station", lambda c: GATEWAY.register_station_tx(c, STATION, bytes([1] * 32))),
        ("sync_station", lambda c: GATEWAY.revoke_key_tx(c, STATION)),
        ("sync_station", lambda c: GATEWAY.put_row_tx(c, STATION, "compartment", ROW)),
        ("sync_station", lambda c: GATEWAY.new_generation_tx(c, STATION)),
        ("sync_station", lambda c: hello_tx(c, STATION, HELLO, AT_MS + 1)),
        ("sync_lane", lambda c: ingest_tx(c, STATION, NEXT, AT_MS, {})),
    ],
    ids=["pair", "revoke", "row", "generation", "hello", "events"],
)  # fmt: skip
def test_who_changes_it_locks_it(store: SqlDb, table: str, act: Act) -> None:
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    sa.event.listen(store.engine, "before_cursor_execute", note)
    try:
        store.write_now(act)
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", note)
    locked = [one for one in asked if "FOR UPDATE" in one and table in one]
    assert locked, asked
    changed = next((n for n, one in enumerate(asked) if one.startswith("UPDATE")), len(asked))
    assert asked.index(locked[0]) < changed, "before anything is changed"


def test_two_who_give_rows_at_once_never_give_one_number_twice(store: SqlDb) -> None:
    """The second waits for the first's commit and goes on from there."""
    first = store.engine.connect()
    began = first.begin()
    one = feed.put_row_tx(first, STATION, "compartment", ROW)
    with store.engine.connect() as second, second.begin():
        second.execute(sa.text("SET LOCAL lock_timeout = '200ms'"))
        with pytest.raises(sa.exc.OperationalError):
            feed.put_row_tx(second, STATION, "compartment", ROW.model_copy(update={"label": "A2"}))
    began.commit()
    first.close()
    two = store.write_now(
        lambda c: feed.put_row_tx(c, STATION, "compartment", ROW.model_copy(update={"label": "A2"}))
    )
    assert (one, two) == (1, 2)
