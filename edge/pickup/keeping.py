"""What a keeper's act means for a parcel: placement, grant and event, in the transaction that calls.

Who may act, and which door moves for it, is decided by the callers.
"""

import sqlite3
from datetime import datetime

from common.contract.events import (
    ParcelHandedOver,
    ParcelPutIn,
    ParcelPutInUndone,
    ParcelRemoved,
)
from common.kit.clock import to_ms
from common.kit.failpoints import fp
from edge.parcels import Parcels, PlacementState
from edge.pickup import store
from edge.pickup.grants import Grants
from edge.pickup.views import DeskKind
from edge.sync.outbox import Outbox

LIFE_WITHOUT_GRANT_MS = 72 * 3600 * 1000


class Keeping:
    """Parcels stored, taken out and handed over by a keeper."""

    def __init__(self, parcels: Parcels, grants: Grants, outbox: Outbox) -> None:
        """Write to the rooms below."""
        self._parcels, self._grants, self._outbox = parcels, grants, outbox

    def stored_tx(
        self,
        conn: sqlite3.Connection,
        parcel_id: str,
        compartment: str,
        keeper_id: str,
        at: datetime,
    ) -> None:
        """Record that the parcel lies behind a shut door."""
        self._parcels.place_tx(conn, parcel_id, compartment, keeper_id, at)
        self._reconcile_tx(conn, parcel_id)
        grants = store.grants_of_parcel(conn, parcel_id)
        use = store.use(conn, grants[0]) if grants else None
        body = ParcelPutIn(
            parcel_id=parcel_id,
            grant_id=grants[0] if grants else None,
            compartment=compartment,
            keeper_id=keeper_id,
            expires_at_ms=use.expires_at_ms if use else to_ms(at) + LIFE_WITHOUT_GRANT_MS,
        )
        self._outbox.append_tx(conn, body, occurred_at=at)
        fp("pickup.put_in_stored")

    def taken_out_tx(
        self,
        conn: sqlite3.Connection,
        kind: DeskKind,
        parcel_id: str,
        compartment: str,
        keeper_id: str,
        reason: str,
        at: datetime,
    ) -> None:
        """Record that the parcel left its compartment; a repeat changes nothing."""
        body: ParcelPutInUndone | ParcelHandedOver | ParcelRemoved
        if kind is DeskKind.UNDO:
            gone = self._parcels.forget_tx(conn, parcel_id)
            body = ParcelPutInUndone(
                parcel_id=parcel_id, compartment=compartment, keeper_id=keeper_id
            )
        else:
            given = kind is DeskKind.HAND_OVER
            state = PlacementState.HANDED_OVER if given else PlacementState.REMOVED
            gone = self._parcels.end_tx(conn, parcel_id, state, at)
            body = (ParcelHandedOver if given else ParcelRemoved)(
                parcel_id=parcel_id, compartment=compartment, keeper_id=keeper_id, reason=reason
            )
        if gone:
            self._outbox.append_tx(conn, body, occurred_at=at)
            self._reconcile_tx(conn, parcel_id)
            fp("pickup.taken_out")

    def handed_over_unplaced_tx(
        self, conn: sqlite3.Connection, parcel_id: str, keeper_id: str, reason: str, at: datetime
    ) -> None:
        """Record a parcel given to the person straight from the crate."""
        self._parcels.hand_over_unplaced_tx(conn, parcel_id, keeper_id, at)
        body = ParcelHandedOver(
            parcel_id=parcel_id, compartment=None, keeper_id=keeper_id, reason=reason
        )
        self._outbox.append_tx(conn, body, occurred_at=at)
        self._reconcile_tx(conn, parcel_id)

    def _reconcile_tx(self, conn: sqlite3.Connection, parcel_id: str) -> None:
        for grant_id in store.grants_over(conn, parcel_id):
            self._grants.reconcile_tx(conn, grant_id)
