"""The log down: rows the hub owns, kept verbatim under one digest, and shown to the rooms as `replica_*` tables.

The verbatim rows are the truth; a room's table is a projection that is rebuilt when its definition changes.
"""

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from common.contract.base import Message
from common.contract.digest import EMPTY, moved, row_hash, segment_of
from common.contract.events import ReplicaApplied
from common.contract.replica import REPLICA_TABLES, row_key
from common.kit.clock import Clock
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from edge.sync.outbox import Outbox

_log = logging.getLogger(__name__)
_UNREADABLE = (ValueError, sqlite3.IntegrityError)


@dataclass(frozen=True, slots=True)
class ReplicaTable:
    """How a room keeps one replica table: `ddl` makes `replica_<name>`, `put` upserts, `delete` removes by key."""

    name: str
    ddl: tuple[str, ...]
    put: Callable[[sqlite3.Connection, Message], None]
    delete: Callable[[sqlite3.Connection, str], None]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the replica stands."""

    gen: int
    op: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """One row to put, or to delete when `body` is None."""

    table: str
    key: str
    body: str | None


class DigestMismatch(Exception):
    """The rows here would not be the hub's rows: nothing was committed."""


class Replica:
    """Applies what the hub sent, whole pages at a time."""

    def __init__(self, db: Db, outbox: Outbox, clock: Clock) -> None:
        """Report through `outbox`; register every table before `prepare`."""
        self.on_applied: list[Callable[[], None]] = []
        self._db, self._outbox, self._clock = db, outbox, clock
        self._tables: dict[str, ReplicaTable] = {}

    def register(self, table: ReplicaTable) -> None:
        """Let `table` follow the rows of its name."""
        if table.name not in REPLICA_TABLES:
            raise ValueError(f"no row model for replica table {table.name!r}")
        self._tables[table.name] = table

    def prepare_tx(self, conn: sqlite3.Connection) -> None:
        """Make every registered table, anew where its definition changed; before rooms read them."""
        for name, table in sorted(self._tables.items()):
            fingerprint = _fingerprint(table)
            known = conn.execute(
                "SELECT fingerprint FROM sync_projection WHERE tbl = ?", (name,)
            ).fetchone()
            if known is not None and known["fingerprint"] == fingerprint:
                continue
            conn.execute(f'DROP TABLE IF EXISTS "replica_{name}"')
            for statement in table.ddl:
                conn.execute(statement)
            rows = conn.execute("SELECT key, body FROM sync_row WHERE tbl = ?", (name,)).fetchall()
            self._project_tx(conn, [Change(name, row["key"], row["body"]) for row in rows])
            conn.execute(
                "INSERT OR REPLACE INTO sync_projection VALUES (?, ?)", (name, fingerprint)
            )

        # A damaged file must show in the digest, or the hub would believe the rows are whole.
        conn.execute("UPDATE sync_self SET digest = ?", (digest_tx(conn),))

    async def prepare(self) -> None:
        """Run `prepare_tx`."""
        await self._db.write(self.prepare_tx)

    async def cursor(self) -> Cursor:
        """Return where the replica stands."""
        return await self._db.read(cursor_tx)

    def put_tx(self, conn: sqlite3.Connection, table: str, row: Message) -> None:
        """Put one row without moving the cursor: for tests and tools of the rooms."""
        self._change_tx(conn, [Change(table, row_key(table, row), row.model_dump_json())])

    def delete_tx(self, conn: sqlite3.Connection, table: str, key: str) -> None:
        """Delete one row without moving the cursor: for tests and tools of the rooms."""
        self._change_tx(conn, [Change(table, key, None)])

    async def apply(self, start: Cursor, end: Cursor, changes: Iterable[Change]) -> bool:
        """Move from `start` to `end` by ops; False when the replica was not at `start` any more.

        Raises DigestMismatch, with nothing changed, when the rows would not have the digest of `end`.
        """
        todo = tuple(changes)

        def change_tx(conn: sqlite3.Connection) -> None:
            if self._change_tx(conn, todo, start.digest) != end.digest:
                raise DigestMismatch(f"digest differs at op {end.op} of generation {end.gen}")

        return await self._move(start, end, change_tx)

    async def replace(
        self,
        start: Cursor,
        end: Cursor,
        changes_tx: Callable[[sqlite3.Connection], list[Change]],
        finish_tx: Callable[[sqlite3.Connection], None],
    ) -> bool:
        """Move from `start` to `end` by what `changes_tx` finds different; `finish_tx` verifies and may raise."""

        def change_tx(conn: sqlite3.Connection) -> None:
            self._change_tx(conn, changes_tx(conn))
            finish_tx(conn)

        return await self._move(start, end, change_tx)

    async def _move(
        self, start: Cursor, end: Cursor, change_tx: Callable[[sqlite3.Connection], None]
    ) -> bool:
        """Rows, cursor and the event that tells of it: one transaction."""
        occurred_at = self._clock.wall()

        def tx(conn: sqlite3.Connection) -> bool:
            if cursor_tx(conn) != start:
                return False
            change_tx(conn)
            fp("sync.edge.rows_applied")
            move_cursor_tx(conn, end)
            applied = ReplicaApplied(gen=end.gen, op=end.op)
            self._outbox.append_tx(conn, applied, occurred_at=occurred_at)
            return True

        moved_on = await self._db.write(tx)
        fp("sync.edge.ops_committed")
        if moved_on:
            self._outbox.kick()
            for wake in self.on_applied:
                wake()
        return moved_on

    def _change_tx(
        self, conn: sqlite3.Connection, changes: Sequence[Change], digest: bytes = EMPTY
    ) -> bytes:
        """Store and project `changes` in order; return what `digest` becomes by them."""
        held: dict[tuple[str, str], bytes | None] = {}
        last: dict[tuple[str, str], Change] = {}
        for change in changes:
            place = (change.table, change.key)
            old = held[place] if place in held else _hash_tx(conn, place)
            new = None if change.body is None else row_hash(*place, change.body)
            digest = moved(digest, removed=old, added=new)
            held[place], last[place] = new, change
        conn.executemany(
            "INSERT OR REPLACE INTO sync_row VALUES (?, ?, ?, ?, ?)",
            [
                (*place, change.body, held[place], segment_of(*place))
                for place, change in last.items()
                if change.body is not None
            ],
        )
        conn.executemany(
            "DELETE FROM sync_row WHERE tbl = ? AND key = ?",
            [place for place, change in last.items() if change.body is None],
        )
        self._project_tx(conn, list(last.values()))
        return digest

    def _project_tx(self, conn: sqlite3.Connection, changes: Sequence[Change]) -> None:
        """Show `changes` in the rooms' tables, all in one savepoint when none fails, as is usual."""
        conn.execute("SAVEPOINT projections")
        try:
            for change in changes:
                self._put_or_delete(conn, change)
        except _UNREADABLE:
            conn.execute("ROLLBACK TO projections")
            for change in changes:
                self._project_alone_tx(conn, change)
        conn.execute("RELEASE projections")

    def _project_alone_tx(self, conn: sqlite3.Connection, change: Change) -> None:
        """Show one change. A row this release cannot read must not stop the others: it is absent."""
        conn.execute("SAVEPOINT projection")
        try:
            self._put_or_delete(conn, change)
        except _UNREADABLE as error:
            conn.execute("ROLLBACK TO projection")
            self._tables[change.table].delete(conn, change.key)
            kind = type(error).__name__  # its text would quote the row
            _log.error("row %s of table %s cannot be read here: %s", change.key, change.table, kind)
        conn.execute("RELEASE projection")

    def _put_or_delete(self, conn: sqlite3.Connection, change: Change) -> None:
        table = self._tables.get(change.table)
        if table is None:
            return
        if change.body is None:
            table.delete(conn, change.key)
        else:
            table.put(conn, REPLICA_TABLES[change.table].model_validate_json(change.body))


def _hash_tx(conn: sqlite3.Connection, place: tuple[str, str]) -> bytes | None:
    row = conn.execute("SELECT hash FROM sync_row WHERE tbl = ? AND key = ?", place).fetchone()
    return None if row is None else bytes(row[0])


def cursor_tx(conn: sqlite3.Connection) -> Cursor:
    """Return the replica's place."""
    row = conn.execute("SELECT gen, op, digest FROM sync_self").fetchone()
    return Cursor(row["gen"], row["op"], row["digest"])


def move_cursor_tx(conn: sqlite3.Connection, to: Cursor) -> None:
    """Set the replica's place."""
    conn.execute("UPDATE sync_self SET gen = ?, op = ?, digest = ?", (to.gen, to.op, to.digest))


def digest_tx(conn: sqlite3.Connection) -> bytes:
    """Return the digest of all rows, from their texts."""
    digest = EMPTY
    for row in conn.execute("SELECT tbl, key, body FROM sync_row"):
        added = row_hash(row["tbl"], row["key"], row["body"])
        digest = moved(digest, removed=None, added=added)
    return digest


def _fingerprint(table: ReplicaTable) -> str:
    """Name the shape of a projection: its statements and its row model's fields."""
    fields = sorted(REPLICA_TABLES[table.name].model_fields)
    return hashlib.sha256("\n".join((*table.ddl, *fields)).encode()).hexdigest()
