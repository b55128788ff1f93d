"""`linli hub verify`: recomputes what every domain keeps, in one read snapshot."""

from collections.abc import Callable

from sqlalchemy.engine import Connection

from cloud.catalog.checks import violations as catalog
from cloud.cdp.checks import violations as cdp
from cloud.migrations import newest_revision, revision_tx
from cloud.money.checks import violations as money
from cloud.orders.checks import violations as orders
from cloud.stations.checks import violations as stations

CHECKS: tuple[Callable[[Connection], list[str]], ...] = (catalog, cdp, money, stations, orders)


def violations_tx(connection: Connection) -> list[str]:
    """Return one sentence for each invariant that does not hold."""
    stands_at, newest = revision_tx(connection), newest_revision()
    if stands_at != newest:
        return [f"the schema stands at {stands_at}, this program needs {newest}: linli hub migrate"]
    return [sentence for check in CHECKS for sentence in check(connection)]
