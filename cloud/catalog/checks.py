"""Stock counters against the movements they summarise (invariant 2 of `linli hub verify`)."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.catalog.models import movement, stock
from cloud.catalog.store import Kind


def violations(connection: Connection) -> list[str]:
    """Return one sentence for each stock item whose counters are not the sum of its movements."""
    sums: dict[tuple[str, str], int] = {
        (row.item, row.kind): int(row.total)
        for row in connection.execute(
            sa.select(
                movement.c.item, movement.c.kind, sa.func.sum(movement.c.qty).label("total")
            ).group_by(movement.c.item, movement.c.kind)
        )
    }
    found = []
    for row in connection.execute(sa.select(stock).order_by(stock.c.item)):
        total = {kind: sums.get((row.item, kind.value), 0) for kind in Kind}
        on_hand = total[Kind.RECEIVE] - total[Kind.CONSUME]
        reserved = total[Kind.RESERVE] - total[Kind.RELEASE] - total[Kind.CONSUME]
        if (row.on_hand, row.reserved) != (on_hand, reserved):
            found.append(
                f"stock {row.item}: on hand {row.on_hand}, reserved {row.reserved}; "
                f"its movements say {on_hand} and {reserved}"
            )
        if not 0 <= row.reserved <= row.on_hand:
            found.append(f"stock {row.item}: reserved {row.reserved} of {row.on_hand}")
    return found
