"""What could be saved of every table: out of the damaged file, and of the newest sound copy where that is silent."""

import contextlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.contract.chain import Link, next_link
from common.contract.words import Lane
from edge.salvage.rows import Key, Rescued, Table, rescue, tables

Record = dict[str, Any]
LINKED = ("boot_epoch", "seq", "occurred_at_ms", "type", "v", "body")
"""The columns of an event that its link covers, in their order."""
_ASKED_MOST = 100_000


@dataclass(slots=True)
class Stock:
    """Rows by table: `proven` ones come from pages that were proven, `older` ones from the copy."""

    proven: dict[str, Rescued] = field(default_factory=dict)
    older: dict[str, Rescued] = field(default_factory=dict)
    layout: dict[str, Table] = field(default_factory=dict)
    readable: bool = False
    """Whether the damaged file still says which tables it had."""

    def is_whole(self, *names: str) -> bool:
        """Tell whether every row of these tables is proven."""
        return self.readable and all(
            name not in self.layout or (name in self.proven and self.proven[name].whole)
            for name in names
        )

    def holed(self) -> tuple[str, ...]:
        """Return the tables that lack rows."""
        return tuple(name for name in sorted(self.layout) if not self.is_whole(name))

    def records(self, name: str) -> list[Record]:
        """Return the proven rows of a table."""
        return list(self.proven[name].records()) if name in self.proven else []

    def missing(self, name: str) -> list[Record]:
        """Return the copy's rows of a table that lacks rows, without those that are proven."""
        if self.is_whole(name) or name not in self.older:
            return []
        older, held = self.older[name], self.proven.get(name)
        known = held.rows if held else {}
        return [
            dict(zip(older.columns, row, strict=True))
            for key, row in older.rows.items()
            if key not in known
        ]


def take_stock(restored: Path | None, copy: Path | None) -> Stock:
    """Read both files; either may be missing or say nothing at all."""
    stock = Stock()
    if copy is not None:
        _read(copy, stock.older, stock.layout, {})
    known = {name: found.rows for name, found in stock.older.items()}
    if restored is not None:
        stock.readable = _read(restored, stock.proven, stock.layout, known)
    return stock


def add_chained(stock: Stock, damaged: Path, station_id: str) -> None:
    """Add the events of a file without sums that prove themselves: each link must follow from the one before."""
    found: dict[str, Rescued] = {}
    if not _read(damaged, found, stock.layout, {}) or "outbox" not in found:
        return
    rows = {(row["lane"], int(row["n"])): row for row in found["outbox"].records()}
    held = stock.older.setdefault("outbox", Rescued(found["outbox"].columns))
    for (lane, n), row in sorted(rows.items()):
        before = rows.get((lane, n - 1))
        link = Link(station_id, lane, *(row[name] for name in LINKED))
        if before is not None and next_link(before["chain"], link) == row["chain"]:
            held.rows.setdefault((lane, n), tuple(row.values()))


def _read(
    path: Path,
    into: dict[str, Rescued],
    layout: dict[str, Table],
    known: dict[str, dict[Key, tuple[object, ...]]],
) -> bool:
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as conn:
            for table in tables(conn):
                layout[table.name] = table
                keys = list(known.get(table.name, ()))
                if table.name == "outbox":
                    keys += _numbers(conn)
                into[table.name] = rescue(conn, table, keys)
    except sqlite3.DatabaseError:  # not even its table of contents reads
        into.clear()
        return False
    return True


def _numbers(conn: sqlite3.Connection) -> list[Key]:
    """Return every number an event may have: they are asked for one by one between two holes."""
    keys: list[Key] = []
    for lane in Lane:
        with contextlib.suppress(sqlite3.DatabaseError):
            for row in conn.execute("SELECT n FROM sync_lane WHERE lane = ?", (lane.value,)):
                keys += [(lane.value, n) for n in range(max(1, row[0] - _ASKED_MOST), row[0] + 1)]
    return keys
