"""A station whose disk is older than its own reports (a copy, an old image): what it forgot must not open again.

Which codes were used or emptied since, its own memory cannot say; the hub has heard it, and says so.
"""

import json
import logging
from collections.abc import Iterable

from sqlalchemy.engine import Connection

from cloud.stations.grants import Grants
from cloud.sync.gateway import StoredEvent

_log = logging.getLogger(__name__)
_TOUCHING = frozenset(
    {
        "grant.state_changed",
        "parcel.collected",
        "parcel.handed_over",
        "parcel.removed",
        "parcel.put_in_undone",
    }
)
"""Facts after which a code may not open what it opened before; a put-in that was forgotten opens nothing anyway."""


class Copies:
    """Called in the transaction that finds the fork."""

    def __init__(self, grants: Grants) -> None:
        """End codes through `grants`."""
        self._grants = grants

    def forked_tx(
        self, connection: Connection, station_id: str, unknown: Iterable[StoredEvent]
    ) -> None:
        """Let every grant that `unknown` facts touched open nothing at the station any more."""
        bodies = [json.loads(one.body) for one in unknown if one.type in _TOUCHING]
        parcels = {str(body["parcel_id"]) for body in bodies if "parcel_id" in body}
        touched = {str(body["grant_id"]) for body in bodies if "grant_id" in body}
        closed = self._grants.close_tx(connection, station_id, touched, parcels)
        if closed:
            _log.warning(
                "station %s has an older disk than its reports: %d codes are withdrawn",
                station_id, closed,
            )  # fmt: skip
