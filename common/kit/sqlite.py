"""SQLite as a store of transactions: `await db.write(fn)` is one savepoint of one durable group commit.

One read-write connection on one writer thread (`BEGIN IMMEDIATE`, WAL, FULL), one `mode=ro` connection for
readers. `inline=True` runs both on the loop, for the simulated world.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from common.kit.errors import UnavailableError
from common.kit.failpoints import fp

T = TypeVar("T")
Fn = Callable[[sqlite3.Connection], T]
_DISK = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})
_GROUP_MAX = 128  # functions a commit; beyond this a waiter's latency grows for nothing


class Db(Protocol):
    """A transaction is a plain function (DESIGN section 5)."""

    async def write(self, fn: Fn[T]) -> T:
        """Run `fn` as one transaction; return after the commit is durable."""

    async def read(self, fn: Fn[T]) -> T:
        """Run `fn` on a committed view; it must not write."""


@dataclass(slots=True)
class _Job(Generic[T]):
    fn: Fn[T]
    future: asyncio.Future[T]
    loop: asyncio.AbstractEventLoop


def _connect(path: Path, *, readonly: bool, synchronous: str) -> sqlite3.Connection:
    mode = "ro" if readonly else "rwc"
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    conn = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    conn.row_factory = sqlite3.Row
    conn.execute("PRAGMA busy_timeout=5000")
    if readonly:
        conn.execute("PRAGMA query_only=ON")
        return conn
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute(f"PRAGMA synchronous={synchronous}")
    for pragma in (
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "cell_size_check=ON",
        "temp_store=MEMORY",
    ):
        conn.execute(f"PRAGMA {pragma}")
    return conn


class SqliteDb:
    """One file, one writer, one reader."""

    def __init__(self, path: Path, *, inline: bool = False, synchronous: str = "FULL") -> None:
        """Open `path` (made when missing); `inline` runs everything on the calling thread."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._rw = _connect(path, readonly=False, synchronous=synchronous)
        self._ro = _connect(path, readonly=True, synchronous=synchronous)
        self._inline = inline
        self._closed = False
        self._writes: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._reads: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        if not inline:
            for target, name in ((self._write_loop, "writer"), (self._read_loop, "reader")):
                thread = threading.Thread(target=target, name=f"{path.stem}-{name}", daemon=True)
                thread.start()
                self._threads.append(thread)

    async def write(self, fn: Fn[T]) -> T:
        """Run `fn(connection)` as one transaction; cancelling the waiter does not cancel the write."""
        if self._inline:
            await asyncio.sleep(0)
            result = self._write_one(fn)
            await asyncio.sleep(0)
            return result
        return await self._submit(self._writes, fn)

    async def read(self, fn: Fn[T]) -> T:
        """Run `fn(connection)` on the read-only connection, inside one snapshot."""
        if self._inline:
            await asyncio.sleep(0)
            return self._read_one(fn)
        return await self._submit(self._reads, fn)

    def write_now(self, fn: Fn[T]) -> T:
        """Run `fn` before the loop runs or in a synchronous tool; not while tasks use this store."""
        return self._write_one(fn)

    def close(self) -> None:
        """Finish the queue, then close both connections."""
        if self._closed:
            return
        self._closed = True
        for box in (self._writes, self._reads):
            box.put(None)
        for thread in self._threads:
            thread.join()
        self._ro.close()
        self._rw.close()

    async def _submit(self, box: "queue.SimpleQueue[_Job[Any] | None]", fn: Fn[T]) -> T:
        if self._closed:
            raise RuntimeError(f"{self.path.name} is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        future.add_done_callback(_retrieve)
        box.put(_Job(fn, future, loop))
        return await asyncio.shield(future)

    def _write_one(self, fn: Fn[T]) -> T:
        self._rw.execute("BEGIN IMMEDIATE")
        try:
            result = fn(self._rw)
            fp("kit.sqlite.before_commit")
            self._rw.execute("COMMIT")
        except BaseException:
            if self._rw.in_transaction:
                self._rw.execute("ROLLBACK")
            raise
        return result

    def _read_one(self, fn: Fn[T]) -> T:
        self._ro.execute("BEGIN")
        try:
            return fn(self._ro)
        finally:
            self._ro.execute("ROLLBACK")

    def _read_loop(self) -> None:
        while (job := self._reads.get()) is not None:
            try:
                result = self._read_one(job.fn)
            except BaseException as error:  # noqa: BLE001 - the waiter gets it
                _settle(job, error=error)
            else:
                _settle(job, result=result)

    def _write_loop(self) -> None:
        while (first := self._writes.get()) is not None:
            group, last = self._collect(first)
            self._commit_group(group)
            if last:
                return

    def _collect(self, first: _Job[Any]) -> tuple[list[_Job[Any]], bool]:
        group = [first]
        while len(group) < _GROUP_MAX:
            try:
                job = self._writes.get_nowait()
            except queue.Empty:
                return group, False
            if job is None:
                return group, True
            group.append(job)
        return group, False

    def _commit_group(self, group: list[_Job[Any]]) -> None:
        done: list[tuple[_Job[Any], Any]] = []
        try:
            self._rw.execute("BEGIN IMMEDIATE")
            for job in group:
                self._in_savepoint(job, done)
            fp("kit.sqlite.before_commit")
            self._rw.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - a failed commit fails every waiter of the group
            if self._rw.in_transaction:
                self._rw.execute("ROLLBACK")
            for job, _ in done:
                _settle(job, error=error)
            _settle_rest(group, done, error)
            return
        for job, result in done:
            _settle(job, result=result)

    def _in_savepoint(self, job: _Job[Any], done: list[tuple[_Job[Any], Any]]) -> None:
        self._rw.execute("SAVEPOINT job")
        try:
            result = job.fn(self._rw)
        except BaseException as error:
            if not self._rw.in_transaction:  # a full disk: SQLite has rolled the whole group back
                raise
            self._rw.execute("ROLLBACK TO job")
            self._rw.execute("RELEASE job")
            _settle(job, error=error)
            return
        self._rw.execute("RELEASE job")
        done.append((job, result))


def _retrieve(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()  # a cancelled waiter must not leave a 'never retrieved' warning


def _settle_rest(
    group: list[_Job[Any]], done: list[tuple[_Job[Any], Any]], error: BaseException
) -> None:
    settled = {id(job) for job, _ in done}
    for job in group:
        if id(job) not in settled:
            _settle(job, error=error)


def foreseen(error: BaseException) -> BaseException:
    """Return a disk that is full or failing as an error people are told about; others as they are."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DISK:
        return error
    said = UnavailableError("storage.disk", f"the disk does not take it: {error}; make room on it")
    said.__cause__ = error
    return said


def _settle(job: _Job[Any], *, result: Any = None, error: BaseException | None = None) -> None:
    def act() -> None:
        if job.future.done():
            return
        if error is not None:
            job.future.set_exception(foreseen(error))
        else:
            job.future.set_result(result)

    try:
        job.loop.call_soon_threadsafe(act)
    except RuntimeError:  # the loop is gone; the commit stands
        return
