"""The catalogue and its stock: promised by one conditional UPDATE for each stock item, all or nothing.

`reserve_tx`, `release_tx` and `consume_tx` run inside the transaction of whoever owns the order.
"""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy.engine import Connection

from cloud.catalog import store
from cloud.catalog.store import Kind, Product
from common.kit.errors import ConflictError, NotFoundError
from common.kit.sqldb import HubDb

__all__ = ["Catalog", "Product", "consume_tx", "products_tx", "release_tx", "reserve_tx"]

Lines = Sequence[tuple[str, int]]


def products_tx(conn: Connection, skus: Sequence[str]) -> dict[str, Product]:
    """Return the products of `skus`; unknown ones are absent."""
    return store.find(conn, list(skus))


def reserve_tx(conn: Connection, lines: Lines, *, reference: str = "") -> None:
    """Promise every `(sku, qty)` or none: ConflictError `stock.short` names the first sku that lacks."""
    _move_tx(conn, Kind.RESERVE, lines, reference)


def release_tx(conn: Connection, lines: Lines, *, reference: str = "") -> None:
    """Give a promise back."""
    _move_tx(conn, Kind.RELEASE, lines, reference)


def consume_tx(conn: Connection, lines: Lines, *, reference: str = "") -> None:
    """Let promised goods leave the shelf."""
    _move_tx(conn, Kind.CONSUME, lines, reference)


def _move_tx(conn: Connection, kind: Kind, lines: Lines, reference: str) -> None:
    known = store.find(conn, [sku for sku, _ in lines])
    units: Counter[str] = Counter()
    sku_of: dict[str, str] = {}
    for sku, qty in lines:
        if (product := known.get(sku)) is None:
            raise NotFoundError("product.not_found", f"the catalogue has no {sku}", sku=sku)
        units[product.item] += qty * product.units
        sku_of.setdefault(product.item, sku)
    for item, qty in sorted(units.items()):  # one order of locks for every transaction
        if not store.move(conn, kind, item, qty, reference):
            sku = sku_of[item]
            raise ConflictError("stock.short", f"there is not enough of {sku} left", sku=sku)


class Catalog:
    """What is sold."""

    def __init__(self, db: HubDb) -> None:
        """Stand on the hub's store."""
        self._db = db

    async def products(self) -> list[Product]:
        """Return everything by sku."""
        return await self._db.read(store.everything)

    async def product(self, sku: str) -> Product:
        """Return one product."""
        return await self._db.read(lambda conn: _known(conn, sku))

    async def add(self, new: Product) -> Product:
        """Add a product; its sku must be new."""

        def insert(conn: Connection) -> Product:
            if store.find(conn, [new.sku]):
                raise ConflictError("product.taken", "that sku is taken", sku=new.sku)
            store.add(conn, new)
            return _known(conn, new.sku)

        return await self._db.write(insert)

    async def receive(self, sku: str, pieces: int, reference: str) -> Product:
        """Add pieces to the stock (negative: a correction); never below what is promised."""

        def add(conn: Connection) -> Product:
            found = _known(conn, sku)
            if not store.move(conn, Kind.RECEIVE, found.item, pieces * found.units, reference):
                raise ConflictError("stock.short", f"less than that of {sku} is free", sku=sku)
            return _known(conn, sku)

        return await self._db.write(add)


def _known(conn: Connection, sku: str) -> Product:
    found = store.find(conn, [sku]).get(sku)
    if found is None:
        raise NotFoundError("product.not_found", "there is no such product", sku=sku)
    return found
