"""Batches as a station would send them, without a station."""

from collections.abc import Sequence

from common.contract.base import Message
from common.contract.chain import Link, next_link
from common.contract.events import DoorUnexpected, type_of
from common.contract.protocol import START, EventsBatch, Position, WireEvent
from common.contract.words import Lane

STATION = "01JZ0000000000000000000001"
OTHER = "01JZ0000000000000000000002"
AT_MS = 1_780_000_000_000


def door(label: str) -> DoorUnexpected:
    return DoorUnexpected(compartment=label, open=True)


def event(body: Message, seq: int, boot_epoch: int = 1) -> WireEvent:
    return WireEvent(
        boot_epoch=boot_epoch, seq=seq, occurred_at_ms=AT_MS + seq,
        type=type_of(body), body=body.model_dump_json(),
    )  # fmt: skip


def doors(*labels: str, first: int = 1, boot_epoch: int = 1) -> list[WireEvent]:
    return [event(door(label), first + at, boot_epoch) for at, label in enumerate(labels)]


def batch(
    events: Sequence[WireEvent],
    after: Position = START,
    *,
    hole: bool = False,
    lane: Lane = Lane.FACTS,
    station_id: str = STATION,
) -> EventsBatch:
    chain = bytes.fromhex(after.chain)
    for one in events:
        link = Link(
            station_id, lane.value, one.boot_epoch, one.seq,
            one.occurred_at_ms, one.type, one.v, one.body,
        )  # fmt: skip
        chain = next_link(chain, link)
    return EventsBatch(lane=lane, after=after, hole=hole, events=tuple(events), chain=chain.hex())


def end_of(sent: EventsBatch) -> Position:
    last = sent.events[-1]
    return Position(boot_epoch=last.boot_epoch, seq=last.seq, chain=sent.chain)
