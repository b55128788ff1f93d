"""Orders as people see them: state, story, pickup; the code for its owner alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy.engine import Connection

from cloud.access.caller import STAFF, Caller
from cloud.cdp.service import person_tx
from cloud.orders.delegating import DelegateView, Delegating
from cloud.orders.kit import OrderKit, link_hash
from cloud.orders.machine import CancelState, OrderState, ParcelState
from cloud.orders.store import orders, parcels, timeline
from cloud.orders.store.orders import LineRecord, OrderFilter, OrderRecord, RoundRecord
from cloud.orders.store.parcels import CustodyRecord, ParcelRecord
from cloud.orders.store.timeline import Entry
from cloud.stations.service import GrantView
from common.kit.errors import NotFoundError


class Payment(StrEnum):
    """The payment axis, derived from the ledger's counters."""

    UNPAID = "unpaid"
    PAID = "paid"
    PART_REFUNDED = "part_refunded"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class ParcelView:
    """A parcel and where it is."""

    parcel_id: str
    label: str
    temperature_class: str
    size: str
    items: int
    state: ParcelState
    compartment: str | None
    put_in_at_ms: int | None
    expires_at_ms: int | None


@dataclass(frozen=True, slots=True)
class PickupView:
    """How to fetch it; `code` only for the owner, `live` once the goods are inside and the code works."""

    station_id: str
    station_name_zh: str
    station_name_en: str
    grant_id: str
    grant_state: str
    revoke_state: str
    live: bool
    code: str | None
    compartments: tuple[str, ...]
    expires_at_ms: int | None
    qr: str | None = None
    """The text of the QR code, for the owner beside the digits."""
    delegates: tuple[DelegateView, ...] = ()
    """What was given to others to collect."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of the story; `source` names the payment, scan or station event behind it."""

    kind: str
    at_ms: int
    source: str
    parcel_id: str | None


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order; `link_token` opens its own page and is given to the owner alone."""

    order_id: str
    number: str
    person_id: str
    person_masked: str
    station_id: str
    station_name_zh: str
    station_name_en: str
    round_id: str
    state: OrderState
    payment: Payment
    cancel: CancelState
    total_fen: int
    paid_fen: int
    refunded_fen: int
    placed_at_ms: int
    pay_by_ms: int
    lines: tuple[LineRecord, ...]
    parcels: tuple[ParcelView, ...]
    timeline: tuple[TimelineEntry, ...]
    pickup: PickupView | None
    link_token: str | None = None


class Reading:
    """Questions about orders."""

    def __init__(self, kit: OrderKit, delegating: Delegating) -> None:
        """Work with the room's kit."""
        self._kit, self._delegating = kit, delegating

    async def view(self, order_id: str, caller: Caller) -> OrderView:
        """Return an order; a resident sees the own ones with their code, others are not found."""
        view = await self._kit.db.read(lambda c: self._view_tx(c, self._kit.order_tx(c, order_id)))
        if caller.person_id is not None and caller.person_id == view.person_id:
            return await self._for_owner(view, caller.name)
        if not caller.roles & STAFF:
            raise NotFoundError("order.not_found", "there is no such order", order_id=order_id)
        return view

    async def by_link(self, token: str) -> OrderView:
        """Return the order behind its own link, with its code; NotFoundError for any other token."""

        def read(connection: Connection) -> OrderView:
            order = orders.order_by_link(connection, link_hash(token))
            if order is None:
                raise NotFoundError("order.not_found", "there is no such order")
            return self._view_tx(connection, order)

        view = await self._kit.db.read(read)
        return await self._for_owner(view, f"link:{view.order_id}")

    async def page(self, caller: Caller, wanted: OrderFilter, limit: int) -> tuple[OrderView, ...]:
        """Return orders, newest first, without codes; a resident gets the own ones only."""
        if not caller.roles & STAFF:
            wanted = replace(wanted, person_id=caller.person_id or "")

        def read(connection: Connection) -> tuple[OrderView, ...]:
            found = orders.page(connection, wanted, limit)
            return tuple(self._view_tx(connection, one) for one in found)

        return await self._kit.db.read(read)

    async def custody(self, parcel_id: str) -> list[CustodyRecord]:
        """Return who had a parcel, in order; NotFoundError."""

        def read(connection: Connection) -> list[CustodyRecord]:
            if parcels.one_parcel(connection, parcel_id) is None:
                raise NotFoundError("parcel.not_found", "there is no such parcel")
            return parcels.custody_of(connection, parcel_id)

        return await self._kit.db.read(read)

    async def rounds(self, limit: int = 50) -> Sequence[RoundRecord]:
        """Return the newest rounds."""
        return await self._kit.db.read(lambda c: orders.rounds(c, limit))

    async def round(self, round_id: str) -> RoundRecord:
        """Return one round; NotFoundError."""
        found = await self._kit.db.read(lambda c: orders.one_round(c, round_id))
        if found is None:
            raise NotFoundError("round.not_found", "there is no such round")
        return found

    async def _for_owner(self, view: OrderView, shown_to: str) -> OrderView:
        pickup = view.pickup
        if pickup is not None and view.cancel is CancelState.NONE:
            codes = self._kit.stations.codes
            code = await codes.show(pickup.grant_id, shown_to=shown_to)
            qr = await codes.qr(pickup.grant_id) if code else None
            given = [await self._delegating.for_owner(one, shown_to) for one in pickup.delegates]
            pickup = replace(pickup, code=code, qr=qr, delegates=tuple(given))
        return replace(view, pickup=pickup, link_token=self._kit.link_token(view.order_id))

    def _view_tx(self, connection: Connection, order: OrderRecord) -> OrderView:
        own = parcels.parcels_of(connection, order.order_id)
        person = person_tx(connection, order.person_id)
        name_zh, name_en = self._kit.stations.sites.names_tx(connection, order.station_id)
        return OrderView(
            order_id=order.order_id,
            number=order.number,
            person_id=order.person_id,
            person_masked=person.name_masked if person else "*",
            station_id=order.station_id,
            station_name_zh=name_zh,
            station_name_en=name_en,
            round_id=order.round_id,
            state=OrderState(order.state),
            payment=_payment(order),
            cancel=CancelState(order.cancel_state),
            total_fen=order.total_fen,
            paid_fen=order.paid_fen,
            refunded_fen=order.refunded_fen,
            placed_at_ms=order.placed_at_ms,
            pay_by_ms=order.pay_by_ms,
            lines=tuple(orders.lines_of(connection, order.order_id)),
            parcels=tuple(_parcel_view(one) for one in own),
            timeline=tuple(
                _entry_view(one) for one in timeline.entries(connection, order.order_id)
            ),
            pickup=self._pickup_tx(connection, order, own, (name_zh, name_en)),
        )

    def _pickup_tx(
        self,
        connection: Connection,
        order: OrderRecord,
        own: list[ParcelRecord],
        names: tuple[str, str],
    ) -> PickupView | None:
        if order.grant_id is None:
            return None
        grant: GrantView = self._kit.stations.grants.view_tx(connection, order.grant_id)
        return PickupView(
            station_id=order.station_id,
            station_name_zh=names[0],
            station_name_en=names[1],
            grant_id=grant.grant_id,
            grant_state=grant.state.value,
            revoke_state=grant.revoke_state.value,
            live=grant.state.value in ("active", "opened"),
            code=None,
            compartments=tuple(sorted({one.compartment for one in own if one.compartment})),
            expires_at_ms=grant.expires_at_ms,
            delegates=self._delegating.given_tx(connection, order.grant_id),
        )


def _payment(order: OrderRecord) -> Payment:
    if order.refunded_fen:
        whole = order.refunded_fen == order.paid_fen
        return Payment.REFUNDED if whole else Payment.PART_REFUNDED
    unpaid = (OrderState.PLACED, OrderState.EXPIRED, OrderState.CANCELLED)
    return Payment.UNPAID if order.state in unpaid else Payment.PAID


def _parcel_view(record: ParcelRecord) -> ParcelView:
    return ParcelView(
        record.parcel_id,
        record.label,
        record.temperature_class,
        record.size,
        record.items,
        ParcelState(record.state),
        record.compartment,
        record.put_in_at_ms,
        record.expires_at_ms,
    )


def _entry_view(entry: Entry) -> TimelineEntry:
    return TimelineEntry(entry.kind, entry.at_ms, entry.source, entry.parcel_id)
