"""SQL of when a station was heard: one look into the index of its events, no event is read."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync.models import event


def spans_heard(
    connection: Connection, station_id: str, now_ms: int, *, span_ms: int, spans: int
) -> set[int]:
    """Return in which of the last `spans` spans something came in; 0 is the one that ends now."""
    age = (sa.literal(now_ms, sa.BigInteger) - event.c.received_at_ms) // span_ms
    rows = connection.execute(
        sa.select(age.label("span"))
        .where(
            event.c.station_id == station_id,
            event.c.received_at_ms > now_ms - span_ms * spans,
            event.c.received_at_ms <= now_ms,
        )
        .distinct()
    )
    return {int(span) for (span,) in rows}
