"""Reads out of a damaged database whatever still reads, table by table and row by row.

Its bad pages are full of ones (`PageSums.restore`), so what SQLite still returns comes from pages that were proven.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Key = tuple[object, ...]
_MADE_ANEW = ("replica_", "sqlite_", "_sqlite_", "sync_shadow", "sync_projection")
_UNREADABLE = (sqlite3.DatabaseError, OverflowError)


@dataclass(slots=True)
class Rescued:
    """One table: its rows by key, and whether none is missing."""

    columns: tuple[str, ...]
    rows: dict[Key, tuple[object, ...]] = field(default_factory=dict)
    whole: bool = True

    def column(self, name: str) -> list[object]:
        """Return the values of one column."""
        place = self.columns.index(name) if self.rows else 0
        return [row[place] for row in self.rows.values()]

    def records(self) -> Iterator[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows.values())


@dataclass(frozen=True, slots=True)
class Table:
    """What a table's rows are told apart by: its key, or its place where it has none."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    has_rowid: bool


def tables(conn: sqlite3.Connection) -> tuple[Table, ...]:
    """Return the tables worth saving; those that are made anew from others are left out."""
    names = [
        str(row[0])
        for row in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    ]
    return tuple(_table(conn, name) for name in names if not name.startswith(_MADE_ANEW))


def rescue(conn: sqlite3.Connection, table: Table, known: Iterable[Key] = ()) -> Rescued:
    """Return what still reads of `table`: from both ends up to the damage, and the `known` keys between."""
    found = Rescued(table.columns)
    if _sweep(conn, table, found, ""):
        return found
    found.whole = False
    _sweep(conn, table, found, " DESC")
    where = " AND ".join(f'"{name}" = ?' for name in table.key)
    for key in known:
        if key not in found.rows:
            with contextlib.suppress(*_UNREADABLE):
                for row in conn.execute(f"{_select(table)} WHERE {where}", key):
                    _keep(table, found, row)
    return found


def _sweep(conn: sqlite3.Connection, table: Table, found: Rescued, direction: str) -> bool:
    """Read in the order of the pages until the first damage; return whether there was none."""
    names = ("rowid",) if table.has_rowid else table.key
    order = ", ".join(f'"{name}"{direction}' for name in names)
    try:
        # The table itself: an index may be damaged where its table is not, or lead past rows.
        for row in conn.execute(f"{_select(table)} NOT INDEXED ORDER BY {order}"):
            _keep(table, found, row)
    except _UNREADABLE:
        return False
    return True


def _keep(table: Table, found: Rescued, row: tuple[object, ...]) -> None:
    values = tuple(row[1:])
    places = [table.columns.index(name) for name in table.key]
    key = tuple(values[place] for place in places) or (row[0],)
    found.rows[key] = values


def _select(table: Table) -> str:
    names = ", ".join(f'"{name}"' for name in table.columns)
    place = "rowid" if table.has_rowid else "0"
    return f'SELECT {place}, {names} FROM "{table.name}"'  # noqa: S608 - names of our schema


def _table(conn: sqlite3.Connection, name: str) -> Table:
    info = conn.execute(f'PRAGMA table_info("{name}")').fetchall()
    sql = str(conn.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0])
    keys = sorted((int(row[5]), str(row[1])) for row in info if row[5])
    columns = tuple(str(row[1]) for row in info)
    return Table(name, columns, tuple(key for _, key in keys), "WITHOUT ROWID" not in sql.upper())
