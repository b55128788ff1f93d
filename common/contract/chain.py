"""The hash chain of an outbox lane: every link covers one event and the link before it.

BLAKE2b over length-prefixed fields; the first link of a boot epoch covers the last of the one before.
"""

import hashlib
import struct
from dataclasses import dataclass

CHAIN_BYTES = 32
GENESIS = bytes(CHAIN_BYTES)
"""What the very first event of a lane is chained to."""
_PERSON = b"linli/chain/1"


@dataclass(frozen=True, slots=True)
class Link:
    """The fields of one event that its link covers; `body` is the exact text that is stored and sent."""

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
    state = hashlib.blake2b(digest_size=CHAIN_BYTES, person=_PERSON)
    for field in (
        previous,
        link.station_id.encode(),
        link.lane.encode(),
        _number(link.boot_epoch),
        _number(link.seq),
        _number(link.occurred_at_ms),
        link.type.encode(),
        _number(link.v),
        link.body.encode(),
    ):
        state.update(struct.pack(">I", len(field)))
        state.update(field)
    return state.digest()


def _number(value: int) -> bytes:
    return struct.pack(">Q", value)
