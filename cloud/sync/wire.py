"""A batch of events off the wire: decoded by msgspec, which is several times quicker than the contract's models.

The contract (`common.contract.protocol`) stays the law: what does not fit here is read again by its model, which
refuses with the place or accepts; a test holds the two against each other.
"""

import re
from typing import Annotated

import msgspec

from cloud.sync.http import message_of
from common.contract import protocol
from common.contract.words import Lane

_MOST = 2**53 - 1
_MS_END = 253_370_764_800_000
_TYPE = re.compile(r"[a-z][a-z0-9_.]{0,63}\Z")
_CHAIN = re.compile(r"[0-9a-f]{64}\Z")

Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]


class Place(msgspec.Struct, frozen=True, gc=False):
    """`protocol.Position`."""

    boot_epoch: Count
    seq: Count
    chain: str

    @property
    def order(self) -> tuple[int, int]:
        """Where it stands in its lane."""
        return (self.boot_epoch, self.seq)


class Event(msgspec.Struct, frozen=True, gc=False):
    """`protocol.WireEvent`."""

    boot_epoch: Count
    seq: Annotated[int, msgspec.Meta(ge=1, le=_MOST)]
    occurred_at_ms: Annotated[int, msgspec.Meta(ge=0, lt=_MS_END)]
    type: str
    body: str
    v: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1


class Batch(msgspec.Struct, frozen=True, gc=False):
    """`protocol.EventsBatch`."""

    lane: Lane
    after: Place
    events: Annotated[
        tuple[Event, ...], msgspec.Meta(min_length=1, max_length=protocol.MAX_BATCH_EVENTS)
    ]
    chain: str
    hole: bool = False


AnyEvent = Event | protocol.WireEvent
AnyBatch = Batch | protocol.EventsBatch
_decoder = msgspec.json.Decoder(Batch)


def read_batch(body: bytes) -> AnyBatch:
    """Return the batch; InvalidError names the place that does not fit."""
    try:
        body.decode()  # msgspec passes over what stands in fields it does not know, be it no text at all
        batch = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return message_of(protocol.EventsBatch, body)
    return batch if _fits(batch, body) else message_of(protocol.EventsBatch, body)


def _fits(batch: Batch, body: bytes) -> bool:
    """Check what a type cannot say: patterns and lengths of texts."""
    return (
        _CHAIN.match(batch.chain) is not None
        and _CHAIN.match(batch.after.chain) is not None
        and all(_TYPE.match(kind) for kind in {event.type for event in batch.events})
        # JSON can say a NUL in this way only, and a text is no longer than the message it stands in
        and b"\\u0000" not in body
        and len(body) <= protocol.MAX_BODY_CHARS
    )
