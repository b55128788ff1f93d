"""Placing and paying: the promise of stock and the order are one transaction, money and confirmation another."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from cloud.catalog.service import Product, products_tx, release_tx, reserve_tx
from cloud.cdp.service import person_tx
from cloud.money.service import Account, JournalKind, move
from cloud.orders.kit import OrderKit, link_hash
from cloud.orders.machine import CancelState, OrderState, OrderTrigger, next_order_state
from cloud.orders.store import orders
from cloud.orders.store.orders import LineRecord, OrderRecord, RoundRecord
from cloud.orders.store.timeline import Entry
from common.kit.errors import ConflictError, InvalidError, NotFoundError
from common.kit.failpoints import fp

PAY_WITHIN_S = 30 * 60
NUMBER_DIGITS = 10
MOST_PIECES = 200
"""More than any station holds; thousands of parcels of one order would keep the one writer from everybody."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants, where to fetch it."""

    person_id: str
    station_id: str
    lines: Sequence[tuple[str, int]]


class Placing:
    """Use cases up to the confirmed order."""

    def __init__(self, kit: OrderKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    async def place(self, wish: Wish) -> str:
        """Write an order with its stock promised, or nothing; returns its id.

        Errors: InvalidError (person, article, no lines), NotFoundError (station), ConflictError (`stock.short`,
        `order.round_closed`).
        """
        order_id = self._kit.new_id()
        now_ms = self._kit.now_ms()
        await self._kit.db.write(lambda c: self._place_tx(c, wish, order_id, now_ms))
        return order_id

    async def pay(self, order_id: str) -> None:
        """Capture the whole amount at the sandbox provider; paying again is the same payment.

        ConflictError: `order.pay_too_late`, `order.state`.
        """
        now_ms = self._kit.now_ms()
        await self._kit.db.write(lambda c: self._pay_tx(c, order_id, now_ms))

    def expire_tx(self, connection: Connection, now_ms: int) -> int:
        """Give back the stock of orders nobody paid in time; returns how many."""
        late = orders.unpaid_past(connection, now_ms)
        for order in late:
            state = next_order_state(OrderState(order.state), OrderTrigger.TIME_OUT)
            self.give_up_tx(
                connection, order, state, Entry(order.order_id, state.value, "time", now_ms)
            )
        return len(late)

    def give_up_tx(
        self, connection: Connection, order: OrderRecord, state: OrderState, entry: Entry
    ) -> None:
        """End an order that has no parcels yet: its whole promise goes back on sale."""
        lines = [(one.sku, one.qty) for one in orders.lines_of(connection, order.order_id)]
        release_tx(connection, lines, reference=order.order_id)
        orders.update_order(connection, order.order_id, state=state.value)
        self._kit.tell_tx(connection, entry)
        fp("orders.given_up")

    def _place_tx(self, connection: Connection, wish: Wish, order_id: str, now_ms: int) -> None:
        round_ = orders.open_round(connection)
        if round_ is None:
            raise ConflictError("order.round_closed", "no round takes orders now")
        if person_tx(connection, wish.person_id) is None:
            raise NotFoundError("order.person_unknown", "there is no such person")
        self._kit.stations.sites.names_tx(connection, wish.station_id)
        lines = _summed(wish.lines)
        known = _known_products(connection, list(lines))
        reserve_tx(connection, list(lines.items()), reference=order_id)
        fp("orders.stock_reserved")
        record = self._record(connection, wish, order_id, round_, now_ms)
        rows = _line_rows(order_id, lines, known)
        total_fen = sum(row.qty * row.unit_price_fen for row in rows)
        orders.insert_order(connection, replace(record, total_fen=total_fen), rows)
        self._kit.tell_tx(
            connection, Entry(order_id, OrderState.PLACED.value, f"order/{order_id}", now_ms)
        )
        fp("orders.placed")

    def _pay_tx(self, connection: Connection, order_id: str, now_ms: int) -> None:
        order = self._kit.order_tx(connection, order_id)
        state = OrderState(order.state)
        if state is not OrderState.PLACED:
            if state not in (OrderState.EXPIRED, OrderState.CANCELLED):
                return
            key = "order.pay_too_late" if state is OrderState.EXPIRED else "order.state"
            raise ConflictError(key, f"the order is {state}", state=state.value)
        if order.pay_by_ms <= now_ms:
            raise ConflictError("order.pay_too_late", "the time to pay is over")
        source = f"order/{order_id}"
        if order.total_fen:
            posted = self._kit.money.post_tx(
                connection,
                JournalKind.PAYMENT_CAPTURED,
                f"capture|{order_id}",
                move(Account.PSP_CLEARING, Account.ORDER_LIABILITY, order.total_fen),
                subject_id=order_id,
            )
            source = f"journal/{posted.journal_id}"
        confirmed = next_order_state(state, OrderTrigger.PAY)
        orders.update_order(connection, order_id, state=confirmed.value, paid_fen=order.total_fen)
        self._kit.tell_tx(connection, Entry(order_id, confirmed.value, source, now_ms))
        fp("orders.paid")

    def _record(
        self,
        connection: Connection,
        wish: Wish,
        order_id: str,
        round_: RoundRecord,
        now_ms: int,
    ) -> OrderRecord:
        number = self._kit.draw_digits(NUMBER_DIGITS)
        while orders.number_taken(connection, number):
            number = self._kit.draw_digits(NUMBER_DIGITS)
        return OrderRecord(
            order_id=order_id,
            number=number,
            person_id=wish.person_id,
            station_id=wish.station_id,
            round_id=round_.round_id,
            state=OrderState.PLACED.value,
            cancel_state=CancelState.NONE.value,
            cancel_op=None,
            grant_id=None,
            total_fen=0,
            paid_fen=0,
            refunded_fen=0,
            revenue_fen=0,
            placed_at_ms=now_ms,
            pay_by_ms=now_ms + PAY_WITHIN_S * 1000,
            not_after_ms=None,
            link_hash=link_hash(self._kit.link_token(order_id)),
        )


def _summed(lines: Sequence[tuple[str, int]]) -> Counter[str]:
    """Return pieces per sku: the same article twice is one line."""
    total: Counter[str] = Counter()
    for sku, qty in lines:
        total[sku] += qty
    if not total or min(total.values()) < 1:
        raise InvalidError("order.empty", "an order has at least one piece of something")
    if total.total() > MOST_PIECES:
        raise InvalidError(
            "order.too_large", f"an order has at most {MOST_PIECES} pieces", most=MOST_PIECES
        )
    return total


def _known_products(connection: Connection, skus: list[str]) -> dict[str, Product]:
    known = products_tx(connection, skus)
    for sku in skus:
        if sku not in known:
            raise NotFoundError("order.sku_unknown", f"the catalogue has no {sku}", sku=sku)
    return known


def _line_rows(order_id: str, lines: Counter[str], known: dict[str, Product]) -> list[LineRecord]:
    return [
        LineRecord(
            order_id=order_id,
            line=line,
            sku=sku,
            name_zh=known[sku].name_zh,
            name_en=known[sku].name_en,
            qty=qty,
            unit_price_fen=known[sku].price_fen,
            temperature_class=known[sku].temperature_class.value,
            size=known[sku].size.value,
        )
        for line, (sku, qty) in enumerate(lines.items(), start=1)
    ]
