"""Photos and other evidence: files named by their hash, told to the hub when facts and measurements are through.

The file is durable before its row, the row before anybody may refer to it. Within a byte budget the oldest go first,
sent ones before unsent ones; one that goes unsent is an event.
"""

import asyncio
import logging
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from common.contract.events import BlobDropped
from common.contract.protocol import MAX_BLOB_BYTES, blob_digest
from common.kit.clock import Clock, to_ms
from common.kit.errors import InvalidError
from common.kit.failpoints import fp
from common.kit.invariant import must
from common.kit.sqlite import Db
from common.kit.work import Work
from edge.sync.outbox import Outbox

_log = logging.getLogger(__name__)
BUDGET_BYTES = 512 * 1024 * 1024
_PART = ".part"


@dataclass(frozen=True, slots=True)
class Blob:
    """One that the hub does not have yet."""

    digest: str
    size: int


class BlobStore:
    """The folder `blobs/` and its table."""

    def __init__(
        self,
        db: Db,
        folder: Path,
        work: Work,
        clock: Clock,
        outbox: Outbox,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        """Keep files in `folder`; reading and writing them is work."""
        self._db, self._folder, self._work = db, folder, work
        self._clock, self._outbox, self._budget = clock, outbox, budget_bytes
        self.added = asyncio.Event()
        self._left_out: set[str] = set()

    async def start(self) -> None:
        """Remove files that no row knows: a cut came between the two. Before anything is added."""
        known = await self._db.read(
            lambda conn: {str(row["digest"]) for row in conn.execute("SELECT digest FROM blob")}
        )
        try:
            await self._work.run(_sweep, self._folder, known)
        except (
            OSError
        ) as error:  # a disk that fails there must not keep the doors from being served
            _log.error("blobs that no row knows are left where they are: %s", error)

    async def add(self, content: bytes) -> str:
        """Keep `content` and return its name; the same content again is the same blob."""
        if not 0 < len(content) <= MAX_BLOB_BYTES:
            raise InvalidError("sync.blob_size", f"a blob has 1 to {MAX_BLOB_BYTES} bytes")
        digest = blob_digest(content)
        await self._work.run(_write, self._folder, digest, content)
        fp("sync.edge.blob_written")
        at_ms = to_ms(self._clock.wall())
        gone = await self._db.write(lambda conn: self._add_tx(conn, digest, len(content), at_ms))
        fp("sync.edge.blob_noted")
        await self._work.run(_remove, self._folder, gone)
        self._outbox.kick()
        self.added.set()
        return digest

    async def next(self) -> Blob | None:
        """Return the oldest that is not sent."""

        def tx(conn: sqlite3.Connection) -> Blob | None:
            rows = conn.execute(
                "SELECT digest, size FROM blob WHERE sent_at_ms IS NULL ORDER BY added_at_ms, digest"
            )
            unsent = (Blob(row["digest"], row["size"]) for row in rows)
            return next((blob for blob in unsent if blob.digest not in self._left_out), None)

        return await self._db.read(tx)

    def leave_out(self, blob: Blob) -> None:
        """Send others before this one: the disk does not give it out now; the next start tries again."""
        self._left_out.add(blob.digest)

    async def read(self, blob: Blob, start: int, count: int) -> bytes:
        """Return a part of the file; fewer bytes when it is not whole any more, OSError when the disk fails."""
        return await self._work.run(_read, self._folder / blob.digest, start, count)

    async def is_whole(self, blob: Blob) -> bool:
        """Return whether the file's bytes are still those of its name."""
        return blob_digest(await self.read(blob, 0, blob.size)) == blob.digest

    async def sent(self, blob: Blob) -> None:
        """Note that the hub has it; it stays while there is room."""
        at_ms = to_ms(self._clock.wall())
        await self._db.write(
            lambda conn: (
                conn.execute(
                    "UPDATE blob SET sent_at_ms = ? WHERE digest = ?", (at_ms, blob.digest)
                ).rowcount
            )
        )

    async def give_up(self, blob: Blob, reason: str) -> None:
        """Let go of one that the hub will never take, and say so."""
        await self._db.write(lambda conn: self._drop_tx(conn, blob, reason))
        await self._work.run(_remove, self._folder, [blob.digest])
        self._outbox.kick()

    def _add_tx(self, conn: sqlite3.Connection, digest: str, size: int, at_ms: int) -> list[str]:
        conn.execute("INSERT OR IGNORE INTO blob VALUES (?, ?, ?, NULL)", (digest, size, at_ms))
        total = int(conn.execute("SELECT coalesce(sum(size), 0) FROM blob").fetchone()[0])
        oldest = conn.execute(
            "SELECT digest, size, sent_at_ms FROM blob WHERE digest <> ?"
            " ORDER BY sent_at_ms IS NULL, added_at_ms, digest",
            (digest,),
        )
        gone: list[str] = []
        for row in oldest.fetchall() if total > self._budget else ():
            if total <= self._budget:
                break
            total -= row["size"]
            gone.append(row["digest"])
            if row["sent_at_ms"] is None:
                self._drop_tx(conn, Blob(row["digest"], row["size"]), "no room")
            else:
                conn.execute("DELETE FROM blob WHERE digest = ?", (row["digest"],))
        must(
            total <= max(size, self._budget),
            "I11",
            f"{total} bytes of blobs, {self._budget} allowed",
        )
        return gone

    def _drop_tx(self, conn: sqlite3.Connection, blob: Blob, reason: str) -> None:
        if conn.execute("DELETE FROM blob WHERE digest = ?", (blob.digest,)).rowcount:
            body = BlobDropped(digest=blob.digest, size_bytes=blob.size, reason=reason)
            self._outbox.append_tx(conn, body, occurred_at=self._clock.wall())


def _write(folder: Path, digest: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{digest}{_PART}"
    with part.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    part.replace(folder / digest)
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _read(path: Path, start: int, count: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(count)
    except FileNotFoundError:
        return b""


def _remove(folder: Path, digests: list[str]) -> None:
    for digest in digests:
        (folder / digest).unlink(missing_ok=True)


def _sweep(folder: Path, known: set[str]) -> None:
    if folder.is_dir():
        _remove(folder, [file.name for file in folder.iterdir() if file.name not in known])
