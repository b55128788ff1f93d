"""What the station said to its databases: every transaction as the real store committed it, statement by statement.

`TapedDb` is the store with a connection that writes down what it is asked. Its commits take their time, so that
functions gather in groups as they do behind a real disk, and go through the store's own group commit.
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar, cast

from common.kit.sqlite import Fn, SqliteDb

T = TypeVar("T")
Values = Sequence[Any] | Mapping[str, Any]
Statement = tuple[str, Values]
Transaction = tuple[Statement, ...]
Rows = dict[str, list[tuple[object, ...]]]
"""Every row by table."""
_SLOWEST_COMMIT_S = 0.02
_ENDS = ("COMMIT", "ROLLBACK")


@dataclass(slots=True)
class Tape:
    """One database over several runs of the daemon: a list of transactions a run."""

    path: Path
    runs: list[list[Transaction]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the file's name."""
        return self.path.name


class _Heard:
    """The store's writing connection, with a tape running."""

    def __init__(self, connection: sqlite3.Connection, run: list[Transaction]) -> None:
        self._connection, self._run = connection, run
        self._said: list[Statement] = []

    def execute(self, sql: str, values: Values = ()) -> sqlite3.Cursor:
        self._said.append((sql, values))
        cursor = self._connection.execute(sql, values)
        if sql in _ENDS:
            self._run.append(tuple(self._said))
            self._said = []
        return cursor

    def executemany(self, sql: str, rows: Iterable[Values]) -> sqlite3.Cursor:
        every = list(rows)
        self._said += [(sql, values) for values in every]
        return self._connection.executemany(sql, every)

    def __getattr__(self, name: str) -> Any:
        if name in ("cursor", "executescript", "commit", "rollback"):
            raise AttributeError(f"the tape does not hear Connection.{name}")
        return getattr(self._connection, name)


class TapedDb(SqliteDb):
    """Inline store that groups like the threaded one and writes down what it says."""

    def __init__(self, path: Path, tape: Tape, jitter: Random) -> None:
        """Open `path` for one run of the daemon."""
        super().__init__(path, inline=True, synchronous="OFF")
        self._jitter = jitter
        tape.runs.append([])
        self._rw = cast("sqlite3.Connection", _Heard(self._rw, tape.runs[-1]))

    async def write(self, fn: Fn[T]) -> T:
        """Run `fn` in the next group."""
        wait_s = self._jitter.uniform(0.0, _SLOWEST_COMMIT_S)
        asyncio.get_running_loop().call_later(wait_s, self._commit_waiting)
        return await self._submit(self._writes, fn)

    def close(self) -> None:
        """Commit what waits, then close."""
        while not self._closed and not self._writes.empty():
            self._commit_waiting()
        super().close()

    def _commit_waiting(self) -> None:
        first = None if self._writes.empty() else self._writes.get()
        if first is not None:
            group, _ = self._collect(first)
            self._commit_group(group)


def dump(connection: sqlite3.Connection) -> Rows:
    """Return every row of every table, and the schema: what must be equal."""
    connection.row_factory = None
    schema = connection.execute(
        "SELECT name, type, sql FROM sqlite_schema ORDER BY type, name"
    ).fetchall()
    names = [name for name, kind, _ in schema if kind == "table"]
    rows = {
        name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr)  # noqa: S608 - from the schema
        for name in names
    }
    return {"": schema, **rows}
