"""Tables of rounds, orders, parcels, custody, timelines and cases."""

import sqlalchemy as sa

metadata = sa.MetaData()


def _ms(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=nullable)


round_ = sa.Table(
    "sale_round",
    metadata,
    sa.Column("round_id", sa.String(26), primary_key=True),
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    _ms("opened_at_ms"),
    _ms("closed_at_ms", nullable=True),
)
# At most one round takes orders.
sa.Index(
    "uq_sale_round_open",
    round_.c.state,
    unique=True,
    sqlite_where=round_.c.state == "open",
    postgresql_where=round_.c.state == "open",
)
order = sa.Table(
    "customer_order",
    metadata,
    sa.Column("order_id", sa.String(26), primary_key=True),
    sa.Column("number", sa.String(12), nullable=False, unique=True),
    sa.Column("person_id", sa.String(26), nullable=False),
    sa.Column("station_id", sa.String(26), nullable=False),
    sa.Column("round_id", sa.String(26), sa.ForeignKey(round_.c.round_id), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("cancel_state", sa.String(8), nullable=False),
    sa.Column("cancel_op", sa.BigInteger),
    sa.Column("grant_id", sa.String(26)),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    # caches of the ledger, recomputed by checks.py
    sa.Column("paid_fen", sa.BigInteger, nullable=False),
    sa.Column("refunded_fen", sa.BigInteger, nullable=False),
    sa.Column("revenue_fen", sa.BigInteger, nullable=False),
    _ms("placed_at_ms"),
    _ms("pay_by_ms"),
    _ms("not_after_ms", nullable=True),
    sa.Column("link_hash", sa.LargeBinary(32), nullable=False, unique=True),
    sa.CheckConstraint(
        "refunded_fen + revenue_fen <= paid_fen AND paid_fen <= total_fen", name="order_money"
    ),
    sa.Index("ix_customer_order_person", "person_id", "placed_at_ms"),
    sa.Index("ix_customer_order_station", "station_id", "cancel_state"),
    sa.Index("ix_customer_order_state", "state", "pay_by_ms"),
    sa.Index("ix_customer_order_round", "round_id", "state"),
)
order_line = sa.Table(
    "order_line",
    metadata,
    sa.Column("order_id", sa.String(26), sa.ForeignKey(order.c.order_id), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("sku", sa.String(40), nullable=False),
    sa.Column("name_zh", sa.String(80), nullable=False),
    sa.Column("name_en", sa.String(80), nullable=False),
    sa.Column("qty", sa.Integer, nullable=False),
    sa.Column("unit_price_fen", sa.BigInteger, nullable=False),
    sa.Column("temperature_class", sa.String(10), nullable=False),
    sa.Column("size", sa.String(1), nullable=False),
    sa.CheckConstraint("qty > 0", name="order_line_qty"),
)
parcel = sa.Table(
    "parcel",
    metadata,
    sa.Column("parcel_id", sa.String(26), primary_key=True),
    sa.Column(
        "order_id", sa.String(26), sa.ForeignKey(order.c.order_id), nullable=False, index=True
    ),
    sa.Column("station_id", sa.String(26), nullable=False),
    sa.Column("label", sa.String(12), nullable=False, unique=True),
    sa.Column("temperature_class", sa.String(10), nullable=False),
    sa.Column("size", sa.String(1), nullable=False),
    sa.Column("items", sa.Integer, nullable=False),
    sa.Column("value_fen", sa.BigInteger, nullable=False),
    sa.Column("expected_on", sa.String(10), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("stock", sa.String(8), nullable=False),
    sa.Column("compartment", sa.String(16)),
    _ms("put_in_at_ms", nullable=True),
    _ms("expires_at_ms", nullable=True),
    _ms("ended_at_ms", nullable=True),
    sa.Column("withdrawn", sa.Boolean, nullable=False),
    sa.Index("ix_parcel_state", "state", "expires_at_ms"),
)
parcel_line = sa.Table(
    "parcel_line",
    metadata,
    sa.Column("parcel_id", sa.String(26), sa.ForeignKey(parcel.c.parcel_id), primary_key=True),
    sa.Column("sku", sa.String(40), primary_key=True),
    sa.Column("qty", sa.Integer, nullable=False),
)
custody = sa.Table(
    "custody_event",
    metadata,
    sa.Column("custody_id", sa.String(26), primary_key=True),
    sa.Column("parcel_id", sa.String(26), sa.ForeignKey(parcel.c.parcel_id), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("cause", sa.String(16), nullable=False),
    sa.Column("from_state", sa.String(12), nullable=False),
    sa.Column("to_state", sa.String(12), nullable=False),
    sa.Column("actor", sa.String(80), nullable=False),
    sa.Column("place", sa.String(60), nullable=False),
    sa.Column("source", sa.String(100), nullable=False),
    _ms("at_ms"),
    sa.UniqueConstraint("parcel_id", "source", name="uq_custody_event_source"),
)
timeline = sa.Table(
    "order_timeline",
    metadata,
    sa.Column("order_id", sa.String(26), sa.ForeignKey(order.c.order_id), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("source", sa.String(100), nullable=False),
    sa.Column("parcel_id", sa.String(26)),
    _ms("at_ms"),
)
case = sa.Table(
    "order_case",
    metadata,
    sa.Column("case_id", sa.String(26), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("order_id", sa.String(26), index=True),
    sa.Column("parcel_id", sa.String(26)),
    sa.Column("source", sa.String(100), nullable=False),
    sa.Column("detail", sa.String(400), nullable=False),
    _ms("opened_at_ms"),
    _ms("closed_at_ms", nullable=True),
    sa.Column("closed_by", sa.String(80)),
    sa.Column("note", sa.String(400)),
    sa.UniqueConstraint("kind", "parcel_id", "source", name="uq_order_case_source"),
)
