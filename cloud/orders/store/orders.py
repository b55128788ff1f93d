"""SQL of rounds, orders and their lines."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.orders.models import order, order_line, round_

Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One row of `sale_round`."""

    round_id: str
    name: str
    state: str
    opened_at_ms: int
    closed_at_ms: int | None


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """One row of `customer_order`."""

    order_id: str
    number: str
    person_id: str
    station_id: str
    round_id: str
    state: str
    cancel_state: str
    cancel_op: int | None
    grant_id: str | None
    total_fen: int
    paid_fen: int
    refunded_fen: int
    revenue_fen: int
    placed_at_ms: int
    pay_by_ms: int
    not_after_ms: int | None
    link_hash: bytes


@dataclass(frozen=True, slots=True)
class LineRecord:
    """One row of `order_line`: the price as it was."""

    order_id: str
    line: int
    sku: str
    name_zh: str
    name_en: str
    qty: int
    unit_price_fen: int
    temperature_class: str
    size: str


def open_round(connection: Connection) -> RoundRecord | None:
    """Return the round that takes orders."""
    row = connection.execute(sa.select(round_).where(round_.c.state == "open")).first()
    return None if row is None else RoundRecord(*row)


def one_round(connection: Connection, round_id: str) -> RoundRecord | None:
    """Return a round."""
    row = connection.execute(sa.select(round_).where(round_.c.round_id == round_id)).first()
    return None if row is None else RoundRecord(*row)


def rounds(connection: Connection, limit: int) -> list[RoundRecord]:
    """Return the newest rounds, newest first."""
    rows = connection.execute(
        sa.select(round_).order_by(round_.c.opened_at_ms.desc(), round_.c.round_id).limit(limit)
    )
    return [RoundRecord(*row) for row in rows]


def insert_round(connection: Connection, record: RoundRecord) -> None:
    """Write a new round."""
    connection.execute(round_.insert().values(**asdict(record)))


def close_round(connection: Connection, round_id: str, at_ms: int) -> None:
    """Let a round take no more orders."""
    connection.execute(
        round_.update()
        .where(round_.c.round_id == round_id)
        .values(state="closed", closed_at_ms=at_ms)
    )


def insert_order(connection: Connection, record: OrderRecord, lines: Sequence[LineRecord]) -> None:
    """Write a new order with its lines."""
    connection.execute(order.insert().values(**asdict(record)))
    connection.execute(order_line.insert(), [asdict(line) for line in lines])


def update_order(connection: Connection, order_id: str, **values: Value) -> None:
    """Change columns of an order."""
    connection.execute(order.update().where(order.c.order_id == order_id).values(**values))


def one_order(connection: Connection, order_id: str) -> OrderRecord | None:
    """Return an order."""
    return next(iter(_select(connection, order.c.order_id == order_id)), None)


def order_by_link(connection: Connection, link_hash: bytes) -> OrderRecord | None:
    """Return the order behind a resident's page link."""
    return next(iter(_select(connection, order.c.link_hash == link_hash)), None)


def number_taken(connection: Connection, number: str) -> bool:
    """Return whether an order has this number."""
    found = connection.execute(sa.select(order.c.order_id).where(order.c.number == number))
    return found.first() is not None


def lines_of(connection: Connection, order_id: str) -> list[LineRecord]:
    """Return the order's lines."""
    rows = connection.execute(
        sa.select(order_line).where(order_line.c.order_id == order_id).order_by(order_line.c.line)
    )
    return [LineRecord(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list; None leaves a column open."""

    person_id: str | None = None
    station_id: str | None = None
    round_id: str | None = None
    state: str | None = None
    before_id: str | None = None


def page(connection: Connection, wanted: OrderFilter, limit: int) -> list[OrderRecord]:
    """Return orders, newest first, behind `before_id`."""
    where = [
        column == value
        for column, value in (
            (order.c.person_id, wanted.person_id),
            (order.c.station_id, wanted.station_id),
            (order.c.round_id, wanted.round_id),
            (order.c.state, wanted.state),
        )
        if value is not None
    ]
    if wanted.before_id is not None:
        where.append(order.c.order_id < wanted.before_id)
    rows = connection.execute(
        sa.select(order).where(*where).order_by(order.c.order_id.desc()).limit(limit)
    )
    return [_record(row) for row in rows]


def unpaid_past(connection: Connection, now_ms: int) -> list[OrderRecord]:
    """Return placed orders whose time to pay is over."""
    return _select(connection, (order.c.state == "placed") & (order.c.pay_by_ms <= now_ms))


def to_lock(connection: Connection) -> list[str]:
    """Return paid orders of closed rounds that are not locked yet."""
    rows = connection.execute(
        sa.select(order.c.order_id)
        .join(round_, round_.c.round_id == order.c.round_id)
        .where(order.c.state == "confirmed", round_.c.state == "closed")
        .order_by(order.c.order_id)
    )
    return list(rows.scalars())


def pending_cancels(connection: Connection, station_id: str | None = None) -> list[OrderRecord]:
    """Return orders whose cancel waits for their station."""
    where = order.c.cancel_state == "pending"
    if station_id is not None:
        where &= order.c.station_id == station_id
    return _select(connection, where)


def _select(connection: Connection, where: "sa.ColumnElement[bool]") -> list[OrderRecord]:
    rows = connection.execute(sa.select(order).where(where).order_by(order.c.order_id))
    return [_record(row) for row in rows]


def _record(row: "sa.Row[tuple[object, ...]]") -> OrderRecord:
    values = dict(row._mapping)  # noqa: SLF001 - the documented name of a row's mapping
    values["link_hash"] = bytes(values["link_hash"])
    return OrderRecord(**values)
