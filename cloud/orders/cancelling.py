"""Cancelling: at once while only the hub knows the order; *pending* until the station has applied it afterwards.

A pickup that happened, happened: then the cancel is lost and a case tells a person (reference sync B.2).
"""

from sqlalchemy.engine import Connection

from cloud.cdp.service import person_tx
from cloud.money.service import Account, JournalKind, move
from cloud.orders.kit import OrderKit
from cloud.orders.locking import parcel_row
from cloud.orders.machine import (
    CANCELLABLE_WITH_PARCELS,
    CancelState,
    OrderState,
    OrderTrigger,
    ParcelState,
    ParcelTrigger,
    next_order_state,
)
from cloud.orders.moves import Cause, Moves
from cloud.orders.placing import Placing
from cloud.orders.store import orders, parcels
from cloud.orders.store.orders import OrderRecord
from cloud.orders.store.parcels import ParcelRecord
from cloud.orders.store.timeline import Entry
from cloud.stations.machine import LIVE_GRANTS
from common.kit.errors import ConflictError
from common.kit.failpoints import fp

_IN_THE_WAREHOUSE = frozenset({ParcelState.LOCKED, ParcelState.PACKED})
_ENDS = frozenset({ParcelState.COLLECTED, ParcelState.CANCELLED})


class Cancelling:
    """Use cases around a wish to cancel."""

    def __init__(self, kit: OrderKit, moves: Moves, placing: Placing) -> None:
        """Work with the room's kit."""
        self._kit = kit
        self._moves = moves
        self._placing = placing

    async def cancel(self, order_id: str, cancelled_by: str) -> None:
        """Cancel an order that has not left; asking again changes nothing.

        Errors: NotFoundError, ConflictError `order.cancel_too_late`.
        """
        now_ms = self._kit.now_ms()
        await self._kit.db.write(lambda c: self._cancel_tx(c, order_id, cancelled_by, now_ms))

    def settle_tx(self, connection: Connection, station_id: str, source: str, at_ms: int) -> None:
        """Finish the cancels the station has applied by now."""
        applied_op = self._kit.stations.applied_op_tx(connection, station_id)
        for order in orders.pending_cancels(connection, station_id):
            if order.cancel_op is not None and order.cancel_op <= applied_op:
                self._finish_tx(connection, order, source, at_ms)

    def sweep_tx(self, connection: Connection, now_ms: int) -> None:
        """Finish cancels of stations that stayed away until the code had ended by itself."""
        for order in orders.pending_cancels(connection):
            if order.not_after_ms is not None and order.not_after_ms <= now_ms:
                self._finish_tx(connection, order, f"lease/{order.grant_id}", now_ms)

    def _cancel_tx(
        self, connection: Connection, order_id: str, cancelled_by: str, now_ms: int
    ) -> None:
        order = self._kit.order_tx(connection, order_id)
        state = OrderState(order.state)
        if state is OrderState.CANCELLED or order.cancel_state == CancelState.PENDING:
            return
        self._kit.audit_tx(connection, who=cancelled_by, what="order.cancel", about=order_id)
        own = parcels.parcels_of(connection, order_id)
        if own:
            in_house = all(ParcelState(one.state) in _IN_THE_WAREHOUSE for one in own)
            if state not in CANCELLABLE_WITH_PARCELS or not in_house:
                raise ConflictError("order.cancel_too_late", f"the order is {state}", state=state)
            self._request_tx(connection, order, own, cancelled_by, now_ms)
            return
        try:
            after = next_order_state(state, OrderTrigger.CANCEL)
        except KeyError as error:
            raise ConflictError(
                "order.cancel_too_late", f"the order is {state}", state=state
            ) from error
        entry = Entry(order_id, after.value, f"by/{cancelled_by}"[:100], now_ms)
        self._placing.give_up_tx(connection, order, after, entry)
        orders.update_order(connection, order_id, cancel_state=CancelState.DONE.value)
        self._refund_tx(connection, order, now_ms)

    def _request_tx(
        self,
        connection: Connection,
        order: OrderRecord,
        own: list[ParcelRecord],
        cancelled_by: str,
        now_ms: int,
    ) -> None:
        person = person_tx(connection, order.person_id)
        grants = self._kit.stations.grants
        if order.grant_id and grants.view_tx(connection, order.grant_id).state in LIVE_GRANTS:
            grants.revoke_tx(connection, order.grant_id, cancelled_by)
        op = 0
        for one in own:
            row = parcel_row(one, order, person, "cancelled")
            op = grants.announce_parcel_tx(connection, order.station_id, row)
        orders.update_order(
            connection, order.order_id, cancel_state=CancelState.PENDING.value, cancel_op=op
        )
        source = f"op/{order.station_id}/{op}"
        self._kit.tell_tx(connection, Entry(order.order_id, "cancel_requested", source, now_ms))
        fp("orders.cancel_requested")

    def _finish_tx(
        self, connection: Connection, order: OrderRecord, source: str, at_ms: int
    ) -> None:
        cause = Cause(ParcelTrigger.CANCEL, f"cancel/{order.order_id}", "hub", "", at_ms)
        own = parcels.parcels_of(connection, order.order_id)
        taken = any(ParcelState(one.state) is ParcelState.COLLECTED for one in own)
        outcome = CancelState.LOST if taken else CancelState.DONE
        orders.update_order(connection, order.order_id, cancel_state=outcome.value)
        for one in own:
            if ParcelState(one.state) not in _ENDS:
                self._moves.move_tx(connection, one, cause)
        self._refund_tx(connection, self._kit.order_tx(connection, order.order_id), at_ms)
        if taken:
            self._kit.tell_tx(connection, Entry(order.order_id, "cancel_lost", source, at_ms))
        fp("orders.cancel_finished")

    def _refund_tx(self, connection: Connection, order: OrderRecord, at_ms: int) -> None:
        """Give back whatever of the payment was not turned into a sale; the sandbox provider settles at once."""
        left_fen = order.paid_fen - order.refunded_fen - order.revenue_fen
        if left_fen == 0:
            return
        order_id = order.order_id
        post = self._kit.money.post_tx
        asked = move(Account.ORDER_LIABILITY, Account.REFUND_PAYABLE, left_fen)
        kind = JournalKind.REFUND_REQUESTED
        post(connection, kind, f"refund|{order_id}", asked, subject_id=order_id)
        paid_back = move(Account.REFUND_PAYABLE, Account.PSP_CLEARING, left_fen)
        kind = JournalKind.REFUND_SETTLED
        posted = post(connection, kind, f"settled|{order_id}", paid_back, subject_id=order_id)
        orders.update_order(connection, order_id, refunded_fen=order.refunded_fen + left_fen)
        self._kit.tell_tx(
            connection, Entry(order_id, "refunded", f"journal/{posted.journal_id}", at_ms)
        )
        fp("orders.refunded")
