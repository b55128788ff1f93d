"""What a fork sets off in the domains, kept from stopping its answer: without it the station stays shut for codes."""

import logging
from collections.abc import Callable

from sqlalchemy.engine import Connection

from cloud.sync.alarms import alarm_tx
from cloud.sync.effects import raise_if_the_databases_own

FAILED = "fork.handler"
"""Kind of the alarm when a domain did not get through: what the station forgot may still open there."""
_log = logging.getLogger(__name__)


def tell_tx(conn: Connection, station_id: str, at_ms: int, handler: Callable[[], None]) -> bool:
    """Run a domain's `handler` in a savepoint; False when it failed, which a person is told."""
    try:
        with conn.begin_nested():
            handler()
    except Exception as error:  # noqa: BLE001 - whatever a domain does, the station is answered
        raise_if_the_databases_own(error)
        _log.exception("station %s forked, and a handler failed over it", station_id)
        said = f"{type(error).__name__}: {error}".replace("\0", "")[:2000]
        alarm_tx(conn, station_id, FAILED, said, at_ms)
        return False
    return True
