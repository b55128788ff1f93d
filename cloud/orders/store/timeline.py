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
    closed_at_ms: int | None = None
    closed_by: str | None = None
    note: str | None = None


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


def close_case(connection: Connection, case_id: str, *, at_ms: int, by: str, note: str) -> bool:
    """Close an open case; False when there is no open one of that id."""
    open_one = (case.c.case_id == case_id) & case.c.closed_at_ms.is_(None)
    word = {"closed_at_ms": at_ms, "closed_by": by, "note": note}
    return connection.execute(case.update().where(open_one).values(**word)).rowcount == 1


def one_case(connection: Connection, case_id: str) -> CaseRecord | None:
    """Return a case."""
    row = connection.execute(sa.select(case).where(case.c.case_id == case_id)).first()
    return None if row is None else CaseRecord(*row)


def cases(connection: Connection, *, closed: bool, limit: int) -> list[CaseRecord]:
    """Return the newest open cases, newest first, or those closed last."""
    which = case.c.closed_at_ms.is_not(None) if closed else case.c.closed_at_ms.is_(None)
    order = (case.c.closed_at_ms.desc(), case.c.case_id) if closed else (case.c.case_id.desc(),)
    rows = connection.execute(sa.select(case).where(which).order_by(*order).limit(limit))
    return [CaseRecord(*row) for row in rows]
