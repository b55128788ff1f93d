"""SQL of timelines and cases."""

from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.orders.models import case, timeline


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an order's story; `source` names the payment, scan or station event behind it."""

    order_id: str
    kind: str
    source: str
    at_ms: int
    parcel_id: str | None = None


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """Something that does not fit and needs a person's eye."""

    case_id: str
    kind: str
    order_id: str | None
    parcel_id: str | None
    source: str
    detail: str
    opened_at_ms: int


def append(connection: Connection, entry: Entry) -> None:
    """Add a line to the order's story."""
    last = connection.execute(
        sa.select(sa.func.max(timeline.c.number)).where(timeline.c.order_id == entry.order_id)
    ).scalar()
    connection.execute(timeline.insert().values(number=(last or 0) + 1, **asdict(entry)))


def entries(connection: Connection, order_id: str) -> list[Entry]:
    """Return the order's story from the beginning."""
    rows = connection.execute(
        sa.select(
            timeline.c.order_id,
            timeline.c.kind,
            timeline.c.source,
            timeline.c.at_ms,
            timeline.c.parcel_id,
        )
        .where(timeline.c.order_id == order_id)
        .order_by(timeline.c.number)
    )
    return [Entry(*row) for row in rows]


def open_case(connection: Connection, record: CaseRecord) -> bool:
    """Write a case; False when the same fact has opened it before."""
    same = (
        (case.c.kind == record.kind)
        & (case.c.source == record.source)
        & (case.c.parcel_id.is_not_distinct_from(record.parcel_id))
    )
    if connection.execute(sa.select(case.c.case_id).where(same)).first() is not None:
        return False
    connection.execute(case.insert().values(**asdict(record)))
    return True


def cases(connection: Connection, limit: int) -> list[CaseRecord]:
    """Return the newest cases, newest first."""
    rows = connection.execute(sa.select(case).order_by(case.c.case_id.desc()).limit(limit))
    return [CaseRecord(*row) for row in rows]
