"""Stores transitions: state, event and what other rooms make of it are one transaction; memory follows the commit."""

import sqlite3
from collections.abc import Callable
from datetime import datetime

from common.contract.events import DoorChanged
from common.kit.clock import Clock, to_ms
from common.kit.errors import ConflictError
from common.kit.sqlite import Db
from edge.doors import store
from edge.doors.machine import TRANSIENT, Trigger, next_state, stored_as
from edge.doors.model import ChangeListener, DoorChange, OpenRequest
from edge.doors.watch import Watch
from edge.sync import Outbox


class Journal:
    """The newest request of every door, in memory and on disk."""

    def __init__(self, db: Db, outbox: Outbox, clock: Clock) -> None:
        """Know no request yet."""
        self.requests: dict[str, OpenRequest] = {}
        """Label → the door's newest request of this run."""
        self.changed_s: dict[str, float] = {}
        """Label → monotonic moment of that request's last step."""
        self.watch = Watch()
        self.listeners: list[ChangeListener] = []
        self._db, self._outbox, self._clock = db, outbox, clock

    def put(self, request: OpenRequest) -> OpenRequest:
        """Keep `request` in memory as its door's newest."""
        label = request.wish.compartment
        self.requests[label] = request
        self.changed_s[label] = self._clock.monotonic_s()
        self.watch.bump()
        return request

    def step(self, request: OpenRequest, trigger: Trigger) -> OpenRequest:
        """Take a step that is never stored (see `machine.TRANSIENT`)."""
        state = next_state(request.state, trigger)
        if state not in TRANSIENT:
            raise ValueError(f"{state} must be stored")
        return self.put(request.to(state))

    async def store(
        self,
        request: OpenRequest,
        trigger: Trigger,
        *,
        before: Callable[[sqlite3.Connection], None] | None = None,
    ) -> OpenRequest:
        """Take a step durably, with its event; `before` runs first in the same transaction.

        ConflictError: the stored request has moved on meanwhile; nothing is written.
        """
        state = next_state(request.state, trigger)
        at = self._clock.wall()

        def tx(conn: sqlite3.Connection) -> OpenRequest:
            stored = store.get(conn, request.open_request_id)
            if stored is None or stored.state not in stored_as(request.state):
                raise ConflictError("doors.busy", f"{request.wish.compartment} has moved on")
            if before is not None:
                before(conn)
            moved = store.move(conn, request.open_request_id, state, to_ms(at))
            self._tell_tx(conn, moved, at)
            return moved

        moved = await self._db.write(tx)
        self._outbox.kick()
        return self.put(moved)

    def event_tx(self, conn: sqlite3.Connection, request: OpenRequest, at: datetime) -> None:
        """Append `door.changed` alone."""
        wish = request.wish
        body = DoorChanged(
            open_request_id=request.open_request_id,
            compartment=wish.compartment,
            state=request.state.value,  # type: ignore[arg-type] # transient states never come here
            actor_kind=wish.actor_kind,
            actor_id=wish.actor_id,
            purpose=wish.purpose,
            reason=wish.reason,
            grant_id=wish.grant_id,
            pulse_number=request.pulses,
        )
        self._outbox.append_tx(conn, body, occurred_at=at)

    def _tell_tx(self, conn: sqlite3.Connection, request: OpenRequest, at: datetime) -> None:
        """Append the event and call the listeners, inside the transaction that stored the state."""
        self.event_tx(conn, request, at)
        change = DoorChange(
            request.open_request_id,
            request.wish.compartment,
            request.state,
            request.pulses,
            request.wish,
            at,
        )
        for listener in self.listeners:
            listener(conn, change)
