"""One parcel moves by one fact: custody, stock, money and the order's own state follow in the same transaction."""

from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from cloud.catalog.service import consume_tx, release_tx, reserve_tx
from cloud.money.service import Account, JournalKind, move
from cloud.orders.kit import OrderKit
from cloud.orders.machine import (
    CancelState,
    CaseKind,
    OrderState,
    ParcelState,
    ParcelTrigger,
    next_parcel_state,
    state_of_parcels,
)
from cloud.orders.store import orders, parcels
from cloud.orders.store.parcels import CustodyRecord, ParcelRecord
from cloud.orders.store.timeline import Entry
from common.kit.errors import ConflictError
from common.kit.failpoints import fp

_TOLD_BY_ITSELF = frozenset(
    {ParcelTrigger.PUT_IN_UNDONE, ParcelTrigger.HANDED_OVER, ParcelTrigger.REMOVED}
)
"""Facts a resident asks about even when the order's state stays the same."""
_ENDS = frozenset({ParcelState.COLLECTED, ParcelState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a parcel moves: the event or act behind it, by whom, where, when."""

    trigger: ParcelTrigger
    source: str
    actor: str
    place: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a parcel lies and until when."""

    compartment: str | None = None
    put_in_at_ms: int | None = None
    expires_at_ms: int | None = None


class Moves:
    """The one place that changes a parcel's state."""

    def __init__(self, kit: OrderKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    def move_tx(
        self,
        connection: Connection,
        parcel: ParcelRecord,
        cause: Cause,
        placement: Placement | None = None,
    ) -> ParcelState:
        """Move a parcel; the same `source` again changes nothing. ConflictError `parcel.state` for an unknown pair."""
        before = ParcelState(parcel.state)
        if parcels.custody_known(connection, parcel.parcel_id, cause.source):
            return before
        try:
            after = next_parcel_state(before, cause.trigger)
        except KeyError as error:
            raise ConflictError(
                "parcel.state",
                f"a parcel that is {before} cannot {cause.trigger}",
                state=before.value,
                trigger=cause.trigger.value,
            ) from error
        self._write_custody(connection, parcel, cause, after)
        self._place(connection, parcel, cause, after, placement)
        fp("orders.parcel_moved")
        if after is ParcelState.COLLECTED:
            self._collected_tx(connection, parcel, cause)
        elif cause.trigger is ParcelTrigger.CANCEL:
            self._cancelled_tx(connection, parcel, cause)
        if cause.trigger in _TOLD_BY_ITSELF:
            entry = Entry(
                parcel.order_id, cause.trigger.value, cause.source, cause.at_ms, parcel.parcel_id
            )
            self._kit.tell_tx(connection, entry)
        self.refresh_tx(connection, parcel.order_id, cause)
        return after

    def refresh_tx(self, connection: Connection, order_id: str, cause: Cause) -> OrderState:
        """Derive the order's state from its parcels; a change is told with the fact behind it."""
        order = self._kit.order_tx(connection, order_id)
        states = [ParcelState(parcel.state) for parcel in parcels.parcels_of(connection, order_id)]
        state = state_of_parcels(states)
        if state.value != order.state:
            orders.update_order(connection, order_id, state=state.value)
            entry = Entry(order_id, state.value, cause.source, cause.at_ms)
            self._kit.tell_tx(connection, entry)
        return state

    def _write_custody(
        self, connection: Connection, parcel: ParcelRecord, cause: Cause, after: ParcelState
    ) -> None:
        record = CustodyRecord(
            custody_id=self._kit.new_id(),
            parcel_id=parcel.parcel_id,
            number=parcels.custody_count(connection, parcel.parcel_id) + 1,
            cause=cause.trigger.value,
            from_state=parcel.state,
            to_state=after.value,
            actor=cause.actor[:80],
            place=cause.place[:60],
            source=cause.source,
            at_ms=cause.at_ms,
        )
        parcels.insert_custody(connection, record)

    def _place(
        self,
        connection: Connection,
        parcel: ParcelRecord,
        cause: Cause,
        after: ParcelState,
        placement: Placement | None,
    ) -> None:
        lies = placement or Placement(parcel.compartment, parcel.put_in_at_ms, parcel.expires_at_ms)
        if after not in (ParcelState.DEPOSITED, ParcelState.OVERDUE) and placement is None:
            lies = replace(lies, compartment=None)
        ended_at_ms = (parcel.ended_at_ms or cause.at_ms) if after in _ENDS else None
        parcels.update_parcel(
            connection,
            parcel.parcel_id,
            state=after.value,
            compartment=lies.compartment,
            put_in_at_ms=lies.put_in_at_ms,
            expires_at_ms=lies.expires_at_ms,
            ended_at_ms=ended_at_ms,
        )

    def _collected_tx(self, connection: Connection, parcel: ParcelRecord, cause: Cause) -> None:
        if ParcelState(parcel.state) is ParcelState.CANCELLED:
            self._collected_after_refund_tx(connection, parcel, cause)
            return
        self._stock(connection, parcel, "consumed")
        order = self._kit.order_tx(connection, parcel.order_id)
        if parcel.value_fen:
            self._kit.money.post_tx(
                connection,
                JournalKind.COLLECTED,
                f"collected|{parcel.parcel_id}",
                move(Account.ORDER_LIABILITY, Account.SALES, parcel.value_fen),
                subject_id=parcel.order_id,
            )
            orders.update_order(
                connection,
                parcel.order_id,
                revenue_fen=order.revenue_fen + parcel.value_fen,
            )
        if order.cancel_state == CancelState.PENDING:
            self._lost_cancel_tx(connection, parcel, cause)
        fp("orders.collected")

    def _cancelled_tx(self, connection: Connection, parcel: ParcelRecord, cause: Cause) -> None:
        """Goods still in the warehouse go back on sale; goods on the way stay promised until a person decides."""
        if ParcelState(parcel.state) in (ParcelState.LOCKED, ParcelState.PACKED):
            self._stock(connection, parcel, "released")
            return
        self._kit.open_case_tx(
            connection,
            CaseKind.CANCELLED_GOODS_OUT,
            source=cause.source,
            detail=f"cancelled while the parcel was {parcel.state}; bring the goods back",
            order_id=parcel.order_id,
            parcel_id=parcel.parcel_id,
        )

    def _lost_cancel_tx(self, connection: Connection, parcel: ParcelRecord, cause: Cause) -> None:
        """The goods were taken while the cancel was on its way: the pickup stands, a person is told."""
        self._kit.open_case_tx(
            connection,
            CaseKind.CANCEL_LOST,
            source=cause.source,
            detail="collected before the station had applied the cancel; not refunded",
            order_id=parcel.order_id,
            parcel_id=parcel.parcel_id,
        )
        left = [
            one
            for one in parcels.parcels_of(connection, parcel.order_id)
            if ParcelState(one.state) not in _ENDS
        ]
        if not left:
            orders.update_order(connection, parcel.order_id, cancel_state=CancelState.LOST.value)
            entry = Entry(parcel.order_id, "cancel_lost", cause.source, cause.at_ms)
            self._kit.tell_tx(connection, entry)

    def _collected_after_refund_tx(
        self, connection: Connection, parcel: ParcelRecord, cause: Cause
    ) -> None:
        """The money went back and the goods are gone all the same: count the goods, tell a person."""
        detail = "collected after the order was cancelled and refunded"
        lines = parcels.lines_in(connection, parcel.parcel_id)
        try:
            with connection.begin_nested():
                reserve_tx(connection, lines, reference=parcel.parcel_id)
                self._stock(connection, replace(parcel, stock="reserved"), "consumed")
        except ConflictError:
            detail += "; the stock was sold again, count it"
        self._kit.open_case_tx(
            connection,
            CaseKind.COLLECTED_AFTER_REFUND,
            source=cause.source,
            detail=detail,
            order_id=parcel.order_id,
            parcel_id=parcel.parcel_id,
        )
        orders.update_order(connection, parcel.order_id, cancel_state=CancelState.LOST.value)

    def _stock(self, connection: Connection, parcel: ParcelRecord, outcome: str) -> None:
        if parcel.stock != "reserved":
            return
        lines = parcels.lines_in(connection, parcel.parcel_id)
        act = consume_tx if outcome == "consumed" else release_tx
        act(connection, lines, reference=parcel.parcel_id)
        parcels.update_parcel(connection, parcel.parcel_id, stock=outcome)
