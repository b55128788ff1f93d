"""A new code for an order whose code was revoked: the old one stays revoked, the goods stay where they are.

The station learns of both in the order of its feed, so the new code never works beside the old one.
"""

from collections.abc import Iterable

from sqlalchemy.engine import Connection

from cloud.cdp.service import person_tx
from cloud.orders.kit import OrderKit
from cloud.orders.locking import VALID_FOR_S, parcel_row
from cloud.orders.machine import CancelState, ParcelState
from cloud.orders.store import orders, parcels
from cloud.orders.store.timeline import Entry
from cloud.stations.service import GrantOrder, PreparedGrant
from common.contract.words import TemperatureClass
from common.kit.errors import ConflictError
from common.kit.failpoints import fp

_P = ParcelState
TO_COLLECT = frozenset({_P.LOCKED, _P.PACKED, _P.DEPARTED, _P.ARRIVED, _P.DEPOSITED})
"""Parcels that a code may still open, or will once they are put in."""
_WHY = {
    "order.state": "the order has no code yet",
    "order.cancel_pending": "the order is cancelled or being cancelled",
    "order.nothing_left": "nothing of the order is left to collect",
    "grant.live": "the code is still valid or in use; revoke it first",
    "grant.time_over": "the goods may not be handed out any more",
}


def hindrance(
    grant_state: str | None, revoke_state: str, cancel: str, states: Iterable[ParcelState]
) -> str | None:
    """Return the error key of what stands against a new code, None when one may be made."""
    if grant_state is None:
        return "order.state"
    if cancel != CancelState.NONE:
        return "order.cancel_pending"
    if grant_state == "opened" or (grant_state in ("waiting", "active") and revoke_state == "none"):
        return "grant.live"
    left = set(states)
    if grant_state == "expired" or (_P.OVERDUE in left and not left & TO_COLLECT):
        return "grant.time_over"
    return None if left & TO_COLLECT else "order.nothing_left"


class Renewing:
    """The use case."""

    def __init__(self, kit: OrderKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    async def renew(self, order_id: str, by: str) -> None:
        """Issue another code for what is left to collect; its time runs from the put-in, as the old one's did.

        Errors: NotFoundError; ConflictError `grant.live`, `grant.time_over`, `order.nothing_left`, `order.state`,
        `order.cancel_pending`.
        """
        order = await self._kit.db.read(lambda c: self._kit.order_tx(c, order_id))
        now_ms = self._kit.now_ms()
        await self._kit.with_code(
            order.station_id, lambda c, code: self._renew_tx(c, order_id, code, by, now_ms)
        )

    def _renew_tx(
        self, connection: Connection, order_id: str, prepared: PreparedGrant, by: str, now_ms: int
    ) -> None:
        order = self._kit.order_tx(connection, order_id)
        own = parcels.parcels_of(connection, order_id)
        grants = self._kit.stations.grants
        old = grants.view_tx(connection, order.grant_id) if order.grant_id else None
        key = hindrance(
            old.state.value if old else None,
            old.revoke_state.value if old else "none",
            order.cancel_state,
            (ParcelState(one.state) for one in own),
        )
        if old is None or order.not_after_ms is None or key is not None:
            key = key or "order.state"
            raise ConflictError(key, _WHY[key])
        left = [one for one in own if ParcelState(one.state) in TO_COLLECT]
        person = person_tx(connection, order.person_id)
        grant_id = grants.issue_tx(
            connection,
            prepared,
            order=GrantOrder(
                order_id=order_id,
                person_id=order.person_id,
                valid_for_s=min(
                    VALID_FOR_S[TemperatureClass(one.temperature_class)] for one in left
                ),
                not_after_ms=order.not_after_ms,
            ),
            parcels=[parcel_row(one, order, person, "announced") for one in left],
        )
        orders.update_order(connection, order_id, grant_id=grant_id)
        about = f"{old.grant_id} by {grant_id}"
        self._kit.audit_tx(connection, who=by, what="grant.renewed", about=about)
        self._kit.tell_tx(connection, Entry(order_id, "code_renewed", f"grant/{grant_id}", now_ms))
        fp("orders.code_renewed")
