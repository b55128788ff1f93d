"""What events do: handlers of the domains, kept from stopping a lane.

An event whose effects fail is kept, quarantined and still acknowledged.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from cloud.sync.models import quarantine as quarantine_table
from cloud.sync.wire import AnyEvent
from common.contract.base import Message
from common.contract.events import EVENT_TYPES
from common.contract.words import Lane
from common.kit.clock import from_ms, to_ms

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


def run_effects_tx(
    conn: Connection,
    station_id: str,
    lane: Lane,
    events: Iterable[AnyEvent],
    received_ms: int,
    handlers: Handlers,
) -> int:
    """Run the handlers of `events` in order; return how many events were quarantined instead.

    An event that nobody handles has no effect that could fail: its body stays as it came. All others share one
    savepoint when none fails, as is usual; else it is rolled back and each gets its own.
    """
    received_at = from_ms(received_ms)
    todo = [
        (_context(station_id, lane, event, received_at), event)
        for event in events
        if event.type in handlers
    ]
    if not todo:
        return 0
    try:
        with conn.begin_nested():
            for context, event in todo:
                _dispatch(conn, context, event, handlers)
    except Exception as error:  # noqa: BLE001 - told apart below
        raise_if_the_databases_own(error)
        return sum(not _alone(conn, context, event, handlers) for context, event in todo)
    return 0


def _alone(conn: Connection, context: EventContext, event: AnyEvent, handlers: Handlers) -> bool:
    try:
        with conn.begin_nested():
            _dispatch(conn, context, event, handlers)
    except Exception as error:  # noqa: BLE001 - whatever a handler does, the lane must go on
        raise_if_the_databases_own(error)
        _quarantine(conn, context, event, error)
        return False
    return True


def _dispatch(conn: Connection, context: EventContext, event: AnyEvent, handlers: Handlers) -> None:
    body = EVENT_TYPES[event.type][1].model_validate_json(event.body)
    for handler in handlers[event.type]:
        handler(conn, context, body)


def raise_if_the_databases_own(error: Exception) -> None:
    """Let the database's own trouble (a serialization failure, a lost server) rise: the whole batch comes again."""
    if isinstance(error, DBAPIError) and not isinstance(
        error, IntegrityError | DataError | ProgrammingError
    ):
        raise error


def _context(station_id: str, lane: Lane, event: AnyEvent, received_at: datetime) -> EventContext:
    return EventContext(
        station_id, lane, event.boot_epoch, event.seq, from_ms(event.occurred_at_ms), received_at
    )


def _quarantine(conn: Connection, context: EventContext, event: AnyEvent, error: Exception) -> None:
    _log.error(
        "event %s %s/%s of station %s quarantined",
        event.type, event.boot_epoch, event.seq, context.station_id, exc_info=error,
    )  # fmt: skip
    conn.execute(
        quarantine_table.insert().values(
            station_id=context.station_id, lane=context.lane.value, boot_epoch=event.boot_epoch,
            seq=event.seq, type=event.type, at_ms=to_ms(context.received_at),
            reason=f"{type(error).__name__}: {error}".replace("\0", "")[:2000],
        )
    )  # fmt: skip
