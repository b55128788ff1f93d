"""Tables of products and stock; several products may draw on one stock item (a single egg, a box of ten)."""

import sqlalchemy as sa

metadata = sa.MetaData()

stock = sa.Table(
    "stock",
    metadata,
    sa.Column("item", sa.String(40), primary_key=True),
    sa.Column("on_hand", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    sa.CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="stock_bounds"),
)

product = sa.Table(
    "product",
    metadata,
    sa.Column("sku", sa.String(40), primary_key=True),
    sa.Column("name_zh", sa.String(80), nullable=False),
    sa.Column("name_en", sa.String(80), nullable=False),
    sa.Column("temperature_class", sa.String(10), nullable=False),
    sa.Column("size", sa.String(1), nullable=False),
    sa.Column("price_fen", sa.BigInteger, nullable=False),
    sa.Column("item", sa.String(40), sa.ForeignKey("stock.item"), nullable=False, index=True),
    sa.Column("units", sa.Integer, nullable=False),
    sa.CheckConstraint("price_fen >= 0 AND units >= 1", name="product_bounds"),
)

movement = sa.Table(
    "stock_movement",
    metadata,
    sa.Column(
        "number",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("item", sa.String(40), sa.ForeignKey("stock.item"), nullable=False, index=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("qty", sa.BigInteger, nullable=False),
    sa.Column("reference", sa.String(80), nullable=False),
)
