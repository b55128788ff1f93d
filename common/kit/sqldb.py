"""The hub's store of transactions: SQLAlchemy Core behind `await db.write(fn)`, SQLite or PostgreSQL.

SQLite: one writer thread and one reader thread (WAL, FULL, `BEGIN IMMEDIATE`). PostgreSQL: a small pool,
SERIALIZABLE, serialization failures run again. `inline=True` runs on the loop, for the simulated world.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from common.kit.errors import UnavailableError
from common.kit.failpoints import fp
from common.kit.sqlite import foreseen

T = TypeVar("T")
R = TypeVar("R")
Fn = Callable[[Connection], T]
_RETRYABLE = frozenset(
    {"40001", "40P01"}
)  # serialization_failure, deadlock_detected (PostgreSQL, Appendix A)
_ATTEMPTS = 50  # in every round one of at most _PG_WORKERS rivals commits
_PG_WORKERS = 8
_HINTS = "linli.hints"
HINT_CHANNEL = "linli_hints"
"""The PostgreSQL channel on which every worker hears the hints of all (`common.kit.sqlwatch`)."""


class HubDb(Protocol):
    """A transaction is a plain function of a SQLAlchemy connection."""

    async def write(self, fn: Fn[T]) -> T:
        """Run `fn` as one transaction; it may run again, so it touches nothing but the connection."""

    async def read(self, fn: Fn[T]) -> T:
        """Run `fn` on one committed view; it must not write."""


def hint_tx(connection: Connection, topic: str) -> None:
    """Ask for a wake-up of `topic`'s listeners once this transaction is committed, e.g. `station:01J…`."""
    connection.info.setdefault(_HINTS, {})[topic] = None


class SqlDb:
    """One database, whichever engine the URL names."""

    def __init__(self, url: str, *, inline: bool = False) -> None:
        """Make the engines; nothing is opened before the first transaction."""
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        if self.is_sqlite:
            self.engine = _sqlite_engine(url, readonly=False)
            self._reader = _sqlite_engine(url, readonly=True)
        else:
            self.engine = sa.create_engine(
                url, isolation_level="SERIALIZABLE", pool_size=_PG_WORKERS
            )
            self._reader = self.engine.execution_options(postgresql_readonly=True)
        self.inline = inline
        self._listeners: list[Callable[[str], None]] = []
        workers = 1 if self.is_sqlite else _PG_WORKERS
        self._writes = ThreadPoolExecutor(workers, thread_name_prefix="db-write")
        self._reads = ThreadPoolExecutor(workers, thread_name_prefix="db-read")

    async def write(self, fn: Fn[T]) -> T:
        """Run `fn(connection)` as one transaction; cancelling the waiter does not cancel the write."""
        result, topics = await self._run(self._writes, self._write_with_hints, fn)
        for topic in topics:
            self.hint(topic)
        return result

    def hint(self, topic: str) -> None:
        """Wake the listeners of this process."""
        for listener in self._listeners:
            listener(topic)

    async def foreign_commits(self) -> int:
        """Return a number that changes when another connection than this writer has committed (SQLite only)."""

        def version() -> int:
            writer = self.engine.raw_connection()
            try:
                return int(writer.cursor().execute("PRAGMA data_version").fetchone()[0])
            finally:
                writer.close()

        return await asyncio.get_running_loop().run_in_executor(self._writes, version)

    def on_hint(self, listener: Callable[[str], None]) -> None:
        """Call `listener(topic)` on the loop after a commit that said `hint_tx(connection, topic)`; lossy by design."""
        self._listeners.append(listener)

    async def read(self, fn: Fn[T]) -> T:
        """Run `fn(connection)` inside one read snapshot."""
        return await self._run(self._reads, self.read_now, fn)

    def write_now(self, fn: Fn[T]) -> T:
        """Run `fn` on this thread: for tools, migrations and start-up."""
        return self._write_with_hints(fn)[0]

    def read_now(self, fn: Fn[T]) -> T:
        """Run `fn` read-only on this thread."""

        def once() -> T:
            with self._reader.connect() as connection, connection.begin():
                return fn(connection)

        return _retrying(once, reading=True)

    def _write_with_hints(self, fn: Fn[T]) -> tuple[T, tuple[str, ...]]:
        def once() -> tuple[T, tuple[str, ...]]:
            with self.engine.begin() as connection:
                connection.info[_HINTS] = {}
                result = fn(connection)
                topics = tuple(connection.info[_HINTS])
                if not self.is_sqlite:
                    for topic in topics:
                        connection.execute(sa.select(sa.func.pg_notify(HINT_CHANNEL, topic)))
                fp("kit.sqldb.before_commit")
            fp("kit.sqldb.committed")
            return result, topics

        return _retrying(once)

    def close(self) -> None:
        """Finish what runs, close every connection."""
        self._writes.shutdown(wait=True)
        self._reads.shutdown(wait=True)
        self._reader.dispose()
        self.engine.dispose()

    async def _run(self, pool: ThreadPoolExecutor, run: Callable[[Fn[T]], R], fn: Fn[T]) -> R:
        if self.inline:
            await asyncio.sleep(0)
            result = run(fn)
            await asyncio.sleep(0)
            return result
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(pool, run, fn))


def _retrying(once: Callable[[], R], *, reading: bool = False) -> R:
    """Return what `once` returns; UnavailableError `hub.database_away` when no server answers."""
    try:
        return _serialized(once)
    except OperationalError as error:
        if isinstance(error.orig, sqlite3.Error):
            if (known := foreseen(error.orig, reading=reading)) is not error.orig:
                raise known from error
            raise
        if error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None:
            said = "the database server does not answer: is it running, is hub.database_url right?"
            raise UnavailableError("hub.database_away", said) from error
        raise


def _serialized(once: Callable[[], R]) -> R:
    for _ in range(_ATTEMPTS - 1):
        try:
            return once()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _RETRYABLE:
                raise
    return once()


def _sqlite_engine(url: str, *, readonly: bool) -> Engine:
    engine = sa.create_engine(
        url,
        poolclass=sa.pool.StaticPool,
        connect_args={"isolation_level": None, "check_same_thread": False},
    )

    def on_connect(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=5000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if readonly:
            connection.execute("PRAGMA query_only=ON")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", on_connect)
    sa.event.listen(engine, "begin", on_begin)
    return engine
