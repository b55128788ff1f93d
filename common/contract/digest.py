"""The additive digest of a replica: a sum of row hashes, so a put or a delete costs one hash, whatever the size.

Both sides hash the exact text of a row, so a station that does not know a new field still agrees with its hub.
"""

import hashlib
import struct

DIGEST_BYTES = 16
EMPTY = bytes(DIGEST_BYTES)
"""The digest of no rows."""
SEGMENTS = 256
_MODULUS = 1 << (8 * DIGEST_BYTES)
_PERSON = b"linli/row/1"
_LENGTH = struct.Struct(">I")


def row_hash(table: str, key: str, body: str) -> bytes:
    """Return the 16-byte hash of one row."""
    fields = (table.encode(), key.encode(), body.encode())
    covered = b"".join(_LENGTH.pack(len(field)) + field for field in fields)
    return hashlib.blake2b(covered, digest_size=DIGEST_BYTES, person=_PERSON).digest()


def moved(digest: bytes, *, removed: bytes | None, added: bytes | None) -> bytes:
    """Return `digest` after the row with hash `removed` left and the one with hash `added` came."""
    total = int.from_bytes(digest, "big")
    if removed is not None:
        total -= int.from_bytes(removed, "big")
    if added is not None:
        total += int.from_bytes(added, "big")
    return (total % _MODULUS).to_bytes(DIGEST_BYTES, "big")


def segment_of(table: str, key: str) -> int:
    """Return which of the 256 segments a row belongs to; it depends on the key only."""
    return hashlib.blake2b(f"{table}\0{key}".encode(), digest_size=1, person=_PERSON).digest()[0]
