"""The hash chain of an outbox lane: every link covers one event and the link before it.

BLAKE2b over length-prefixed fields; the first link of a boot epoch covers the last of the one before.
"""

import functools
import hashlib
import struct
from typing import NamedTuple

CHAIN_BYTES = 32
GENESIS = bytes(CHAIN_BYTES)
"""What the very first event of a lane is chained to."""
_PERSON = b"linli/chain/1"
# Every field stands behind its length in four bytes; a number is eight bytes.
_LENGTH = struct.Struct(">I")
_NUMBERS = struct.Struct(">IQIQIQI")
_VERSION = struct.Struct(">IQI")


class Link(NamedTuple):
    """The fields of one event that its link covers; `body` is the exact text that is stored and sent.

    A tuple, since every fact of a station makes one: a frozen dataclass takes four times as long.
    """

    station_id: str
    lane: str
    boot_epoch: int
    seq: int
    occurred_at_ms: int
    type: str
    v: int
    body: str


def next_link(previous: bytes, link: Link) -> bytes:
    """Return the 32-byte chain value of `link` after `previous`."""
    names = lane_names(link.station_id, link.lane)
    numbers = (link.boot_epoch, link.seq, link.occurred_at_ms)
    return chained(previous, names, numbers, link.type, link.v, link.body)


def chained(
    previous: bytes, names: bytes, numbers: tuple[int, int, int], kind: str, v: int, body: str
) -> bytes:
    """Do the work of `next_link` for those who have many: `names` once a lane, the fields as they come."""
    type_, text = kind.encode(), body.encode()
    boot_epoch, seq, occurred_at_ms = numbers
    head = _NUMBERS.pack(8, boot_epoch, 8, seq, 8, occurred_at_ms, len(type_))
    version = _VERSION.pack(8, v, len(text))
    covered = b"".join((_LENGTH.pack(len(previous)), previous, names, head, type_, version, text))
    return hashlib.blake2b(covered, digest_size=CHAIN_BYTES, person=_PERSON).digest()


@functools.lru_cache(maxsize=4096)
def lane_names(station_id: str, lane: str) -> bytes:
    """Return station and lane with their lengths: the same for every link of a lane."""
    parts = (station_id.encode(), lane.encode())
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)
