"""Blobs of stations: parts gather beside, the whole is checked against its name, and only then it counts as stored.

Files lie under `blobs/` of the data folder (several workers share it); rows say whose they are, for the quota.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync.models import blob as blob_table
from common.contract.protocol import (
    BLOB_PART_BYTES,
    MAX_BLOB_BYTES,
    BlobAnswer,
    blob_digest,
)
from common.kit.errors import InvalidError, RefusedError, UnavailableError
from common.kit.failpoints import fp
from common.kit.sqldb import SqlDb
from common.kit.work import Work

QUOTA_BYTES = 1024 * 1024 * 1024
"""What one station may store."""
_SPAN = re.compile(r"bytes (?:(\d{1,12})-(\d{1,12})|\*)/(\d{1,12})\Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Span:
    """Which bytes of a blob a request carries; none for a question how far the hub is."""

    start: int
    count: int
    total: int

    @classmethod
    def read(cls, header: str, body: bytes) -> "Span":
        """Return the span of a `Content-Range`; InvalidError when it does not fit the body."""
        found = _SPAN.match(header)
        if found is None:
            raise InvalidError("sync.blob_range", "Content-Range: bytes first-last/total")
        total = int(found[3])
        if not 0 < total <= MAX_BLOB_BYTES:
            raise InvalidError("sync.blob_size", f"a blob has 1 to {MAX_BLOB_BYTES} bytes")
        if found[1] is None:
            if body:
                raise InvalidError("sync.blob_range", "a question carries no bytes")
            return cls(0, 0, total)
        start, count = int(found[1]), int(found[2]) - int(found[1]) + 1
        if count != len(body) or not 0 < count <= BLOB_PART_BYTES or start + count > total:
            raise InvalidError("sync.blob_range", "the range does not fit body and total")
        return cls(start, count, total)


class Shelf:
    """Takes parts, keeps wholes."""

    def __init__(self, db: SqlDb, folder: Path, work: Work, quota_bytes: int = QUOTA_BYTES) -> None:
        """Keep files in `folder`."""
        self._db, self._folder, self._work = db, folder, work
        self.quota_bytes = quota_bytes
        self._busy: set[str] = set()

    async def put(
        self, station_id: str, digest: str, span: Span, body: bytes, at_ms: int
    ) -> BlobAnswer:
        """Take a part and say how far the blob is; what is complete has been verified and is durable."""
        if _DIGEST.match(digest) is None:
            raise InvalidError("sync.blob_range", "a blob is named by 64 hexadecimal digits")
        with self._alone(station_id):
            used = await self._db.read(lambda conn: used_tx(conn, station_id))
            if (size := used.get(digest)) is not None:
                return BlobAnswer(received=size, complete=True)
            if sum(used.values()) + span.total > self.quota_bytes:
                raise RefusedError("sync.blob_quota", "the station's room at the hub is full")
            part = self._folder / "parts" / station_id / digest
            received = await self._work.run(_append, part, span, body)
            fp("sync.hub.blob_part_stored")
            if received < span.total:
                return BlobAnswer(received=received, complete=False)
            whole = place_of(self._folder, digest)
            if not await self._work.run(_finish, part, whole, digest):
                raise InvalidError("sync.blob_damaged", "the bytes are not what their name says")
            fp("sync.hub.blob_whole")
            row: dict[str, str | int] = {
                "station_id": station_id, "digest": digest, "size": span.total, "at_ms": at_ms,
            }  # fmt: skip
            await self._db.write(lambda conn: put_row_tx(conn, row))
            return BlobAnswer(received=span.total, complete=True)

    @contextmanager
    def _alone(self, station_id: str) -> Iterator[None]:
        if station_id in self._busy:
            raise UnavailableError("sync.busy", "a part of this station is being stored", wait_s=1)
        self._busy.add(station_id)
        try:
            yield
        finally:
            self._busy.discard(station_id)


def place_of(folder: Path, digest: str) -> Path:
    """Return where below `folder` the whole blob lies."""
    return folder / digest[:2] / digest


def used_tx(conn: Connection, station_id: str) -> dict[str, int]:
    """Return the station's blobs and their sizes."""
    columns = blob_table.c
    rows = conn.execute(
        sa.select(columns.digest, columns.size).where(columns.station_id == station_id)
    )
    return {str(digest): int(size) for digest, size in rows}


def put_row_tx(conn: Connection, row: dict[str, str | int]) -> None:
    """Note a whole blob; a second worker may have done it."""
    if row["digest"] not in used_tx(conn, str(row["station_id"])):
        conn.execute(blob_table.insert().values(row))


def _append(part: Path, span: Span, body: bytes) -> int:
    """Append `body` where it belongs, durably, and return how far the blob is; a part elsewhere changes nothing."""
    received = part.stat().st_size if part.exists() else 0
    if received > span.total:
        part.unlink()
        received = 0
    if not span.count or span.start != received:
        return received
    part.parent.mkdir(parents=True, exist_ok=True)
    if not received:
        for other in part.parent.iterdir():  # one unfinished blob a station
            other.unlink()
    with part.open("ab") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())
    return received + span.count


def _finish(part: Path, whole: Path, digest: str) -> bool:
    """Move a part whose bytes are those of its name to the wholes; False, and gone, when they are not."""
    if blob_digest(part.read_bytes()) != digest:
        part.unlink()
        return False
    whole.parent.mkdir(parents=True, exist_ok=True)
    part.replace(whole)
    place = os.open(whole.parent, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
    return True
