"""A station whose disk is older than its own reports (a copy, an old image): what it forgot must not open again.

Which codes were used or emptied since, its own memory cannot say; the hub has heard it, and says so.
"""

import logging
from collections.abc import Iterable

from pydantic import ValidationError
from sqlalchemy.engine import Connection

from cloud.stations.grants import Grants
from cloud.sync.forks import ForgottenFact
from common.contract.base import Id, Message

_log = logging.getLogger(__name__)
TOUCHING = frozenset(
    {
        "grant.state_changed",
        "parcel.collected",
        "parcel.handed_over",
        "parcel.removed",
        "parcel.put_in_undone",
    }
)
"""Facts after which a code may not open what it opened before; a put-in that was forgotten opens nothing anyway."""


class _Touched(Message):
    """What a fact names; whatever else it says need not be readable."""

    grant_id: Id | None = None
    parcel_id: Id | None = None


class Copies:
    """Called in the transaction that finds the fork."""

    def __init__(self, grants: Grants) -> None:
        """End codes through `grants`."""
        self._grants = grants

    def forked_tx(
        self, connection: Connection, station_id: str, unknown: Iterable[ForgottenFact]
    ) -> None:
        """Let every grant that `unknown` facts (all of `TOUCHING`) name open nothing at the station any more."""
        grant_ids: set[str] = set()
        parcel_ids: set[str] = set()
        for fact in unknown:
            touched = _touched(fact.body)
            if touched.grant_id is not None:
                grant_ids.add(touched.grant_id)
            if touched.parcel_id is not None:
                parcel_ids.add(touched.parcel_id)
        closed = self._grants.close_tx(connection, station_id, grant_ids, parcel_ids)
        if closed:
            _log.warning(
                "station %s has an older disk than its reports: %d codes are withdrawn",
                station_id, closed,
            )  # fmt: skip


def _touched(body: str) -> _Touched:
    """Read a stored body; one that cannot be read had no effect here either, and names nothing."""
    try:
        return _Touched.model_validate_json(body)
    except ValidationError:
        return _Touched()
