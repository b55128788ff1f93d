"""Grants on their station: activation, expiry, revocation, use. The hub's rows are read, never written.

`…_tx` functions are called inside the caller's transaction; each move is one event.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from common.contract.events import GrantActivated, GrantStateChanged
from common.contract.qr import QrGrant
from common.contract.words import GrantState
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from common.kit.trusted_time import TrustedTime
from edge.pickup import kin, shown, store
from edge.pickup.doubt import is_held_tx
from edge.pickup.machine import FINAL, Trigger, next_state
from edge.pickup.store import Terms, Use
from edge.sync.outbox import Outbox

SWEEP_S = 30.0  # how late an expiry may be reported; a code is refused on the second
FORGET_MS = 30 * 86_400_000  # how long after its end a grant known from a QR code is remembered
OPEN_TO_NEWS = frozenset({GrantState.WAITING, GrantState.ISSUED})


class Grants:
    """The machine of edge/pickup/machine.py, stored in `grant_use`."""

    def __init__(self, clock: TrustedTime, outbox: Outbox) -> None:
        """Report every move through `outbox`."""
        self._clock, self._outbox = clock, outbox

    def acceptable_tx(self, conn: sqlite3.Connection, tag: bytes) -> Use | None:
        """Return the grant that the code with this tag may open, if it is `in_time`."""
        return self.openable_tx(conn, store.grant_by_tag(conn, tag))

    def openable_tx(self, conn: sqlite3.Connection, grant_id: str | None) -> Use | None:
        """Return what `acceptable_tx` does for a tag that was looked up; None is a code that nobody knows."""
        return self._acceptable(conn, grant_id) if grant_id else None

    def acceptable_qr_tx(self, conn: sqlite3.Connection, qr: QrGrant) -> Use | None:
        """Return the grant that a verified QR code may open, if it is `in_time`; the same one as its digits'."""
        if self._clock.is_over(qr.not_after_ms):
            return None
        shown.note_tx(conn, qr)
        return self._acceptable(conn, qr.grant_id)

    def _acceptable(self, conn: sqlite3.Connection, grant_id: str) -> Use | None:
        self.reconcile_tx(conn, grant_id)  # news that came a moment ago rules, and so does the time
        use = store.use(conn, grant_id)
        return use if use is not None and use.state is GrantState.ISSUED else None

    def in_time(self, use: Use) -> bool:
        """Tell whether it may be used now; an issued grant that may not has not ended, the clock is unsure (I9)."""
        return self._clock.allows_until(use.expires_at_ms)

    def holds_tx(self, conn: sqlite3.Connection, grant_id: str) -> bool:
        """Tell whether it may open a door as of now: known, not withdrawn, in time by the newest word of the hub."""
        use, terms = store.use(conn, grant_id), store.terms(conn, grant_id)
        if use is None or terms is None or terms.revoked:
            return False
        return self._clock.allows_until(_expiry_ms(terms, use.first_put_in_ms))

    def move_tx(self, conn: sqlite3.Connection, grant_id: str, trigger: Trigger) -> GrantState:
        """Take one step of the machine and report it; UnknownTransitionError for a step it does not have."""
        use = store.use(conn, grant_id)
        assert use is not None, grant_id
        state = next_state(use.state, trigger)
        if state is use.state:
            return state
        at = self._clock.wall()
        store.put_use(conn, replace(use, state=state))
        if trigger is Trigger.ALL_PUT_IN:
            self._outbox.append_tx(
                conn,
                GrantActivated(grant_id=grant_id, expires_at_ms=use.expires_at_ms),
                occurred_at=at,
            )
        elif state is not GrantState.WAITING:
            self._report(conn, grant_id, state, at)
        return state

    def reconcile_tx(self, conn: sqlite3.Connection, grant_id: str) -> None:
        """Bring one grant in line with the hub's row, what lies here and the time. Never while a door is open."""
        terms = store.terms(conn, grant_id)
        use = store.use(conn, grant_id) or self._first_use(conn, terms)
        if use is not None and use.state in FINAL:
            self._sync_items(conn, grant_id)  # what comes after the end must come out again
        if use is None or use.state not in OPEN_TO_NEWS:
            return
        use = self._refresh_expiry(conn, use, terms)
        self._sync_items(conn, grant_id)
        if trigger := self._due(conn, use, terms):
            self.move_tx(conn, grant_id, trigger)

    def spend_others_tx(self, conn: sqlite3.Connection, grant_id: str, parcel_id: str) -> None:
        """A door was seen open for this parcel: every other grant over it is used up as far as it goes."""
        for other in store.grants_over(conn, parcel_id):
            if other != grant_id:
                self.reconcile_tx(conn, other)

    def reconcile_all_tx(self, conn: sqlite3.Connection) -> None:
        """Bring every grant that news may concern in line."""
        for grant_id in store.to_reconcile(conn):
            self.reconcile_tx(conn, grant_id)

    def expire_tx(self, conn: sqlite3.Connection) -> bool:
        """End every grant whose time is over; return whether there was one."""
        over = store.to_expire(conn, self._clock.proven_ms())
        shown.tidy_tx(conn, self._clock.proven_ms() - FORGET_MS)
        for grant_id in over:
            self.reconcile_tx(conn, grant_id)
        return bool(over)

    def _first_use(self, conn: sqlite3.Connection, terms: Terms | None) -> Use | None:
        if terms is None or is_held_tx(conn, terms.grant_id):  # damage took its use: no new one
            return None
        first_ms = min(
            (row["placed_at_ms"] for row in store.placed_of(conn, terms.grant_id)), default=None
        )
        if first_ms is None:
            return None
        use = Use(terms.grant_id, GrantState.WAITING, first_ms, _expiry_ms(terms, first_ms))
        store.put_use(conn, use)
        return use

    @staticmethod
    def _refresh_expiry(conn: sqlite3.Connection, use: Use, terms: Terms | None) -> Use:
        if terms is None or _expiry_ms(terms, use.first_put_in_ms) == use.expires_at_ms:
            return use
        fresh = replace(use, expires_at_ms=_expiry_ms(terms, use.first_put_in_ms))
        store.put_use(conn, fresh)
        return fresh

    @staticmethod
    def _sync_items(conn: sqlite3.Connection, grant_id: str) -> None:
        here = {
            row["parcel_id"]: row["compartment"]
            for row in store.placed_of(conn, grant_id)
            if not kin.opened_by_another(conn, grant_id, row["parcel_id"])
        }
        for item in store.items(conn, grant_id):
            if here.get(item.parcel_id) != item.compartment:
                store.drop_unopened_item(conn, grant_id, item.parcel_id)
        for parcel_id, compartment in here.items():
            store.add_item(conn, grant_id, parcel_id, compartment)

    def _due(self, conn: sqlite3.Connection, use: Use, terms: Terms | None) -> Trigger | None:
        if terms is None or terms.revoked:
            return Trigger.REVOKED
        if self._clock.is_over(use.expires_at_ms):
            return Trigger.EXPIRED
        if store.outstanding(conn, use.grant_id):
            return Trigger.PUT_IN_UNDONE if use.state is GrantState.ISSUED else None
        if all(item.opened_at_ms for item in store.items(conn, use.grant_id)):
            return Trigger.ALL_TAKEN
        return Trigger.ALL_PUT_IN if use.state is GrantState.WAITING else None

    def _report(
        self, conn: sqlite3.Connection, grant_id: str, state: GrantState, at: datetime
    ) -> None:
        body = GrantStateChanged.model_validate(
            {
                "grant_id": grant_id,
                "state": state.value,
                "pulses": sum(item.pulses for item in store.items(conn, grant_id)),
            }
        )
        self._outbox.append_tx(conn, body, occurred_at=at)


class GrantSweeper:
    """Applies news to grants: at every applied op, and when time runs out."""

    def __init__(
        self, db: Db, grants: Grants, outbox: Outbox, swept: Callable[[], Awaitable[None]]
    ) -> None:
        """Call `swept` after each sweep, so screens look again."""
        self._db, self._grants, self._outbox, self._swept = db, grants, outbox, swept
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Sweep soon: for `Replica.on_applied`."""
        self._news.set()

    async def sweep(self) -> None:
        """Reconcile every grant once."""
        await self._db.write(self._grants.reconcile_all_tx)
        fp("pickup.swept")
        self._outbox.kick()
        await self._swept()

    async def run(self) -> None:
        """Sweep at news, look for expired grants every half minute, for ever."""
        while True:
            try:
                async with asyncio.timeout(SWEEP_S):
                    await self._news.wait()
            except TimeoutError:
                if await self._db.write(self._grants.expire_tx):
                    self._outbox.kick()
                    await self._swept()
            else:
                self._news.clear()
                await self.sweep()


def _expiry_ms(terms: Terms, first_put_in_ms: int) -> int:
    return min(first_put_in_ms + terms.valid_for_s * 1000, terms.not_after_ms)
