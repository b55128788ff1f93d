"""`linli hub backup --blobs DIR`: the photos that rows of the database name, each file checked against its name.

A blob never changes and is named by its content, so a folder that has some of them is completed, not written anew.
"""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from cloud.config import HubConfig
from cloud.sync.blobs import place_of
from cloud.sync.models import blob as blob_table
from common.contract.protocol import blob_digest
from common.kit.durable import write_whole
from common.kit.errors import ConflictError
from common.kit.sqldb import SqlDb

_TELL_EVERY = 500


def backup_blobs(config: HubConfig, out: Path, tell: Callable[[str], None]) -> int:
    """Complete the folder `out` and return how many blobs it now has; run it after the database was copied.

    ConflictError names blobs that are missing or damaged at the hub, after all others were copied.
    """
    digests = _named(config)
    bad = []
    for number, digest in enumerate(digests, 1):
        source, target = place_of(config.hub.data / "blobs", digest), place_of(out, digest)
        if not _is_copied(source, target, digest):
            bad.append(digest)
        if number % _TELL_EVERY == 0:
            tell(f"{number} of {len(digests)} photos")
    if bad:
        raise ConflictError(
            "backup.blobs_damaged",
            f"{len(bad)} of {len(digests)} photos are missing or damaged at the hub, the others are copied: "
            + ", ".join(bad[:5]),
        )
    return len(digests)


def _named(config: HubConfig) -> list[str]:
    db = SqlDb(config.database_url(), inline=True)
    try:
        query = sa.select(blob_table.c.digest).distinct().order_by(blob_table.c.digest)
        return [str(digest) for digest in db.read_now(lambda conn: conn.scalars(query).all())]
    finally:
        db.close()


def _is_copied(source: Path, target: Path, digest: str) -> bool:
    """Return whether `target` holds the blob now; what lies there damaged is written anew."""
    if target.exists() and blob_digest(target.read_bytes()) == digest:
        return True
    content = source.read_bytes() if source.exists() else b""
    if blob_digest(content) != digest:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, content)
    return True
