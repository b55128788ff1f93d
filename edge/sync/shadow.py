"""A replica snapshot gathers beside the replica, and takes its place in one verified transaction."""

import sqlite3
from collections.abc import Iterable, Sequence

from common.contract.digest import EMPTY, SEGMENTS, moved, row_hash, segment_of
from common.contract.protocol import SnapshotRow
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from edge.sync.replica import Change, Cursor, DigestMismatch, Replica, digest_tx

_MOST_SEGMENTS = SEGMENTS // 2  # beyond this, fetching all costs less than listing them


class Shadow:
    """The rows of an unfinished snapshot; they survive nothing and show nowhere."""

    def __init__(self, db: Db, replica: Replica) -> None:
        """Gather for `replica`."""
        self._db, self._replica = db, replica

    async def differing(self, theirs: Sequence[str]) -> tuple[int, ...] | None:
        """Return the segments whose digests differ from the hub's; None when it is better to fetch all."""
        mine = await self._db.read(segments_tx)
        if len(theirs) != SEGMENTS or all(part == EMPTY for part in mine):
            return None
        differ = tuple(
            number
            for number, (ours, other) in enumerate(zip(mine, theirs, strict=True))
            if ours.hex() != other
        )
        return None if len(differ) > _MOST_SEGMENTS else differ

    async def clear(self) -> None:
        """Start an empty snapshot."""
        await self._db.write(lambda conn: conn.execute("DELETE FROM sync_shadow").rowcount)

    async def add(self, rows: Iterable[SnapshotRow]) -> None:
        """Store one page."""
        values = [
            (
                row.table, row.key, row.body,
                row_hash(row.table, row.key, row.body), segment_of(row.table, row.key),
            )
            for row in rows
        ]  # fmt: skip
        await self._db.write(
            lambda conn: (
                conn.executemany(
                    "INSERT OR REPLACE INTO sync_shadow VALUES (?, ?, ?, ?, ?)", values
                ).rowcount
            )
        )

    async def swap(self, start: Cursor, end: Cursor, segments: tuple[int, ...] | None) -> None:
        """Make the replica what the shadow says (in `segments`, or everywhere) and stand at `end`.

        Only rows that differ are touched. DigestMismatch, with nothing changed, when that is not the hub's state.
        """

        def changes_tx(conn: sqlite3.Connection) -> list[Change]:
            where, numbers = "", tuple(segments or ())
            if segments is not None:
                where = f" AND r.segment IN ({','.join('?' * len(numbers))})"
            gone = conn.execute(
                "SELECT r.tbl, r.key FROM sync_row r LEFT JOIN sync_shadow s USING (tbl, key)"  # noqa: S608 - marks only
                f" WHERE s.key IS NULL{where} ORDER BY r.tbl, r.key",
                numbers,
            ).fetchall()
            new = conn.execute(
                "SELECT s.tbl, s.key, s.body FROM sync_shadow s LEFT JOIN sync_row r USING (tbl, key)"
                " WHERE r.key IS NULL OR r.body <> s.body OR r.hash <> s.hash ORDER BY s.tbl, s.key"
            ).fetchall()
            return [Change(row["tbl"], row["key"], None) for row in gone] + [
                Change(row["tbl"], row["key"], row["body"]) for row in new
            ]

        def finish_tx(conn: sqlite3.Connection) -> None:
            if digest_tx(conn) != end.digest:
                raise DigestMismatch(f"snapshot differs at op {end.op} of generation {end.gen}")
            conn.execute("DELETE FROM sync_shadow")
            fp("sync.edge.snapshot_swapped")

        await self._replica.replace(start, end, changes_tx, finish_tx)


def segments_tx(conn: sqlite3.Connection) -> list[bytes]:
    """Return the digest of every segment, from the rows' texts."""
    digests = [EMPTY] * SEGMENTS
    for row in conn.execute("SELECT tbl, key, body FROM sync_row"):
        number = segment_of(row["tbl"], row["key"])
        added = row_hash(row["tbl"], row["key"], row["body"])
        digests[number] = moved(digests[number], removed=None, added=added)
    return digests
