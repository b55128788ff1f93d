"""One lane's way up: batch, post, acknowledge; and what to do when the hub tells another story."""

import asyncio
import logging
import sqlite3

from common.contract.protocol import (
    EVENTS_PATH,
    EventsAck,
    EventsBatch,
    Position,
    Positions,
    Problem,
)
from common.contract.words import Lane
from common.kit.clock import Clock, to_ms
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from edge.sync import lanes
from edge.sync.client import HubAway, HubClient, HubRefused
from edge.sync.contact import Backoff, Contact
from edge.sync.fence import Why
from edge.sync.outbox import Outbox
from edge.sync.pace import Pace
from edge.sync.sense import is_epoch_near

_log = logging.getLogger(__name__)
_LINGER_S = {Lane.FACTS: 0.0, Lane.TELEMETRY: 1.0}
"""Facts go at once; the minutes of all zones end together and travel in one post."""


class Uplink:
    """Sends one lane, in order, a batch at a time."""

    def __init__(
        self, lane: Lane, db: Db, outbox: Outbox, contact: Contact, clock: Clock, backoff: Backoff
    ) -> None:
        """Send `lane` of `outbox`."""
        self._lane, self._db, self._outbox = lane, db, outbox
        self._contact, self._clock, self._backoff = contact, clock, backoff
        self._pace = Pace()
        self._bell = outbox.listen()

    async def run(self, client: HubClient) -> None:
        """Send whenever there is something and the hub has answered a hello."""
        while True:
            await self._contact.ready.wait()
            self._bell.clear()
            batch = await self._db.read(self._next_tx)
            if batch is None:
                await self._bell.wait()
                await asyncio.sleep(_LINGER_S[self._lane])
                continue
            try:
                await self._send(client, batch)
            except HubAway as error:
                self._pace.failed()
                await self._contact.pause(error, self._backoff)
            except HubRefused as error:
                await self._refused(error.problem)

    def _next_tx(self, conn: sqlite3.Connection) -> EventsBatch | None:
        return lanes.next_batch_tx(conn, self._lane, self._pace.events, self._pace.body_bytes)

    async def reconcile(self, acked: Positions) -> None:
        """Take the hub's own word on how far it is: further after a lost answer, less far after a restore."""
        now_ms, place = to_ms(self._clock.wall()), acked.of(self._lane)
        await self._db.write(lambda conn: lanes.ack_tx(conn, self._lane, place, now_ms))
        await self._outbox.count()
        self._bell.set()

    async def _send(self, client: HubClient, batch: EventsBatch) -> None:
        ack = await client.post(EVENTS_PATH, batch, EventsAck)
        fp("sync.edge.events_posted")
        self._contact.heard()
        now_ms = to_ms(self._clock.wall())
        if not await self._db.write(lambda conn: self._acked_tx(conn, batch, ack.acked, now_ms)):
            raise HubAway("the hub acknowledged what was never sent", reached=True)
        self._backoff.reset()
        texts = sum(len(event.body.encode()) for event in batch.events)
        self._pace.arrived(len(batch.events), full=2 * texts >= self._pace.body_bytes)
        await self._outbox.count()
        if self._contact.why() is Why.STALE and self._lane is Lane.FACTS:
            self._contact.want_hello()  # it says when the rows will have what this disk forgot

    def _acked_tx(
        self, conn: sqlite3.Connection, batch: EventsBatch, acked: Position, now_ms: int
    ) -> bool:
        """Note what the hub has; False when that is no place of our story, nor one further on than this batch.

        A hub that was put back may stand, with all of this batch, at a place of an earlier boot which this disk, put
        back too, forgot.
        """
        if lanes.ack_tx(conn, self._lane, acked, now_ms):
            return True
        end = _end(batch)
        forgotten = end.order < acked.order and acked.boot_epoch < lanes.own_epoch_tx(conn)
        return forgotten and lanes.ack_tx(conn, self._lane, end, now_ms)

    async def _refused(self, problem: Problem) -> None:
        """Act on a refusal; each act is followed by a pause, so that no answer can make a busy loop."""
        key, params = problem.key, problem.params
        lane, station_id = self._lane, self._outbox.station_id
        if key == "sync.gap" and (head := params.head) is not None:
            await self._step_back(head)
        elif key == "sync.fork" and params.head is not None and params.at is not None:
            await self._tell_anew(params.at, params.head)
        elif key == "sync.chain_broken":
            told = await self._db.write(lambda conn: lanes.mend_tx(conn, station_id, lane))
            _log.error("links of lane %s were damaged: %d chained anew", lane, told)
            self._contact.want_hello()
        elif key in ("sync.fenced", "sync.hello_first", "sync.revoked"):
            self._contact.want_hello()
        else:
            self._contact.lost(HubAway(key, reached=True))
        await asyncio.sleep(self._backoff.next_s())

    async def _tell_anew(self, at: tuple[int, int], head: Position) -> None:
        lane, station_id = self._lane, self._outbox.station_id

        def tx(conn: sqlite3.Connection) -> int | None:
            if not is_epoch_near(head.boot_epoch, lanes.own_epoch_tx(conn)):
                return None
            return lanes.retell_tx(conn, station_id, lane, at, head)

        told = await self._db.write(tx)
        if told is None:
            said = f"the hub makes no sense: a fork in boot epoch {head.boot_epoch}"
            self._contact.lost(HubAway(said, reached=True))
            return
        _log.error("hub knows another story of lane %s: %d events told anew", lane, told)
        self._contact.want_hello()  # they are of a new boot epoch

    async def _step_back(self, head: Position) -> None:
        """Send again from the hub's place on, or everything held when that place is not known here."""
        lane, now_ms = self._lane, to_ms(self._clock.wall())
        _log.warning("hub lacks %s events behind %s/%s: sending again", lane, *head.order)

        def tx(conn: sqlite3.Connection) -> None:
            if not lanes.ack_tx(conn, lane, head, now_ms):
                lanes.resend_all_tx(conn, lane)

        await self._db.write(tx)
        self._contact.want_hello()


def _end(batch: EventsBatch) -> Position:
    """Return the place behind the last event of `batch`."""
    last = batch.events[-1]
    return Position(boot_epoch=last.boot_epoch, seq=last.seq, chain=batch.chain)
