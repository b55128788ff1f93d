"""The log up: a stretch of a lane is stored, takes effect and moves the cursor in one transaction, or not at all."""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync.alarms import alarm_tx
from cloud.sync.effects import EventContext, Handler, Handlers, run_effects_tx
from cloud.sync.event_log import insert_events_tx
from cloud.sync.models import event as event_table
from cloud.sync.models import lane as lane_table
from cloud.sync.wire import AnyBatch, AnyEvent
from common.contract.chain import chained, lane_names
from common.contract.protocol import START, Position, Positions
from common.contract.words import Lane
from common.kit.failpoints import fp
from common.kit.invariant import must

__all__ = ["EventContext", "Handler", "Handlers", "ingest_tx"]

# Made once: to build a statement costs as much as to run it.
_PLACE = sa.and_(
    lane_table.c.station_id == sa.bindparam("at_station"),
    lane_table.c.lane == sa.bindparam("at_lane"),
)
_HEAD = sa.select(lane_table).where(_PLACE)
_HEAD_LOCKED = _HEAD.with_for_update()
_MOVE = (
    sa.update(lane_table)
    .where(_PLACE, lane_table.c.chain == sa.bindparam("from_chain"))
    .values({name: sa.bindparam(name) for name in ("boot_epoch", "seq", "chain")})
)


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
    """The station tells another story than before, first at `at`; `head` is where the stored one stands.

    Up to `shared` both tell the same: what is stored behind it, the station does not know.
    """

    head: Position
    at: Position
    shared: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Broken:
    """The links do not add up to the chain the station claims."""


Outcome = Accepted | Gap | Fork | Broken


class _Story:
    """A batch with its links worked out: event `n` stands between `place(n - 1)` and `place(n)`."""

    def __init__(self, station_id: str, batch: AnyBatch) -> None:
        """Chain the batch from its own start."""
        self.events: Sequence[AnyEvent] = batch.events
        self._start, self._end = batch.after, batch.chain
        chain = bytes.fromhex(batch.after.chain)
        names = lane_names(station_id, batch.lane.value)
        self.chains: list[bytes] = []
        for event in batch.events:
            numbers = (event.boot_epoch, event.seq, event.occurred_at_ms)
            chain = chained(chain, names, numbers, event.type, event.v, event.body)
            self.chains.append(chain)

    def order(self, n: int) -> tuple[int, int]:
        """Return where event `n` stands, -1 for what came before the first."""
        if n < 0:
            return self._start.order
        return (self.events[n].boot_epoch, self.events[n].seq)

    def chain(self, n: int) -> str:
        """Return the chain after event `n`, -1 for the batch's start."""
        return self._start.chain if n < 0 else self.chains[n].hex()

    def place(self, n: int) -> Position:
        """Return the place just behind event `n`."""
        boot_epoch, seq = self.order(n)
        return Position(boot_epoch=boot_epoch, seq=seq, chain=self.chain(n))

    def adds_up(self) -> bool:
        """Return whether order and chain are whole."""
        before = self._start.order
        for event in self.events:
            order = (event.boot_epoch, event.seq)
            if not _follows(order, before):
                return False
            before = order
        return self.chains[-1].hex() == self._end

    def first_after(self, head: Position) -> int:
        """Return the number of the first event behind `head`; as many as there are events when none is."""
        if self._start.order == head.order:
            return 0
        orders = [self.order(n) for n in range(len(self.events))]
        return bisect.bisect_right(orders, head.order)


def ingest_tx(
    conn: Connection, station_id: str, batch: AnyBatch, received_ms: int, handlers: Handlers
) -> Outcome:
    """Store what is new of `batch`, run its effects and move the lane's cursor; the caller commits, then answers."""
    head = head_tx(conn, station_id, batch.lane, lock=True)
    story = _Story(station_id, batch)
    if not story.adds_up():
        return Broken()
    fresh = story.first_after(head)
    forked = _first_difference(conn, station_id, batch.lane, story, fresh)
    if forked is None and fresh < len(story.events):
        if story.order(fresh - 1) > head.order:
            if not batch.hole:
                return Gap(head)
            place = f"after {head.boot_epoch}/{head.seq}"
            alarm_tx(conn, station_id, f"hole.{batch.lane}", place, received_ms)
        elif not _continues(story, fresh, head):
            forked = fresh
    if forked is not None:
        boot_epoch, seq = story.order(forked)
        at = Position(boot_epoch=boot_epoch, seq=seq, chain=story.chain(forked - 1))
        alarm_tx(conn, station_id, "fork", f"{batch.lane} at {boot_epoch}/{seq}", received_ms)
        return Fork(head, at, _shared(conn, station_id, batch.lane, story, forked))
    if fresh == len(story.events):
        return Accepted(head, 0, 0)
    return _store(conn, station_id, batch.lane, story, head, received_ms, handlers)


def _store(
    conn: Connection,
    station_id: str,
    lane: Lane,
    story: _Story,
    before: Position,
    received_ms: int,
    handlers: Handlers,
) -> Accepted:
    fresh = story.first_after(before)
    events = story.events[fresh:]
    place = (station_id, lane.value)
    insert_events_tx(
        conn,
        [
            (
                *place, event.boot_epoch, event.seq, event.occurred_at_ms, received_ms,
                event.type, event.v, event.body, chain,
            )
            for event, chain in zip(events, story.chains[fresh:], strict=True)
        ],
    )  # fmt: skip
    fp("sync.hub.events_stored")
    quarantined = run_effects_tx(conn, station_id, lane, events, received_ms, handlers)
    fp("sync.hub.effects_done")
    head = story.place(len(story.events) - 1)
    _move(conn, station_id, lane, before, head)
    fp("sync.hub.cursor_moved")
    return Accepted(head, len(events), quarantined)


def _continues(story: _Story, first: int, head: Position) -> bool:
    """Return whether event `first` is what comes right behind our story."""
    return story.chain(first - 1) == head.chain and _follows(story.order(first), head.order)


def _follows(order: tuple[int, int], before: tuple[int, int]) -> bool:
    """Return whether nothing can lie between: the next number of an epoch, or the first of a later one."""
    return order == (before[0], before[1] + 1) or (order[0] > before[0] and order[1] == 1)


def _first_difference(
    conn: Connection, station_id: str, lane: Lane, story: _Story, known: int
) -> int | None:
    """Return the first of `known` events we hold with another chain, or that we should hold and do not.

    As many rows are enough: one of ours between two of theirs shows in the chain of the later one.
    """
    if not known:
        return None
    place = sa.tuple_(event_table.c.boot_epoch, event_table.c.seq)
    rows = conn.execute(
        sa.select(event_table.c.boot_epoch, event_table.c.seq, event_table.c.chain)
        .where(
            event_table.c.station_id == station_id,
            event_table.c.lane == lane.value,
            place >= sa.tuple_(*story.order(0)),
            place <= sa.tuple_(*story.order(known - 1)),
        )
        .order_by(event_table.c.boot_epoch, event_table.c.seq)
        .limit(known)
    )
    stored = {(found.boot_epoch, found.seq): bytes(found.chain) for found in rows}
    return next((n for n in range(known) if stored.get(story.order(n)) != story.chains[n]), None)


def _shared(
    conn: Connection, station_id: str, lane: Lane, story: _Story, forked: int
) -> tuple[int, int]:
    """Return the last place both stories have; the start of all when the station's own is none of ours."""
    before = story.place(forked - 1)
    if before == START or forked:
        return before.order
    known = conn.execute(
        sa.select(event_table.c.chain).where(
            event_table.c.station_id == station_id,
            event_table.c.lane == lane.value,
            event_table.c.boot_epoch == before.boot_epoch,
            event_table.c.seq == before.seq,
        )
    ).scalar_one_or_none()
    return before.order if known == _chain(before) else START.order


def head_tx(conn: Connection, station_id: str, lane: Lane, *, lock: bool = False) -> Position:
    """Return how far `lane` is stored."""
    place = {"at_station": station_id, "at_lane": lane.value}
    found = conn.execute(_HEAD_LOCKED if lock else _HEAD, place).one_or_none()
    if found is None:
        return START
    return Position(boot_epoch=found.boot_epoch, seq=found.seq, chain=bytes(found.chain).hex())


def heads_tx(conn: Connection, station_id: str) -> Positions:
    """Return how far both lanes are stored."""
    return Positions(
        facts=head_tx(conn, station_id, Lane.FACTS),
        telemetry=head_tx(conn, station_id, Lane.TELEMETRY),
    )


def _move(conn: Connection, station_id: str, lane: Lane, before: Position, head: Position) -> None:
    """Move the cursor from `before`, where it was read in this transaction, to `head`."""
    must(head.order > before.order, "I2", f"{lane} of {station_id} would go back to {head.order}")
    values = {
        "boot_epoch": head.boot_epoch,
        "seq": head.seq,
        "chain": _chain(head),
    }
    place = {"at_station": station_id, "at_lane": lane.value, "from_chain": _chain(before)}
    if before != START:
        moved = conn.execute(_MOVE, place | values).rowcount
        must(moved == 1, "I3", f"{lane} of {station_id} moved while it was held")
    else:
        conn.execute(lane_table.insert().values(station_id=station_id, lane=lane.value, **values))


def _chain(place: Position) -> bytes:
    return bytes.fromhex(place.chain)
