"""The hub's door for stations: rows and commands go down, events come up; it knows no domain.

Domains put rows and subscribe to event types; both happen inside their own transactions.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync import claims, feed
from cloud.sync.alarms import Alarm, alarms_tx
from cloud.sync.claims import Claim
from cloud.sync.forks import ForkHandler, Forks
from cloud.sync.ingest import EventContext, Handler, heads_tx
from cloud.sync.models import event as event_table
from cloud.sync.models import station as station_table
from common.contract.base import Message
from common.contract.events import EVENT_TYPES, ReplicaApplied
from common.contract.protocol import Hello
from common.kit.errors import ConflictError
from common.kit.sqldb import hint_tx


@dataclass(frozen=True, slots=True)
class StationSyncStatus:
    """How a station stands with the hub."""

    station_id: str
    last_heard_ms: int | None
    head_op: int
    applied_op: int
    facts_acked: tuple[int, int]  # (boot_epoch, seq)
    telemetry_acked: tuple[int, int]
    backlog_facts: int
    backlog_telemetry: int
    oldest_s: int | None
    boot_epoch: int
    clock_offset_ms: int
    app_version: str
    paired: bool
    certificate_until_ms: int | None

    @property
    def lag_ops(self) -> int:
        """Ops the station has not applied yet."""
        return self.head_op - self.applied_op


@dataclass(frozen=True, slots=True)
class EventCursor:
    """A place in a station's events, newest first."""

    received_at_ms: int
    lane: str
    boot_epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event of the log, its body as the station sent it."""

    lane: str
    boot_epoch: int
    seq: int
    occurred_at_ms: int
    received_at_ms: int
    type: str
    v: int
    body: str

    @property
    def cursor(self) -> EventCursor:
        """The place just behind this event."""
        return EventCursor(self.received_at_ms, self.lane, self.boot_epoch, self.seq)


class Gateway:
    """What domains call; `cloud.sync.server` adds HTTP."""

    def __init__(self) -> None:
        """Start with the one effect that is sync's own: what a station has applied."""
        self.handlers: dict[str, list[Handler]] = {}
        self.on_hello: list[Callable[[Hello], None]] = []
        self.forks = Forks()
        self.on_event("replica.applied", _note_applied)

    def on_event(
        self, event_type: str, handler: Callable[[Connection, EventContext, Message], None]
    ) -> None:
        """Run `handler` for every event of the type, in the transaction that moves the cursor."""
        if event_type not in EVENT_TYPES:
            raise ValueError(f"no event type {event_type!r}")
        self.handlers.setdefault(event_type, []).append(handler)

    def on_fork(self, event_types: Iterable[str], handler: ForkHandler) -> None:
        """Tell `handler` the facts of these types that a station does not know of itself any more."""
        self.forks.on_fork(event_types, handler)

    def register_station_tx(self, conn: Connection, station_id: str, public_key: bytes) -> None:
        """Let the holder of `public_key` speak for the station; another key starts a new line of sessions."""
        feed.ensure_station_tx(conn, station_id)
        state = feed.station_tx(conn, station_id, lock=True)
        if state.public_key == public_key:
            return
        if state.revoked_key == public_key:
            raise ConflictError("station.key_revoked", "this key was revoked: make a new one")
        self._new_key_tx(conn, station_id, public_key=public_key)

    def revoke_key_tx(self, conn: Connection, station_id: str) -> None:
        """Let nobody speak for the station until it is paired with a new key; polls in progress end.

        Every request reads the key from the database, so each worker refuses the next one; a held poll looks
        again at this commit's hint, and at the latest at its own end, within `MAX_WAIT_S`.
        """
        state = feed.station_tx(conn, station_id, lock=True)
        if state.public_key is None:
            raise ConflictError("station.not_paired", "the station has no key to revoke")
        self._new_key_tx(conn, station_id, public_key=None, revoked_key=state.public_key)
        hint_tx(conn, f"station:{station_id}")

    def _new_key_tx(self, conn: Connection, station_id: str, **keys: bytes | None) -> None:
        """Start a new line of sessions with this key, or none."""
        nobody = dict.fromkeys(
            ("install_id", "hello_id", "hello_from", "run_id", "certificate_until_ms")
        )
        conn.execute(
            sa.update(station_table)
            .where(station_table.c.station_id == station_id)
            .values(**keys, **nobody, session=0)
        )
        claims.forget_tx(conn, station_id)

    def put_row_tx(self, conn: Connection, station_id: str, table: str, row: Message) -> int:
        """Give the station `row` and return the op; equal rows keep the op they have."""
        return feed.put_row_tx(conn, station_id, table, row)

    def delete_row_tx(self, conn: Connection, station_id: str, table: str, key: str) -> int:
        """Take the row away and return the op."""
        return feed.delete_row_tx(conn, station_id, table, key)

    def applied_op_tx(self, conn: Connection, station_id: str) -> int:
        """Return the op up to which everything rules at the station; 0 for an unknown one."""
        found = conn.execute(
            sa.select(station_table.c.applied_op).where(station_table.c.station_id == station_id)
        ).scalar_one_or_none()
        return int(found or 0)

    def new_generation_tx(self, conn: Connection, station_id: str) -> int:
        """Make the station take a whole new snapshot; for restores and repairs."""
        return feed.new_generation_tx(conn, station_id)

    def alarms_tx(self, conn: Connection, station_id: str) -> tuple[Alarm, ...]:
        """Return what needs a person's eye at this station, the newest first."""
        return alarms_tx(conn, station_id)

    def claims_tx(self, conn: Connection, station_id: str) -> tuple[Claim, ...]:
        """Return the daemons with this station's key that were turned away."""
        return claims.claims_tx(conn, station_id)

    def admit_tx(self, conn: Connection, station_id: str, hello_id: str) -> None:
        """Let one of them speak from its next hello on; the one that speaks now is turned away then."""
        claims.admit_tx(conn, station_id, hello_id)

    def station_status_tx(self, conn: Connection, station_id: str) -> StationSyncStatus:
        """Return how the station stands; NotFoundError for one that has no row here."""
        state = feed.station_tx(conn, station_id)
        acked = heads_tx(conn, station_id)
        return StationSyncStatus(
            station_id=station_id,
            last_heard_ms=state.last_heard_ms,
            head_op=state.head_op,
            applied_op=state.applied_op,
            facts_acked=acked.facts.order,
            telemetry_acked=acked.telemetry.order,
            backlog_facts=state.backlog_facts,
            backlog_telemetry=state.backlog_telemetry,
            oldest_s=state.oldest_s,
            boot_epoch=state.boot_epoch,
            clock_offset_ms=state.clock_offset_ms,
            app_version=state.app_version,
            paired=state.public_key is not None,
            certificate_until_ms=state.certificate_until_ms,
        )

    def events_tx(
        self,
        conn: Connection,
        station_id: str,
        *,
        before: EventCursor | None = None,
        limit: int = 50,
        lane: str | None = None,
        type_: str | None = None,
    ) -> list[StoredEvent]:
        """Return the newest events behind `before`, of one lane and type if they are named, newest first."""
        columns = event_table.c
        order = (columns.received_at_ms, columns.lane, columns.boot_epoch, columns.seq)
        query = sa.select(
            columns.lane, columns.boot_epoch, columns.seq, columns.occurred_at_ms,
            columns.received_at_ms, columns.type, columns.v, columns.body,
        ).where(columns.station_id == station_id)  # fmt: skip
        if before is not None:
            place = (before.received_at_ms, before.lane, before.boot_epoch, before.seq)
            query = query.where(sa.tuple_(*order) < sa.tuple_(*place))
        if lane is not None:
            query = query.where(columns.lane == lane)
        if type_ is not None:
            query = query.where(columns.type == type_)
        rows = conn.execute(query.order_by(*(part.desc() for part in order)).limit(limit))
        return [StoredEvent(*found) for found in rows]


def _note_applied(conn: Connection, context: EventContext, body: Message) -> None:
    if not isinstance(body, ReplicaApplied):
        raise TypeError(f"replica.applied with a {type(body).__name__}")
    columns = station_table.c
    conn.execute(
        sa.update(station_table)
        .where(
            columns.station_id == context.station_id,
            columns.gen == body.gen,
            columns.head_op >= body.op,
            columns.applied_op < body.op,
        )
        .values(applied_op=body.op)
    )
