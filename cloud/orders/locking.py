"""Locking: a paid order becomes parcels, and the station gets them with the verifier of their code.

That happens before the truck leaves, so put-in and pickup work with the cable cut.
"""

import logging

from sqlalchemy.engine import Connection

from cloud.cdp.service import Person, person_tx
from cloud.orders.kit import OrderKit
from cloud.orders.machine import OrderState, OrderTrigger, ParcelState, next_order_state
from cloud.orders.packing import Goods, Packed, pack
from cloud.orders.store import orders, parcels
from cloud.orders.store.orders import OrderRecord, RoundRecord
from cloud.orders.store.parcels import ParcelRecord
from cloud.orders.store.timeline import Entry
from cloud.stations.service import GrantOrder, PreparedGrant
from common.contract.replica import ParcelRow
from common.contract.words import Size, TemperatureClass
from common.kit.clock import from_ms
from common.kit.errors import ConflictError, NotFoundError
from common.kit.failpoints import fp

log = logging.getLogger(__name__)

VALID_FOR_S = {
    TemperatureClass.AMBIENT: 72 * 3600,
    TemperatureClass.CHILLED: 48 * 3600,
    TemperatureClass.FROZEN: 24 * 3600,
}
"""How long goods may lie in a compartment; a grant lives as long as its most delicate parcel."""
NOT_AFTER_S = 14 * 24 * 3600
"""The absolute end of a grant: a station that is cut off for good honours it no longer."""
_LABEL_DIGITS = 10


class Locking:
    """Rounds and their cut-off."""

    def __init__(self, kit: OrderKit) -> None:
        """Work with the room's kit."""
        self._kit = kit
        self._told: set[str] = set()
        """Orders that cannot be locked and of which the log has said so."""

    async def open_round(self, name: str) -> str:
        """Open a round unless one is open; returns the id of the open one."""
        fresh = RoundRecord(self._kit.new_id(), name, "open", self._kit.now_ms(), None)

        def write(connection: Connection) -> str:
            known = orders.open_round(connection)
            if known is None:
                orders.insert_round(connection, fresh)
            return (known or fresh).round_id

        return await self._kit.db.write(write)

    async def close_round(self, round_id: str, by: str) -> None:
        """Cut off: no more orders, then every paid order of the round is locked. Closing again finishes the locking.

        NotFoundError: no such round.
        """
        now_ms = self._kit.now_ms()

        def write(connection: Connection) -> None:
            known = orders.one_round(connection, round_id)
            if known is None:
                raise NotFoundError("round.not_found", "there is no such round")
            if known.state == "open":
                orders.close_round(connection, round_id, now_ms)
                self._kit.audit_tx(connection, who=by, what="round.closed", about=round_id)
                fp("orders.round_closed")

        await self._kit.db.write(write)
        await self.lock_due()

    async def lock_due(self) -> None:
        """Lock what closed rounds left behind: paid after the cut-off, or interrupted.

        An order that cannot be locked is logged once and tried again the next time; the others go on.
        """
        due = await self._kit.db.read(orders.to_lock)
        self._told.intersection_update(due)
        for order_id in due:
            try:
                await self.lock(order_id)
            except Exception as error:  # noqa: BLE001 - one bad order must not hold up the others
                self._tell(order_id, error)

    def _tell(self, order_id: str, error: Exception) -> None:
        cancelled = isinstance(error, ConflictError) and error.key == "order.state"
        if cancelled or order_id in self._told:
            return
        self._told.add(order_id)
        log.error("order %s cannot be locked, the others go on", order_id, exc_info=error)

    async def lock(self, order_id: str) -> None:
        """Make parcels and a code of a confirmed order; an order locked before stays as it is.

        Errors: NotFoundError, ConflictError `order.state`.
        """
        order = await self._kit.db.read(lambda c: self._kit.order_tx(c, order_id))
        if order.grant_id is not None:
            return
        _lockable(order)
        now_ms = self._kit.now_ms()
        await self._kit.with_code(
            order.station_id, lambda c, code: self._lock_tx(c, order_id, code, now_ms)
        )

    def _lock_tx(
        self, connection: Connection, order_id: str, prepared: PreparedGrant, now_ms: int
    ) -> None:
        order = self._kit.order_tx(connection, order_id)
        state = _lockable(order)
        person = person_tx(connection, order.person_id)
        if person is None:
            raise NotFoundError("order.person_unknown", "there is no such person")
        packed = pack(_goods(connection, order_id))
        expected_on = self._local_date(connection, order.station_id, now_ms)
        records = [self._parcel(connection, order, one, expected_on) for one in packed]
        for record, one in zip(records, packed, strict=True):
            parcels.insert_parcel(connection, record, one.lines)
        fp("orders.parcels_made")
        not_after_ms = now_ms + NOT_AFTER_S * 1000
        grant_id = self._kit.stations.grants.issue_tx(
            connection,
            prepared,
            order=GrantOrder(
                order_id=order_id,
                person_id=order.person_id,
                valid_for_s=min(VALID_FOR_S[one.temperature_class] for one in packed),
                not_after_ms=not_after_ms,
            ),
            parcels=[parcel_row(record, order, person, "announced") for record in records],
        )
        orders.update_order(
            connection,
            order_id,
            state=state.value,
            grant_id=grant_id,
            not_after_ms=not_after_ms,
        )
        self._kit.tell_tx(connection, Entry(order_id, state.value, f"grant/{grant_id}", now_ms))
        fp("orders.locked")

    def _parcel(
        self, connection: Connection, order: OrderRecord, packed: Packed, expected_on: str
    ) -> ParcelRecord:
        label = f"LL{self._kit.draw_digits(_LABEL_DIGITS)}"
        while parcels.label_taken(connection, label):
            label = f"LL{self._kit.draw_digits(_LABEL_DIGITS)}"
        return ParcelRecord(
            parcel_id=self._kit.new_id(),
            order_id=order.order_id,
            station_id=order.station_id,
            label=label,
            temperature_class=packed.temperature_class.value,
            size=packed.size.value,
            items=packed.items,
            value_fen=packed.value_fen,
            expected_on=expected_on,
            state=ParcelState.LOCKED.value,
            stock="reserved",
            compartment=None,
            put_in_at_ms=None,
            expires_at_ms=None,
            ended_at_ms=None,
            withdrawn=False,
        )

    def _local_date(self, connection: Connection, station_id: str, at_ms: int) -> str:
        zone = self._kit.stations.sites.timezone_tx(connection, station_id)
        return from_ms(at_ms).astimezone(zone).date().isoformat()


def parcel_row(
    record: ParcelRecord, order: OrderRecord, person: Person | None, state: str
) -> ParcelRow:
    """Return what the station is told about a parcel: masked name, no phone number."""
    return ParcelRow.model_validate(
        {
            "parcel_id": record.parcel_id,
            "label": record.label,
            "order_tail": order.number[-4:],
            "person_masked": person.name_masked if person else "*",
            "phone_tail": person.phone_tail if person else "",
            "temperature_class": TemperatureClass(record.temperature_class),
            "size": Size(record.size),
            "items": record.items,
            "expected_on": record.expected_on,
            "state": state,
        }
    )


def _lockable(order: OrderRecord) -> OrderState:
    try:
        return next_order_state(OrderState(order.state), OrderTrigger.LOCK)
    except KeyError as error:
        raise ConflictError(
            "order.state", f"an order that is {order.state} cannot be locked", state=order.state
        ) from error


def _goods(connection: Connection, order_id: str) -> list[Goods]:
    return [
        Goods(
            line.sku,
            line.qty,
            line.unit_price_fen,
            TemperatureClass(line.temperature_class),
            Size(line.size),
        )
        for line in orders.lines_of(connection, order_id)
    ]
