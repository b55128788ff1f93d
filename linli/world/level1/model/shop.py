"""What people do at the model hub: order, pay, lock, scan, cancel, revoke, open a door from afar."""

from collections.abc import Mapping
from dataclasses import replace

from cloud.orders.machine import (
    CANCELLABLE_WITH_PARCELS,
    CancelState,
    OrderState,
    ParcelState,
    ParcelTrigger,
    next_parcel_state,
    state_of_parcels,
)
from cloud.orders.packing import pack
from cloud.stations.machine import LIVE_GRANTS, GrantTrigger, HubGrantState, next_grant_state
from common.contract.replica import ParcelRow
from common.contract.words import CommandState, TemperatureClass
from common.kit.errors import ConflictError, NotFoundError
from common.kit.failpoints import fp as passes
from linli.world.level1.model import feed
from linli.world.level1.model.books import Books, Command, Grant, Order, Parcel, move
from linli.world.level1.model.drawing import Drawing, grant_row

PAY_WITHIN_MS = 30 * 60_000
VALID_FOR_S = {
    TemperatureClass.AMBIENT: 72 * 3600,
    TemperatureClass.CHILLED: 48 * 3600,
    TemperatureClass.FROZEN: 24 * 3600,
}
_ANSWER_MS, _TWO_PERSONS_MS, _HELD_MS = 300_000, 600_000, 600_000
_ENDS = frozenset({ParcelState.COLLECTED, ParcelState.CANCELLED})
_IN_HOUSE = frozenset({ParcelState.LOCKED, ParcelState.PACKED})


class Acts:
    """Every act runs on a draft of the books."""

    def __init__(self, drawing: Drawing) -> None:
        """Draw with `drawing`."""
        self._draw = drawing

    def place(self, books: Books, person_id: str, lines: Mapping[str, int]) -> str:
        """Promise the stock and write the order."""
        for item, units in self._draw.units(tuple(lines.items())).items():
            if books.stock.get(item, 0) < units:
                raise ConflictError("stock.short", "not enough is left", item=item)
            books.stock[item] -= units
        passes("orders.stock_reserved")
        order = Order(
            self._draw.new_id(), self._draw.digits(10), person_id, tuple(lines.items()),
            self._draw.now_ms() + PAY_WITHIN_MS,
        )  # fmt: skip
        books.orders[order.order_id] = order
        passes("orders.placed")
        return order.order_id

    def pay(self, books: Books, order_id: str) -> None:
        """Confirm an order in time; a second time changes nothing."""
        order = books.orders[order_id]
        if order.state in (OrderState.EXPIRED, OrderState.CANCELLED):
            raise ConflictError("order.pay_too_late", f"the order is {order.state}")
        if order.state is not OrderState.PLACED:
            return
        if order.pay_by_ms <= self._draw.now_ms():
            raise ConflictError("order.pay_too_late", "the time to pay is over")
        books.orders[order_id] = replace(order, state=OrderState.CONFIRMED)
        passes("orders.paid")

    def lock(self, books: Books, order_id: str) -> None:
        """Make parcels and a code, and tell the station; a second time changes nothing."""
        order = books.orders[order_id]
        if order.grant_id is not None:
            return
        if order.state is not OrderState.CONFIRMED:
            raise ConflictError("order.state", f"an order that is {order.state} cannot be locked")
        packed = pack(self._draw.goods(order))
        parcels = [self._draw.parcel(books, order, one) for one in packed]
        books.parcels |= {one.parcel_id: one for one in parcels}
        passes("orders.parcels_made")
        for one in parcels:
            feed.put(books, "parcel", ParcelRow.model_validate_json(one.body))
        valid_for_s = min(VALID_FOR_S[one.temperature_class] for one in packed)
        grant = self._draw.grant(books, order, tuple(one.parcel_id for one in parcels), valid_for_s)
        self._draw.pin_keys(books)
        feed.put(books, "grant", grant_row(grant, revoked=False))
        books.grants[grant.grant_id] = grant
        passes("stations.grant_issued")
        books.orders[order_id] = replace(
            order, state=OrderState.LOCKED, grant_id=grant.grant_id,
            parcel_ids=grant.parcel_ids, not_after_ms=grant.not_after_ms,
        )  # fmt: skip
        passes("orders.locked")

    def hand_on(self, books: Books, parcel_id: str, trigger: ParcelTrigger) -> None:
        """Scan a parcel on its way."""
        parcel = books.parcels[parcel_id]
        if books.orders[parcel.order_id].cancel is CancelState.PENDING:
            raise ConflictError("order.cancel_pending", "the order is being cancelled")
        self.step(books, parcel, trigger, f"custody/{self._draw.new_id()}", self._draw.now_ms())

    def cancel(self, books: Books, order_id: str) -> None:
        """Cancel at once while only the hub knows; else ask the station."""
        order = books.orders[order_id]
        if order.state is OrderState.CANCELLED or order.cancel is CancelState.PENDING:
            return
        own = [books.parcels[one] for one in order.parcel_ids]
        if not own and order.state in (OrderState.PLACED, OrderState.CONFIRMED):
            self._give_up(books, order, OrderState.CANCELLED, CancelState.DONE)
            passes("orders.refunded")
            return
        at_home = all(one.state in _IN_HOUSE for one in own)
        if order.state not in CANCELLABLE_WITH_PARCELS or not at_home:
            raise ConflictError("order.cancel_too_late", f"the order is {order.state}")
        if order.grant_id and books.grants[order.grant_id].state in LIVE_GRANTS:
            self.revoke(books, order.grant_id)
        op = 0
        for one in own:
            row = ParcelRow.model_validate_json(one.body).model_copy(update={"state": "cancelled"})
            op = feed.put(books, "parcel", row)
        books.orders[order_id] = replace(order, cancel=CancelState.PENDING, cancel_op=op)
        passes("orders.cancel_requested")

    def revoke(self, books: Books, grant_id: str) -> None:
        """Ask the station to refuse a code."""
        grant = books.grants.get(grant_id)
        if grant is None:
            raise NotFoundError("grant.not_found", "there is no such grant")
        if grant.state not in LIVE_GRANTS:
            raise ConflictError("grant.over", "the grant has ended", state=grant.state)
        if not grant.revoke_asked:
            op = feed.put(books, "grant", grant_row(grant, revoked=True))
            books.grants[grant_id] = replace(grant, revoke_asked=True, revoke_op=op)
            passes("stations.grant_revoked")

    def open_door(self, books: Books, label: str, reason: str, by: str) -> None:
        """Ask for one door; a second one within ten minutes waits for another person."""
        now_ms = self._draw.now_ms()
        lately = {
            one.label
            for one in books.commands.values()
            if one.issued_ms > now_ms - _TWO_PERSONS_MS and one.op
        }
        held, row = bool(lately - {label}), self._draw.command(label, reason, by)
        op = 0 if held else feed.put(books, "command", row)
        state = CommandState.HELD if held else CommandState.QUEUED
        end_ms = now_ms + _HELD_MS if held else row.expires_at_ms
        books.commands[row.command_id] = Command(row.command_id, label, now_ms, end_ms, state, op)
        passes("stations.command_issued")

    def step(
        self, books: Books, parcel: Parcel, trigger: ParcelTrigger, source: str, at_ms: int
    ) -> Parcel:
        """Move a parcel by one fact or act; the same source again changes nothing. ConflictError `parcel.state`."""
        if any(known == source for _, known in parcel.story):
            return parcel
        try:
            after = next_parcel_state(parcel.state, trigger)
        except KeyError as error:
            said = f"a parcel that is {parcel.state} cannot {trigger}"
            raise ConflictError("parcel.state", said) from error
        gone = trigger is ParcelTrigger.COLLECTED or trigger is ParcelTrigger.HANDED_OVER
        if trigger is ParcelTrigger.CANCEL and parcel.state in _IN_HOUSE and parcel.is_promised:
            self._back_on_sale(books, parcel.lines)
            gone = True
        moved = move(
            books, parcel, state=after, story=(*parcel.story, (trigger.value, source)),
            is_promised=parcel.is_promised and not gone,
            ended_ms=(parcel.ended_ms or at_ms) if after in _ENDS else None,
        )  # fmt: skip
        passes("orders.parcel_moved")
        order = books.orders[parcel.order_id]
        state = state_of_parcels([books.parcels[one].state for one in order.parcel_ids])
        books.orders[order.order_id] = replace(order, state=state)
        return moved

    def finish_cancel(self, books: Books, order: Order, at_ms: int) -> None:
        """The station has applied a cancel, or cannot honour its code any more."""
        own = [books.parcels[one] for one in order.parcel_ids]
        taken = any(one.state is ParcelState.COLLECTED for one in own)
        outcome = CancelState.LOST if taken else CancelState.DONE
        books.orders[order.order_id] = replace(order, cancel=outcome)
        for one in own:
            if one.state not in _ENDS:
                self.step(books, one, ParcelTrigger.CANCEL, f"cancel/{order.order_id}", at_ms)
        passes("orders.refunded")
        passes("orders.cancel_finished")

    def give_up_unpaid(self, books: Books, order: Order) -> None:
        """Nobody paid in time."""
        self._give_up(books, order, OrderState.EXPIRED, order.cancel)

    def _give_up(self, books: Books, order: Order, state: OrderState, cancel: CancelState) -> None:
        self._back_on_sale(books, order.lines)
        books.orders[order.order_id] = replace(order, state=state, cancel=cancel)
        passes("orders.given_up")

    def _back_on_sale(self, books: Books, lines: tuple[tuple[str, int], ...]) -> None:
        for item, units in self._draw.units(lines).items():
            books.stock[item] += units


def turn(books: Books, grant_id: str, trigger: GrantTrigger, now_ms: int) -> Grant | None:
    """Let a fact or the clock move a grant; None for one that nobody issued here."""
    grant = books.grants.get(grant_id)
    if grant is None:
        return None
    state = next_grant_state(grant.state, trigger)
    live = state in LIVE_GRANTS
    settled = not live or state is HubGrantState.OPENED
    changed = replace(
        grant, state=state, digits=grant.digits if live else None,
        revoke_op=0 if settled else grant.revoke_op,
        ended_ms=None if live else grant.ended_ms or now_ms,
    )  # fmt: skip
    books.grants[grant_id] = changed
    return changed


def command_is_late(command: Command, now_ms: int) -> CommandState | None:
    """Return what time has made of a command; None: nothing yet."""
    if command.state in (CommandState.QUEUED, CommandState.HELD):
        return CommandState.EXPIRED if command.expires_ms <= now_ms else None
    if command.state in (CommandState.DELIVERED, CommandState.STARTED):
        return CommandState.UNKNOWN if command.expires_ms <= now_ms - _ANSWER_MS else None
    return None
