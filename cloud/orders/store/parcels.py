"""SQL of parcels, what is in them, and who had them when."""

from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.orders.models import custody, parcel, parcel_line
from cloud.orders.store.orders import Value


@dataclass(frozen=True, slots=True)
class ParcelRecord:
    """One row of `parcel`; `stock` is reserved, consumed or released."""

    parcel_id: str
    order_id: str
    station_id: str
    label: str
    temperature_class: str
    size: str
    items: int
    value_fen: int
    expected_on: str
    state: str
    stock: str
    compartment: str | None
    put_in_at_ms: int | None
    expires_at_ms: int | None
    ended_at_ms: int | None
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class CustodyRecord:
    """One row of `custody_event`; `source` is the station's event or the staff act behind it."""

    custody_id: str
    parcel_id: str
    number: int  # of this parcel, in the order the hub learnt of it
    cause: str
    from_state: str
    to_state: str
    actor: str
    place: str
    source: str
    at_ms: int


def insert_parcel(
    connection: Connection, record: ParcelRecord, lines: tuple[tuple[str, int], ...]
) -> None:
    """Write a new parcel and what is in it."""
    connection.execute(parcel.insert().values(**asdict(record)))
    connection.execute(
        parcel_line.insert(),
        [{"parcel_id": record.parcel_id, "sku": sku, "qty": qty} for sku, qty in lines],
    )


def update_parcel(connection: Connection, parcel_id: str, **values: Value) -> None:
    """Change columns of a parcel."""
    connection.execute(parcel.update().where(parcel.c.parcel_id == parcel_id).values(**values))


def one_parcel(connection: Connection, parcel_id: str) -> ParcelRecord | None:
    """Return a parcel."""
    row = connection.execute(sa.select(parcel).where(parcel.c.parcel_id == parcel_id)).first()
    return None if row is None else ParcelRecord(*row)


def parcel_by_label(connection: Connection, label: str) -> ParcelRecord | None:
    """Return the parcel that wears this label."""
    row = connection.execute(sa.select(parcel).where(parcel.c.label == label)).first()
    return None if row is None else ParcelRecord(*row)


def parcels_of(connection: Connection, order_id: str) -> list[ParcelRecord]:
    """Return the order's parcels."""
    rows = connection.execute(
        sa.select(parcel).where(parcel.c.order_id == order_id).order_by(parcel.c.parcel_id)
    )
    return [ParcelRecord(*row) for row in rows]


def lines_in(connection: Connection, parcel_id: str) -> list[tuple[str, int]]:
    """Return `(sku, qty)` of what is in the parcel."""
    rows = connection.execute(
        sa.select(parcel_line.c.sku, parcel_line.c.qty)
        .where(parcel_line.c.parcel_id == parcel_id)
        .order_by(parcel_line.c.sku)
    )
    return [(sku, qty) for sku, qty in rows]


def label_taken(connection: Connection, label: str) -> bool:
    """Return whether a parcel has this label."""
    found = connection.execute(sa.select(parcel.c.parcel_id).where(parcel.c.label == label))
    return found.first() is not None


def past_expiry(connection: Connection, now_ms: int) -> list[ParcelRecord]:
    """Return parcels that lie in a compartment longer than they may."""
    rows = connection.execute(
        sa.select(parcel)
        .where(parcel.c.state == "deposited", parcel.c.expires_at_ms <= now_ms)
        .order_by(parcel.c.parcel_id)
    )
    return [ParcelRecord(*row) for row in rows]


def ended_before(connection: Connection, moment_ms: int) -> list[ParcelRecord]:
    """Return parcels that are done and still stand in their station's feed."""
    rows = connection.execute(
        sa.select(parcel)
        .where(parcel.c.withdrawn.is_(False), parcel.c.ended_at_ms <= moment_ms)
        .order_by(parcel.c.parcel_id)
    )
    return [ParcelRecord(*row) for row in rows]


def insert_custody(connection: Connection, record: CustodyRecord) -> None:
    """Write who took a parcel over."""
    connection.execute(custody.insert().values(**asdict(record)))


def custody_known(connection: Connection, parcel_id: str, source: str) -> bool:
    """Return whether this event of this parcel was taken in before."""
    found = connection.execute(
        sa.select(custody.c.custody_id).where(
            custody.c.parcel_id == parcel_id, custody.c.source == source
        )
    )
    return found.first() is not None


def custody_count(connection: Connection, parcel_id: str) -> int:
    """Return how many custody events the parcel has."""
    count = sa.select(sa.func.count()).where(custody.c.parcel_id == parcel_id)
    return int(connection.execute(count).scalar_one())


def custody_of(connection: Connection, parcel_id: str) -> list[CustodyRecord]:
    """Return the parcel's custody events in the order they came in."""
    rows = connection.execute(
        sa.select(custody).where(custody.c.parcel_id == parcel_id).order_by(custody.c.number)
    )
    return [CustodyRecord(*row) for row in rows]
