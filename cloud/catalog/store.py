"""SQL of products and stock; every function runs inside the caller's transaction."""

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.catalog.models import movement, product, stock
from common.contract.words import Size, TemperatureClass


class Kind(StrEnum):
    """What moved; `on_hand` and `reserved` are the sums of these rows."""

    RECEIVE = "receive"  # may be negative: a correction with a reason
    RESERVE = "reserve"
    RELEASE = "release"
    CONSUME = "consume"


@dataclass(frozen=True, slots=True)
class Product:
    """Something sold; one piece takes `units` of stock item `item`."""

    sku: str
    name_zh: str
    name_en: str
    temperature_class: TemperatureClass
    size: Size
    price_fen: int
    item: str
    units: int
    available: int = 0  # pieces that can still be promised


def _product(row: sa.Row[tuple[object, ...]]) -> Product:
    return Product(
        sku=row.sku,
        name_zh=row.name_zh,
        name_en=row.name_en,
        temperature_class=TemperatureClass(row.temperature_class),
        size=Size(row.size),
        price_fen=row.price_fen,
        item=row.item,
        units=row.units,
        available=(row.on_hand - row.reserved) // row.units,
    )


def _select() -> "sa.Select[tuple[object, ...]]":
    joined = product.join(stock, stock.c.item == product.c.item)
    return sa.select(product, stock.c.on_hand, stock.c.reserved).select_from(joined)


def find(conn: Connection, skus: list[str]) -> dict[str, Product]:
    """Return the products of these skus; unknown ones are absent."""
    rows = conn.execute(_select().where(product.c.sku.in_(skus)))
    return {row.sku: _product(row) for row in rows}


def everything(conn: Connection) -> list[Product]:
    """Return the catalogue by sku."""
    return [_product(row) for row in conn.execute(_select().order_by(product.c.sku))]


def add(conn: Connection, new: Product) -> None:
    """Insert a product, and its stock item when that is new."""
    ensure_item(conn, new.item)
    conn.execute(
        product.insert().values(
            sku=new.sku,
            name_zh=new.name_zh,
            name_en=new.name_en,
            temperature_class=new.temperature_class.value,
            size=new.size.value,
            price_fen=new.price_fen,
            item=new.item,
            units=new.units,
        )
    )


def ensure_item(conn: Connection, item: str) -> None:
    """Insert an empty stock item when there is none."""
    if conn.execute(sa.select(stock.c.item).where(stock.c.item == item)).first() is None:
        conn.execute(stock.insert().values(item=item, on_hand=0, reserved=0))


def move(conn: Connection, kind: Kind, item: str, qty: int, reference: str) -> bool:
    """Change the counters by one conditional UPDATE; False when the bounds refuse it."""
    free = stock.c.on_hand - stock.c.reserved
    on_hand, reserved, guard = {
        Kind.RECEIVE: (qty, 0, free + qty >= 0),
        Kind.RESERVE: (0, qty, free >= qty),
        Kind.RELEASE: (0, -qty, stock.c.reserved >= qty),
        Kind.CONSUME: (-qty, -qty, stock.c.reserved >= qty),
    }[kind]
    changed = conn.execute(
        stock.update()
        .where(stock.c.item == item, guard)
        .values(on_hand=stock.c.on_hand + on_hand, reserved=stock.c.reserved + reserved)
    )
    if changed.rowcount != 1:
        return False
    conn.execute(movement.insert().values(item=item, kind=kind.value, qty=qty, reference=reference))
    return True
