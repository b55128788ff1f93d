"""The log up: a stretch of a lane is stored, takes effect and moves the cursor in one transaction, or not at all."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync.alarms import alarm_tx
from cloud.sync.effects import EventContext, Handler, Handlers, run_effects_tx
from cloud.sync.models import event as event_table
from cloud.sync.models import lane as lane_table
from common.contract.chain import Link, next_link
from common.contract.protocol import START, EventsBatch, Position, Positions, WireEvent
from common.contract.words import Lane
from common.kit.failpoints import fp

__all__ = ["EventContext", "Handler", "Handlers", "ingest_tx"]


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
    before: tuple[int, int]
    before_chain: bytes
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
    forked = _first_difference(conn, station_id, batch.lane, head, linked)
    fresh = [entry for entry in linked if entry.order > head.order]
    if forked is None and fresh:
        if fresh[0].before > head.order:
            if not batch.hole:
                return Gap(head)
            place = f"after {head.boot_epoch}/{head.seq}"
            alarm_tx(conn, station_id, f"hole.{batch.lane}", place, received_ms)
        elif not _continues(fresh[0], head):
            forked = fresh[0]
    if forked is not None:
        at = Position(
            boot_epoch=forked.order[0], seq=forked.order[1], chain=forked.before_chain.hex()
        )
        place = f"{batch.lane} at {at.boot_epoch}/{at.seq}"
        alarm_tx(conn, station_id, "fork", place, received_ms)
        return Fork(head, at)
    if not fresh:
        return Accepted(head, 0, 0)
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
    events = (entry.event for entry in fresh)
    quarantined = run_effects_tx(conn, station_id, lane, events, received_ms, handlers)
    fp("sync.hub.effects_done")
    last = fresh[-1]
    head = Position(boot_epoch=last.order[0], seq=last.order[1], chain=last.chain.hex())
    _move(conn, station_id, lane, head)
    fp("sync.hub.cursor_moved")
    return Accepted(head, len(fresh), quarantined)


def _link(station_id: str, batch: EventsBatch) -> list[_Linked] | None:
    """Chain the batch from its own start; None when order or chain is broken."""
    before, chain = batch.after.order, bytes.fromhex(batch.after.chain)
    linked: list[_Linked] = []
    for event in batch.events:
        order = (event.boot_epoch, event.seq)
        if not _follows(order, before):
            return None
        link = Link(
            station_id, batch.lane.value, event.boot_epoch, event.seq,
            event.occurred_at_ms, event.type, event.v, event.body,
        )  # fmt: skip
        entry = _Linked(event, before, chain, next_link(chain, link))
        linked.append(entry)
        before, chain = order, entry.chain
    return linked if chain.hex() == batch.chain else None


def _continues(first: _Linked, head: Position) -> bool:
    """Return whether `first` is what comes right behind our story."""
    return first.before_chain.hex() == head.chain and _follows(first.order, head.order)


def _follows(order: tuple[int, int], before: tuple[int, int]) -> bool:
    """Return whether nothing can lie between: the next number of an epoch, or the first of a later one."""
    return order == (before[0], before[1] + 1) or (order[0] > before[0] and order[1] == 1)


def _first_difference(
    conn: Connection, station_id: str, lane: Lane, head: Position, linked: list[_Linked]
) -> _Linked | None:
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
    return next((entry for entry in known if stored.get(entry.order) != entry.chain), None)


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
