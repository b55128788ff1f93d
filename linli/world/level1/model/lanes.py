"""The model's log up (reference sync F.3): a stretch of a lane is stored, takes effect and moves the cursor at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from common.contract.base import Message
from common.contract.chain import Link, next_link
from common.contract.events import EVENT_TYPES
from common.contract.protocol import START, EventsAck, EventsBatch, Position, WireEvent
from common.contract.words import Lane
from common.kit.errors import ConflictError, InvalidError, LinliError
from common.kit.failpoints import fp as passes
from linli.world.level1.model.books import Books, Stored


@dataclass(frozen=True, slots=True)
class Happened:
    """Where and when an event happened."""

    lane: Lane
    boot_epoch: int
    seq: int
    at_ms: int
    received_ms: int
    station_id: str

    @property
    def source(self) -> str:
        """Its name behind an entry of a story."""
        return f"event/{self.station_id}/{self.lane.value}/{self.boot_epoch}/{self.seq}"


Effect = Callable[[Books, Happened, Message], None]
Spot = tuple[int, int]
"""Boot epoch and seq."""


class Lanes:
    """Takes batches; `effects` are by event type, `on_fork` hears which facts the station does not know of."""

    def __init__(
        self,
        station_id: str,
        effects: dict[str, Effect],
        on_fork: Callable[[Books, list[Stored]], None],
    ) -> None:
        """Take what the one station sends."""
        self._station_id, self._effects, self._on_fork = station_id, effects, on_fork
        self._told: tuple[Position, Spot] | None = None

    def take(self, books: Books, batch: EventsBatch, received_ms: int) -> EventsAck | LinliError:
        """Return the acknowledgement or the refusal; the books may be kept either way."""
        try:
            return self._take(books, batch, received_ms)
        except (ConflictError, InvalidError) as error:
            return error

    def _take(self, books: Books, batch: EventsBatch, received_ms: int) -> EventsAck | LinliError:
        head, lane = books.heads[batch.lane], batch.lane
        places = self._linked(batch)
        fresh = sum(place.order <= head.order for place in places[1:])
        if places[0].order == head.order:
            fresh = 0
        forked = self._first_difference(books, lane, places, fresh)
        if forked is None and fresh < len(batch.events):
            before = places[fresh]
            if before.order > head.order:
                if not batch.hole:
                    _gap(head)
                books.odd[f"hole.{lane}"] = f"after {head.order}"
            elif before.chain != head.chain or not _follows(places[fresh + 1].order, head.order):
                forked = fresh
        if forked is not None:
            return self._forked(books, lane, head, places, forked)
        if fresh == len(batch.events):
            return EventsAck(acked=head, quarantined=0)
        return self._store(books, batch, places, fresh, received_ms)

    def _linked(self, batch: EventsBatch) -> list[Position]:
        """Return the place before the first event and behind each; the links must add up."""
        places, chain = [batch.after], bytes.fromhex(batch.after.chain)
        for event in batch.events:
            link = Link(
                self._station_id, batch.lane.value, event.boot_epoch, event.seq,
                event.occurred_at_ms, event.type, event.v, event.body,
            )  # fmt: skip
            chain = next_link(chain, link)
            place = Position(boot_epoch=event.boot_epoch, seq=event.seq, chain=chain.hex())
            if not _follows(place.order, places[-1].order):
                _broken()
            places.append(place)
        if places[-1].chain != batch.chain:
            _broken()
        return places

    def _first_difference(
        self, books: Books, lane: Lane, places: list[Position], known: int
    ) -> int | None:
        for number in range(known):
            place = places[number + 1]
            stored = books.events.get((lane.value, *place.order))
            if stored is None or stored.chain.hex() != place.chain:
                return number
        return None

    def _forked(
        self, books: Books, lane: Lane, head: Position, places: list[Position], forked: int
    ) -> ConflictError:
        at = places[forked + 1].order
        books.odd["fork"] = f"{lane} at {at}"
        if lane is Lane.FACTS:
            self._tell(books, head, _shared(books, lane, places[forked], forked))
        return ConflictError(
            "sync.fork", "the hub holds another story from there on",
            at_epoch=at[0], at_seq=at[1], **_head(head),
        )  # fmt: skip

    def _tell(self, books: Books, head: Position, shared: Spot) -> None:
        """Let a fork take effect, unless one at the same head and no later place did since the hub was started."""
        if self._told is None or self._told[0] != head or self._told[1] > shared:
            self._on_fork(books, _behind(books, Lane.FACTS, shared))
            self._told = (head, shared)

    def _store(
        self,
        books: Books,
        batch: EventsBatch,
        places: list[Position],
        fresh: int,
        received_ms: int,
    ) -> EventsAck:
        events = batch.events[fresh:]
        for event, place in zip(events, places[fresh + 1 :], strict=True):
            stored = Stored(event.type, event.body, bytes.fromhex(place.chain))
            books.events[batch.lane.value, event.boot_epoch, event.seq] = stored
        passes("sync.hub.events_stored")
        quarantined = sum(not self._affect(books, batch.lane, one, received_ms) for one in events)
        passes("sync.hub.effects_done")
        books.heads[batch.lane] = places[-1]
        passes("sync.hub.cursor_moved")
        return EventsAck(acked=places[-1], quarantined=quarantined)

    def _affect(self, books: Books, lane: Lane, event: WireEvent, received_ms: int) -> bool:
        """Run one event's effect; what it raises leaves the event kept, without effect."""
        effect = self._effects.get(event.type)
        if effect is None:
            return True
        happened = Happened(
            lane, event.boot_epoch, event.seq, event.occurred_at_ms, received_ms, self._station_id
        )
        trial = books if effect is shown else books.draft()
        try:
            effect(trial, happened, EVENT_TYPES[event.type][1].model_validate_json(event.body))
        except Exception as error:  # noqa: BLE001 - whatever an effect does, the lane must go on
            books.odd[f"quarantined {happened.source}"] = f"{event.type}: {error!r}"
            return False
        if trial is not books:
            _adopt(books, trial)
        return True


def shown(*_: object) -> None:
    """Be the effect of a fact that only a screen of the hub shows: it must be readable, nothing else."""


def _adopt(books: Books, trial: Books) -> None:
    for name in Books.__slots__:
        setattr(books, name, getattr(trial, name))


def _follows(order: Spot, before: Spot) -> bool:
    """Return whether nothing can lie between."""
    return order == (before[0], before[1] + 1) or (order[0] > before[0] and order[1] == 1)


def _shared(books: Books, lane: Lane, before: Position, forked: int) -> Spot:
    """Return the last place both stories have."""
    if before == START or forked:
        return before.order
    stored = books.events.get((lane.value, *before.order))
    known = stored is not None and stored.chain.hex() == before.chain
    return before.order if known else START.order


def _behind(books: Books, lane: Lane, place: Spot) -> list[Stored]:
    return [
        one
        for (name, epoch, seq), one in sorted(books.events.items())
        if name == lane.value and (epoch, seq) > place
    ]


def _head(head: Position) -> dict[str, str | int]:
    return {"head_epoch": head.boot_epoch, "head_seq": head.seq, "head_chain": head.chain}


def _gap(head: Position) -> NoReturn:
    raise ConflictError("sync.gap", "events before these are missing", **_head(head))


def _broken() -> NoReturn:
    raise InvalidError("sync.chain_broken", "the links do not add up to the chain")
