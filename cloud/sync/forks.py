"""A forked station: the domains hear which facts it does not know of itself any more, once, and cannot stop the answer.

Without the answer the station stays shut for codes. The log may be long and the hub has one writer: only the types a
domain asked for are read, a page at a time.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync.alarms import alarm_tx
from cloud.sync.effects import raise_if_the_databases_own
from cloud.sync.ingest import Fork
from cloud.sync.models import event as event_table
from common.contract.protocol import Position
from common.contract.words import Lane

FAILED = "fork.handler"
"""Kind of the alarm when a domain did not get through: what the station forgot may still open there."""
PAGE_ROWS = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ForgottenFact:
    """A fact its station does not know of itself, its body as it came."""

    boot_epoch: int
    seq: int
    type: str
    body: str


ForkHandler = Callable[[Connection, str, Iterable[ForgottenFact]], None]
"""Gets the facts in the order of the station's story; they are read while it asks for them."""


class Forks:
    """Who hears of forks."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._handlers: list[tuple[tuple[str, ...], ForkHandler]] = []

    def on_fork(self, event_types: Iterable[str], handler: ForkHandler) -> None:
        """Tell `handler` the forgotten facts of these types."""
        self._handlers.append((tuple(sorted(event_types)), handler))

    def tell_tx(
        self, conn: Connection, station_id: str, shared: tuple[int, int], at_ms: int
    ) -> bool:
        """Tell every domain what is stored behind `shared`; False when one failed, which a person is told."""
        told = [
            _tell_tx(conn, station_id, at_ms, handler, facts_tx(conn, station_id, shared, types))
            for types, handler in self._handlers
        ]
        return all(told)


class Told:
    """Which forks need not be told again: same log, and nothing behind an earlier place than was told.

    Kept by a process, not in the database: to tell it twice is only work.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._told: dict[str, tuple[Position, tuple[int, int]]] = {}

    def covers(self, station_id: str, fork: Fork) -> bool:
        """Return whether all of this was told and committed."""
        told = self._told.get(station_id)
        return told is not None and told[0] == fork.head and told[1] <= fork.shared

    def note(self, station_id: str, fork: Fork) -> None:
        """Remember a fork whose telling is committed."""
        self._told[station_id] = (fork.head, fork.shared)


def facts_tx(
    conn: Connection, station_id: str, place: tuple[int, int], types: tuple[str, ...]
) -> Iterator[ForgottenFact]:
    """Yield the facts of `types` stored behind `place`, in their order, a page at a time."""
    columns = event_table.c
    page = (
        sa.select(*(columns[name] for name in ForgottenFact.__dataclass_fields__))
        .where(
            columns.station_id == station_id,
            columns.lane == Lane.FACTS.value,
            columns.type.in_(types),
        )
        .order_by(columns.boot_epoch, columns.seq)
        .limit(PAGE_ROWS)
    )
    order = sa.tuple_(columns.boot_epoch, columns.seq)
    while True:
        rows = conn.execute(page.where(order > sa.tuple_(*place))).all()
        yield from (ForgottenFact(*row) for row in rows)
        if len(rows) < PAGE_ROWS:
            return
        place = (rows[-1].boot_epoch, rows[-1].seq)


def _tell_tx(
    conn: Connection,
    station_id: str,
    at_ms: int,
    handler: ForkHandler,
    facts: Iterator[ForgottenFact],
) -> bool:
    """Call the handler in a savepoint."""
    try:
        with conn.begin_nested():
            handler(conn, station_id, facts)
    except Exception as error:  # noqa: BLE001 - whatever a domain does, the station is answered
        raise_if_the_databases_own(error)
        _log.exception("station %s forked, and a handler failed over it", station_id)
        said = f"{type(error).__name__}: {error}".replace("\0", "")[:2000]
        alarm_tx(conn, station_id, FAILED, said, at_ms)
        return False
    return True
