"""What about a station needs a person's eye: forks, holes, copies."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync.models import alarm as alarm_table


@dataclass(frozen=True, slots=True)
class Alarm:
    """One kind of trouble of a station, and how often it came."""

    kind: str
    detail: str
    times: int
    first_at_ms: int
    last_at_ms: int


def alarm_tx(conn: Connection, station_id: str, kind: str, detail: str, at_ms: int) -> None:
    """Note that something about a station needs a person's eye; the same again only counts up."""
    place = sa.and_(alarm_table.c.station_id == station_id, alarm_table.c.kind == kind)
    again = {"detail": detail, "times": alarm_table.c.times + 1, "last_at_ms": at_ms}
    if conn.execute(sa.update(alarm_table).where(place).values(again)).rowcount == 0:
        conn.execute(
            alarm_table.insert().values(
                station_id=station_id, kind=kind, detail=detail, times=1,
                first_at_ms=at_ms, last_at_ms=at_ms,
            )
        )  # fmt: skip


def alarms_tx(conn: Connection, station_id: str) -> tuple[Alarm, ...]:
    """Return the alarms of a station, the newest first."""
    rows = conn.execute(
        sa.select(*(alarm_table.c[name] for name in Alarm.__dataclass_fields__))
        .where(alarm_table.c.station_id == station_id)
        .order_by(alarm_table.c.last_at_ms.desc(), alarm_table.c.kind)
    )
    return tuple(Alarm(*found) for found in rows)
