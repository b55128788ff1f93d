"""What a station reports about parcels, taken in inside the transaction that moves the event cursor.

A fact that fits nothing opens a case; it is never refused and never silent.
"""

from sqlalchemy.engine import Connection

from cloud.orders.cancelling import Cancelling
from cloud.orders.delegating import Delegating
from cloud.orders.kit import OrderKit
from cloud.orders.machine import CaseKind, ParcelTrigger
from cloud.orders.moves import Cause, Moves, Placement
from cloud.orders.store import parcels
from cloud.stations.service import typed
from cloud.sync.gateway import Gateway
from cloud.sync.ingest import EventContext
from common.contract import events
from common.contract.base import Message
from common.kit.clock import to_ms
from common.kit.errors import ConflictError


class Facts:
    """Handlers of station events."""

    def __init__(
        self, kit: OrderKit, moves: Moves, cancelling: Cancelling, delegating: Delegating
    ) -> None:
        """Move parcels, finish cancels and tell owners by what stations report."""
        self._delegating = delegating
        self._kit = kit
        self._moves = moves
        self._cancelling = cancelling

    def subscribe(self, gateway: Gateway) -> None:
        """Take every event that moves a parcel or finishes a cancel; after the stations room."""
        for name, handler in (
            ("parcel.put_in", typed(events.ParcelPutIn, self._put_in)),
            ("parcel.put_in_undone", typed(events.ParcelPutInUndone, self._undone)),
            ("parcel.collected", typed(events.ParcelCollected, self._collected)),
            ("parcel.handed_over", typed(events.ParcelHandedOver, self._handed_over)),
            ("parcel.removed", typed(events.ParcelRemoved, self._removed)),
            ("parcel.unknown_scanned", typed(events.ParcelUnknownScanned, self._unknown)),
            ("replica.applied", self._applied),
        ):
            gateway.on_event(name, handler)

    def _put_in(self, c: Connection, at: EventContext, body: events.ParcelPutIn) -> None:
        lies = Placement(body.compartment, to_ms(at.occurred_at), body.expires_at_ms)
        cause = _cause(at, ParcelTrigger.PUT_IN, f"keeper:{body.keeper_id}", body.compartment)
        self._move(c, at, body.parcel_id, cause, lies)

    def _undone(self, c: Connection, at: EventContext, body: events.ParcelPutInUndone) -> None:
        trigger = ParcelTrigger.PUT_IN_UNDONE
        cause = _cause(at, trigger, f"keeper:{body.keeper_id}", body.compartment)
        self._move(c, at, body.parcel_id, cause, Placement())

    def _collected(self, c: Connection, at: EventContext, body: events.ParcelCollected) -> None:
        trigger = ParcelTrigger.COLLECTED
        cause = _cause(at, trigger, f"grant:{body.grant_id}", body.compartment)
        self._move(c, at, body.parcel_id, cause)
        self._delegating.tell_collected_tx(
            c, at.station_id, body.grant_id, body.parcel_id, cause.source, cause.at_ms
        )

    def _handed_over(self, c: Connection, at: EventContext, body: events.ParcelHandedOver) -> None:
        place = body.compartment or "counter"
        cause = _cause(at, ParcelTrigger.HANDED_OVER, f"keeper:{body.keeper_id}", place)
        self._move(c, at, body.parcel_id, cause)

    def _removed(self, c: Connection, at: EventContext, body: events.ParcelRemoved) -> None:
        trigger = ParcelTrigger.REMOVED
        cause = _cause(at, trigger, f"keeper:{body.keeper_id}", body.compartment)
        self._move(c, at, body.parcel_id, cause)

    def _unknown(self, c: Connection, at: EventContext, body: events.ParcelUnknownScanned) -> None:
        known = parcels.parcel_by_label(c, body.label[:12])
        self._kit.open_case_tx(
            c,
            CaseKind.LABEL_OF_OTHER_STATION if known else CaseKind.LABEL_UNKNOWN,
            source=source_of(at),
            detail=f"scanned at station {at.station_id}: {body.label}",
            order_id=known.order_id if known else None,
            parcel_id=known.parcel_id if known else None,
        )

    def _applied(self, c: Connection, at: EventContext, _body: Message) -> None:
        self._cancelling.settle_tx(c, at.station_id, source_of(at), to_ms(at.received_at))

    def _move(
        self,
        c: Connection,
        at: EventContext,
        parcel_id: str,
        cause: Cause,
        placement: Placement | None = None,
    ) -> None:
        parcel = parcels.one_parcel(c, parcel_id)
        if parcel is None or parcel.station_id != at.station_id:
            self._kit.open_case_tx(
                c,
                CaseKind.PARCEL_UNKNOWN if parcel is None else CaseKind.PARCEL_OF_OTHER_STATION,
                source=cause.source,
                detail=f"{cause.trigger} at station {at.station_id}: parcel {parcel_id}",
                order_id=parcel.order_id if parcel else None,
                parcel_id=parcel_id,
            )
            return
        try:
            self._moves.move_tx(c, parcel, cause, placement)
        except ConflictError as error:
            if error.key != "parcel.state":
                raise
            self._kit.open_case_tx(
                c,
                CaseKind.FACT_DOES_NOT_FIT,
                source=cause.source,
                detail=error.detail,
                order_id=parcel.order_id,
                parcel_id=parcel_id,
            )


def source_of(at: EventContext) -> str:
    """Return the name of a station's event: it stands behind a timeline entry."""
    return f"event/{at.station_id}/{at.lane.value}/{at.boot_epoch}/{at.seq}"


def _cause(at: EventContext, trigger: ParcelTrigger, actor: str, place: str) -> Cause:
    return Cause(trigger, source_of(at), actor, place, to_ms(at.occurred_at))
