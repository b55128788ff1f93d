"""Lives of programs: a program that was killed never does anything again, whatever its tasks still try."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.engine import Connection

from common.kit.codes import Cost, code_verifier, hash_secret
from common.kit.sqldb import SqlDb
from common.kit.sqlite import SqliteDb
from common.kit.work import InlineWork

P = ParamSpec("P")
T = TypeVar("T")
_CHEAP = Cost(rounds=1, memory_kib=8)
_COSTLY: tuple[object, ...] = (code_verifier, hash_secret)


class Crash(BaseException):
    """The program was killed at this place; no handler of its own may stop it."""


class Life:
    """One run of a program, from its start to its end."""

    def __init__(self) -> None:
        """Begin."""
        self.alive = True
        self.over = asyncio.Event()

    def end(self) -> None:
        """Be dead from now on."""
        self.alive = False
        self.over.set()

    async def check(self) -> None:
        """Go on when alive; the dead wait here until their tasks are cancelled."""
        if not self.alive:
            await asyncio.get_running_loop().create_future()

    async def guard(self, work: Coroutine[Any, Any, T], within_s: float) -> T:
        """Return what `work` returns; Away when this life ends before, or takes longer than `within_s`."""
        task = asyncio.ensure_future(work)
        ending = asyncio.ensure_future(self.over.wait())
        try:
            await asyncio.wait(
                (task, ending), timeout=within_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not task.done():
                raise Away
            try:
                return task.result()
            except Crash:
                raise Away from None
        finally:
            ending.cancel()
            task.cancel()


class Away(Exception):
    """The program does not answer: it may or may not have done what it was asked."""


class StationFile(SqliteDb):
    """A station's SQLite file on the loop, out of reach for a killed daemon."""

    def __init__(self, path: Path, life: Life) -> None:
        """Open `path` for one life."""
        super().__init__(path, inline=True, synchronous="OFF")
        self._life = life

    async def write(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn` as one transaction, unless the daemon is dead."""
        await asyncio.sleep(0)
        await self._life.check()
        result = self._write_one(fn)
        await asyncio.sleep(0)
        await self._life.check()
        return result

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn` on the read-only connection, unless the daemon is dead."""
        await asyncio.sleep(0)
        await self._life.check()
        return fn(self._ro)  # nobody else writes while this thread reads: that is a snapshot


class HubFile(SqlDb):
    """The hub's SQLite file for one life; the engines with their compiled statements are the process's."""

    def __init__(self, shared: SqlDb, life: Life) -> None:
        """Work with the engines of `shared`."""
        self.url, self.is_sqlite, self.inline = shared.url, True, True
        self.engine = shared.engine
        self._reader = shared._reader  # noqa: SLF001 - the same class
        self._listeners = []
        self._life = life

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` as one transaction, unless the hub is dead."""
        await asyncio.sleep(0)
        await self._life.check()
        result, topics = self._write_with_hints(fn)
        await asyncio.sleep(0)
        await self._life.check()
        for topic in topics:
            self.hint(topic)
        return result

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` read-only, unless the hub is dead."""
        await asyncio.sleep(0)
        await self._life.check()
        return self.read_now(fn)

    def close(self) -> None:
        """Forget the listeners; the engines stay."""
        self._listeners = []


class CheapWork(InlineWork):
    """Argon2id of the same form at the lowest cost: a seed does not spend its time hashing."""

    async def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` between two turns of the loop."""
        if fn in _COSTLY:
            kwargs["cost"] = _CHEAP
        return await super().run(fn, *args, **kwargs)
