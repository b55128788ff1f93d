"""Routes of products and their stock."""

from typing import Annotated

from pydantic import Field

from cloud.access.caller import DESK, SIGNED_IN, WAREHOUSE
from cloud.catalog.service import Catalog, Product
from common.contract.words import Size, TemperatureClass
from common.kit.openapi import AnswerModel, RequestModel, route

Sku = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{0,39}$")]
_FEN_MAX = 100_000_000
_PIECES_MAX = 1_000_000


class NewProduct(RequestModel):
    """A product; `item` (default: its sku) names the stock it draws `units` from."""

    sku: Sku
    name_zh: str = Field(min_length=1, max_length=80)
    name_en: str = Field(min_length=1, max_length=80)
    temperature_class: TemperatureClass
    size: Size
    price_fen: int = Field(ge=0, le=_FEN_MAX)
    item: Sku | None = None
    units: int = Field(1, ge=1, le=1000)


class Receipt(RequestModel):
    """Pieces that came in; negative corrects a count."""

    pieces: int = Field(ge=-_PIECES_MAX, le=_PIECES_MAX)
    reason: str = Field(min_length=3, max_length=80)


class ProductView(AnswerModel):
    """One product and how many pieces can still be promised."""

    sku: str
    name_zh: str
    name_en: str
    temperature_class: TemperatureClass
    size: Size
    price_fen: int
    item: str
    units: int
    available: int


class ProductList(AnswerModel):
    """The catalogue."""

    products: list[ProductView]


class CatalogRoutes:
    """The operations."""

    def __init__(self, catalog: Catalog) -> None:
        """Serve `catalog`."""
        self._catalog = catalog

    @route("GET", "/products", summary="The catalogue", roles=SIGNED_IN)
    async def products(self) -> ProductList:
        """Return every product by sku."""
        return ProductList(products=[_view(item) for item in await self._catalog.products()])

    @route(
        "GET",
        "/products/{sku}",
        summary="One product",
        roles=SIGNED_IN,
        errors=("product.not_found",),
    )
    async def product(self, sku: Sku) -> ProductView:
        """Return the product."""
        return _view(await self._catalog.product(sku))

    @route(
        "POST",
        "/products",
        summary="Add a product",
        roles=DESK,
        status=201,
        errors=("product.taken",),
    )
    async def add(self, body: NewProduct) -> ProductView:
        """Return the new product, without stock."""
        new = Product(
            sku=body.sku,
            name_zh=body.name_zh,
            name_en=body.name_en,
            temperature_class=body.temperature_class,
            size=body.size,
            price_fen=body.price_fen,
            item=body.item or body.sku,
            units=body.units,
        )
        return _view(await self._catalog.add(new))

    @route(
        "POST",
        "/products/{sku}/stock",
        summary="Take pieces into stock, or correct a count",
        roles=DESK | {WAREHOUSE},
        errors=("product.not_found", "stock.short"),
    )
    async def receive(self, sku: Sku, body: Receipt) -> ProductView:
        """Return the product with what is left to promise."""
        return _view(await self._catalog.receive(sku, body.pieces, body.reason))


def _view(product: Product) -> ProductView:
    return ProductView(
        sku=product.sku,
        name_zh=product.name_zh,
        name_en=product.name_en,
        temperature_class=product.temperature_class,
        size=product.size,
        price_fen=product.price_fen,
        item=product.item,
        units=product.units,
        available=product.available,
    )
