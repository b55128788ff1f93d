"""The log up: a stretch of a lane is stored, takes effect and moves the cursor in one transaction, or not at all.

An event's effects run in a savepoint; when they fail the event is kept, quarantined and still acknowledged.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from cloud.sync.models import alarm as alarm_table
from cloud.sync.models import event as event_table
from cloud.sync.models import lane as lane_table
from cloud.sync.models import quarantine as quarantine_table
from common.contract.base import Message
from common.contract.chain import Link, next_link
from common.contract.events import EVENT_TYPES
from common.contract.protocol import START, EventsBatch, Position, Positions, WireEvent
from common.contract.words import Lane
from common.kit.clock import from_ms
from common.kit.failpoints import fp

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EventContext:
    """Where and when an event happened; order in a lane is `(boot_epoch, seq)`, never the wall clock."""

    station_id: str
    lane: Lane
    boot_epoch: int
    seq: int
    occurred_at: datetime
    received_at: datetime


Handler = Callable[[Connection, EventContext, Message], None]
Handlers = Mapping[str, Sequence[Handler]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """Everything up to `head` is stored; `fresh` were new, `quarantined` of them had no effect."""

    head: Position
    fresh: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Events before this batch are missing here: send from `head` on."""

    head: Position


@dataclass(frozen=True, slots=True)
class Fork:
    """The station tells another story than before, first at `at`; `head` is where the stored one stands."""

    head: Position
    at: Position


@dataclass(frozen=True, slots=True)
class Broken:
    """The links do not add up to the chain the station claims."""


Outcome = Accepted | Gap | Fork | Broken


@dataclass(frozen=True, slots=True)
class _Linked:
    event: WireEvent
    before: Position
    chain: bytes

    @property
    def order(self) -> tuple[int, int]:
        return (self.event.boot_epoch, self.event.seq)


def ingest_tx(
    conn: Connection, station_id: str, batch: EventsBatch, received_ms: int, handlers: Handlers
) -> Outcome:
    """Store what is new of `batch`, run its effects and move the lane's cursor; the caller commits, then answers."""
    head = head_tx(conn, station_id, batch.lane, lock=True)
    linked = _link(station_id, batch)
    if linked is None:
        return Broken()
    if (forked := _first_difference(conn, station_id, batch.lane, head, linked)) is not None:
        alarm_tx(
            conn,
            station_id,
            "fork",
            f"{batch.lane} at {forked.boot_epoch}/{forked.seq}",
            received_ms,
        )
        return Fork(head, forked)
    fresh = [entry for entry in linked if entry.order > head.order]
    if not fresh:
        return Accepted(head, 0, 0)
    before = fresh[0].before
    if before.order > head.order:
        if not batch.hole:
            return Gap(head)
        alarm_tx(
            conn,
            station_id,
            f"hole.{batch.lane}",
            f"after {head.boot_epoch}/{head.seq}",
            received_ms,
        )
    elif before.chain != head.chain or not _follows(fresh[0].order, head.order):
        at = Position(
            boot_epoch=fresh[0].event.boot_epoch, seq=fresh[0].event.seq, chain=before.chain
        )
        alarm_tx(conn, station_id, "fork", f"{batch.lane} at {at.boot_epoch}/{at.seq}", received_ms)
        return Fork(head, at)
    return _store(conn, station_id, batch.lane, fresh, received_ms, handlers)


def _store(
    conn: Connection,
    station_id: str,
    lane: Lane,
    fresh: list[_Linked],
    received_ms: int,
    handlers: Handlers,
) -> Accepted:
    conn.execute(
        event_table.insert(), [_row(station_id, lane, entry, received_ms) for entry in fresh]
    )
    fp("sync.hub.events_stored")
    quarantined = 0
    for entry in fresh:
        if not _take_effect(conn, station_id, lane, entry.event, received_ms, handlers):
            quarantined += 1
    fp("sync.hub.effects_done")
    last = fresh[-1]
    head = Position(boot_epoch=last.event.boot_epoch, seq=last.event.seq, chain=last.chain.hex())
    _move(conn, station_id, lane, head)
    fp("sync.hub.cursor_moved")
    return Accepted(head, len(fresh), quarantined)


def _link(station_id: str, batch: EventsBatch) -> list[_Linked] | None:
    """Chain the batch from its own start; None when order or chain is broken."""
    before, chain = batch.after, bytes.fromhex(batch.after.chain)
    linked: list[_Linked] = []
    for event in batch.events:
        order = (event.boot_epoch, event.seq)
        if not _follows(order, before.order):
            return None
        chain = next_link(
            chain,
            Link(
                station_id, batch.lane.value, event.boot_epoch, event.seq,
                event.occurred_at_ms, event.type, event.v, event.body,
            ),
        )  # fmt: skip
        linked.append(_Linked(event, before, chain))
        before = Position(boot_epoch=event.boot_epoch, seq=event.seq, chain=chain.hex())
    return linked if before.chain == batch.chain else None


def _follows(order: tuple[int, int], before: tuple[int, int]) -> bool:
    """Return whether nothing can lie between: the next number of an epoch, or the first of a later one."""
    return order == (before[0], before[1] + 1) or (order[0] > before[0] and order[1] == 1)


def _first_difference(
    conn: Connection, station_id: str, lane: Lane, head: Position, linked: list[_Linked]
) -> Position | None:
    """Return the first event we hold with another chain, or that we should hold and do not."""
    known = [entry for entry in linked if entry.order <= head.order]
    if not known:
        return None
    place = sa.tuple_(event_table.c.boot_epoch, event_table.c.seq)
    rows = conn.execute(
        sa.select(event_table.c.boot_epoch, event_table.c.seq, event_table.c.chain).where(
            event_table.c.station_id == station_id,
            event_table.c.lane == lane.value,
            place >= sa.tuple_(*known[0].order),
            place <= sa.tuple_(*known[-1].order),
        )
    )
    stored = {(found.boot_epoch, found.seq): bytes(found.chain) for found in rows}
    for entry in known:
        if stored.get(entry.order) != entry.chain:
            return Position(boot_epoch=entry.order[0], seq=entry.order[1], chain=entry.before.chain)
    return None


def _take_effect(
    conn: Connection,
    station_id: str,
    lane: Lane,
    event: WireEvent,
    received_ms: int,
    handlers: Handlers,
) -> bool:
    """Run the handlers of one event in a savepoint; False when it was quarantined instead."""
    known = EVENT_TYPES.get(event.type)
    todo = handlers.get(event.type, ())
    if known is None:
        return True
    context = EventContext(
        station_id, lane, event.boot_epoch, event.seq,
        from_ms(event.occurred_at_ms), from_ms(received_ms),
    )  # fmt: skip
    try:
        body = known[1].model_validate_json(event.body)
        if todo:
            with conn.begin_nested():
                for handler in todo:
                    handler(conn, context, body)
    except DBAPIError as error:
        if not isinstance(error, IntegrityError | DataError | ProgrammingError):
            raise  # the database's trouble, not the event's: the whole batch comes again
        _quarantine(conn, context, event, error)
        return False
    except Exception as error:  # noqa: BLE001 - whatever a handler does, the lane must go on
        _quarantine(conn, context, event, error)
        return False
    return True


def _quarantine(
    conn: Connection, context: EventContext, event: WireEvent, error: Exception
) -> None:
    _log.error(
        "event %s %s/%s of station %s quarantined",
        event.type, event.boot_epoch, event.seq, context.station_id, exc_info=error,
    )  # fmt: skip
    conn.execute(
        quarantine_table.insert().values(
            station_id=context.station_id, lane=context.lane.value, boot_epoch=event.boot_epoch,
            seq=event.seq, type=event.type, at_ms=round(context.received_at.timestamp() * 1000),
            reason=f"{type(error).__name__}: {error}".replace("\0", "")[:2000],
        )
    )  # fmt: skip


def _row(station_id: str, lane: Lane, entry: _Linked, received_ms: int) -> dict[str, object]:
    event = entry.event
    return {
        "station_id": station_id, "lane": lane.value, "boot_epoch": event.boot_epoch,
        "seq": event.seq, "occurred_at_ms": event.occurred_at_ms, "received_at_ms": received_ms,
        "type": event.type, "v": event.v, "body": event.body, "chain": entry.chain,
    }  # fmt: skip


def head_tx(conn: Connection, station_id: str, lane: Lane, *, lock: bool = False) -> Position:
    """Return how far `lane` is stored."""
    query = sa.select(lane_table).where(
        lane_table.c.station_id == station_id, lane_table.c.lane == lane.value
    )
    found = conn.execute(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        return START
    return Position(boot_epoch=found.boot_epoch, seq=found.seq, chain=bytes(found.chain).hex())


def heads_tx(conn: Connection, station_id: str) -> Positions:
    """Return how far both lanes are stored."""
    return Positions(
        facts=head_tx(conn, station_id, Lane.FACTS),
        telemetry=head_tx(conn, station_id, Lane.TELEMETRY),
    )


def _move(conn: Connection, station_id: str, lane: Lane, head: Position) -> None:
    values = {
        "boot_epoch": head.boot_epoch,
        "seq": head.seq,
        "chain": bytes.fromhex(head.chain),
    }
    place = sa.and_(lane_table.c.station_id == station_id, lane_table.c.lane == lane.value)
    if conn.execute(sa.update(lane_table).where(place).values(values)).rowcount == 0:
        conn.execute(lane_table.insert().values(station_id=station_id, lane=lane.value, **values))


def alarm_tx(conn: Connection, station_id: str, kind: str, detail: str, at_ms: int) -> None:
    """Note that something about a station needs a person's eye; the same again only counts up."""
    place = sa.and_(alarm_table.c.station_id == station_id, alarm_table.c.kind == kind)
    again = {"detail": detail, "times": alarm_table.c.times + 1, "last_at_ms": at_ms}
    if conn.execute(sa.update(alarm_table).where(place).values(again)).rowcount == 0:
        conn.execute(
            alarm_table.insert().values(
                station_id=station_id, kind=kind, detail=detail, times=1,
                first_at_ms=at_ms, last_at_ms=at_ms,
            )
        )  # fmt: skip
