"""SQLite as a store of transactions: `await db.write(fn)` is one savepoint of one durable group commit.

One read-write connection on one writer thread (`BEGIN IMMEDIATE`, WAL, FULL), one `mode=ro` connection for
readers. `inline=True` runs both on the loop, for the simulated world.
"""

import asyncio
import contextlib
import itertools
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from common.kit.errors import UnavailableError
from common.kit.failpoints import fp
from common.kit.pagesums import PageSums

T = TypeVar("T")
Fn = Callable[[sqlite3.Connection], T]
_DISK = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})
_DISK_READING = _DISK - {sqlite3.SQLITE_READONLY}  # a reader that writes is our mistake
GROUP_MAX = 128  # functions a commit; beyond this a waiter's latency grows for nothing
TAKE_OVER_ROWS, TAKE_OVER_COMMITS = 3000, 250
"""With page sums the log is taken over after so many changed rows or commits: about SQLite's own 1000 pages."""
DURABLE = "FULL"
"""`PRAGMA synchronous`: what was acknowledged survives a power cut. NORMAL loses it (`linli drill power-cut`)."""


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
    reading: bool = False
    result: T | None = None
    error: BaseException | None = None


def pragmas(*, readonly: bool, synchronous: str = DURABLE) -> tuple[str, ...]:
    """Return what every connection says first; the power-cut drill opens its disks with the same words."""
    if readonly:
        return ("busy_timeout=5000", "query_only=ON")
    return (
        "busy_timeout=5000",
        "journal_mode=WAL",
        f"synchronous={synchronous}",
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "cell_size_check=ON",
        "temp_store=MEMORY",
    )


def connect(path: Path, *, readonly: bool, synchronous: str = DURABLE) -> sqlite3.Connection:
    """Open `path` as the store does; without `readonly` it is made when missing."""
    mode = "ro" if readonly else "rwc"
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    conn = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    conn.row_factory = sqlite3.Row
    try:
        for pragma in pragmas(readonly=readonly, synchronous=synchronous):
            conn.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:  # a damaged file
        conn.close()
        raise
    return conn


def data_version(conn: sqlite3.Connection) -> int:
    """Return a number that changes when another connection than `conn` has committed (sqlite.org/pragma.html)."""
    return int(conn.execute("PRAGMA data_version").fetchone()[0])


class SqliteDb:
    """One file, one writer, one reader."""

    def __init__(self, path: Path, *, inline: bool = False, synchronous: str = DURABLE) -> None:
        """Open `path` (made when missing); `inline` runs everything on the calling thread."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._rw = connect(path, readonly=False, synchronous=synchronous)
        self._ro = connect(path, readonly=True, synchronous=synchronous)
        self._inline, self._synced = inline, synchronous != "OFF"
        self._closed = False
        self._sums: PageSums | None = None
        self._changes = self._commits = 0
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

    def keep_sums(self, sums: PageSums) -> None:
        """Renew `sums` whenever the log is taken over into the file; before the first transaction."""
        self._sums, sums.synced = sums, self._synced
        self._rw.execute("PRAGMA wal_autocheckpoint=0")

    def take_over(self) -> None:
        """Write the log into the file now; before the loop runs."""
        if self._sums is not None:
            self._take_over(self._sums)

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
        if self._sums is not None:
            with contextlib.suppress(sqlite3.Error):  # a disk that refuses; the log stays
                self._take_over(self._sums)
        self._rw.close()

    async def _submit(self, box: "queue.SimpleQueue[_Job[Any] | None]", fn: Fn[T]) -> T:
        if self._closed:
            raise RuntimeError(f"{self.path.name} is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        box.put(_Job(fn, future, loop, reading=box is self._reads))
        return (
            await future
        )  # a cancelled waiter cancels the future only: the job does not look at it

    def _write_one(self, fn: Fn[T]) -> T:
        self._rw.execute("BEGIN IMMEDIATE")
        try:
            result = fn(self._rw)
            fp("kit.sqlite.before_commit")
            self._rw.execute("COMMIT")
            fp("kit.sqlite.committed")
        except BaseException:
            if self._rw.in_transaction:
                self._rw.execute("ROLLBACK")
            raise
        self._after_commit()
        return result

    def _after_commit(self) -> None:
        """Take the log over now and then, before its next frame is written."""
        if self._sums is None:
            return
        self._commits += 1
        grown = self._rw.total_changes - self._changes
        if grown < TAKE_OVER_ROWS and self._commits < TAKE_OVER_COMMITS:
            return
        self._commits, self._changes = 0, self._rw.total_changes
        with contextlib.suppress(
            sqlite3.Error
        ):  # the commit stands; the log grows until a later one
            if grown:
                self._take_over(self._sums)

    def _take_over(self, sums: PageSums) -> None:
        """Write the log into the file and renew the sums of what changed; in part while somebody reads, then later."""
        busy, frames, taken = self._rw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if not busy and frames == taken and frames > 0:
            sums.renew(frames)

    def _read_one(self, fn: Fn[T]) -> T:
        self._ro.execute("BEGIN")
        try:
            return fn(self._ro)
        finally:
            self._ro.execute("ROLLBACK")

    def _read_loop(self) -> None:
        while (job := self._reads.get()) is not None:
            try:
                job.result = self._read_one(job.fn)
            except BaseException as error:  # noqa: BLE001 - the waiter gets it
                job.error = error
            _settle([job])

    def _write_loop(self) -> None:
        while (first := self._writes.get()) is not None:
            group, last = self._collect(first)
            self._commit_group(group)
            if last:
                return

    def _collect(self, first: _Job[Any]) -> tuple[list[_Job[Any]], bool]:
        group = [first]
        while len(group) < GROUP_MAX:
            try:
                job = self._writes.get_nowait()
            except queue.Empty:
                return group, False
            if job is None:
                return group, True
            group.append(job)
        return group, False

    def _commit_group(self, group: list[_Job[Any]]) -> None:
        try:
            self._rw.execute("BEGIN IMMEDIATE")
            for job in group:
                self._in_savepoint(job)
            fp("kit.sqlite.before_commit")
            self._rw.execute("COMMIT")
            fp("kit.sqlite.committed")
        except BaseException as error:  # noqa: BLE001 - a failed commit fails every waiter of the group
            if self._rw.in_transaction:
                self._rw.execute("ROLLBACK")
            for job in group:
                job.error = job.error or error
            _settle(group)
        else:
            _settle(group)
            self._after_commit()

    def _in_savepoint(self, job: _Job[Any]) -> None:
        self._rw.execute("SAVEPOINT job")
        try:
            job.result = job.fn(self._rw)
        except BaseException as error:
            if not self._rw.in_transaction:  # a full disk: SQLite has rolled the whole group back
                raise
            self._rw.execute("ROLLBACK TO job")
            job.error = error
        self._rw.execute("RELEASE job")


def foreseen(error: BaseException, *, reading: bool = False) -> BaseException:
    """Return a disk that is full or failing as an error people are told about; others as they are."""
    known = _DISK_READING if reading else _DISK
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in known:
        return error
    said = UnavailableError("storage.disk", f"the disk does not take it: {error}; make room on it")
    said.__cause__ = error
    return said


def _settle(jobs: list[_Job[Any]]) -> None:
    """Tell the waiters, with one wake-up of their loop for the whole group."""
    for loop, part in itertools.groupby(jobs, key=lambda job: job.loop):
        with contextlib.suppress(RuntimeError):  # the loop is gone; the commit stands
            loop.call_soon_threadsafe(_tell, list(part))


def _tell(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(foreseen(job.error, reading=job.reading))
        else:
            job.future.set_result(job.result)
