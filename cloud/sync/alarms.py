"""What about a station needs a person's eye: forks, holes, copies."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync.models import alarm as alarm_table


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
