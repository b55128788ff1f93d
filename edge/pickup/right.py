"""Whether a grant's door may still open: asked before every request and again in the commit of its pulse.

A request may wait a minute for its coil to rest; what the hub, the keeper or the clock said meanwhile counts (I8, I9).
"""

import sqlite3

from common.contract.words import GrantState
from edge.doors import OpenRequest
from edge.parcels import Parcels
from edge.pickup import kin, store
from edge.pickup.grants import Grants
from edge.pickup.store import Item
from edge.sync import fence

_USABLE = frozenset({GrantState.ISSUED, GrantState.OPENING, GrantState.OPENED})


class Right:
    """Knows grants and parcels, moves nothing."""

    def __init__(self, parcels: Parcels, grants: Grants) -> None:
        """Judge by what lies here and what the grants say."""
        self._parcels, self._grants = parcels, grants

    def is_alive_tx(self, conn: sqlite3.Connection, grant_id: str) -> bool:
        """Return whether one more door may open: not fenced, not withdrawn, in time; a door open already counts."""
        use = store.use(conn, grant_id)
        usable = use is not None and use.state in _USABLE
        return usable and not fence.why_tx(conn) and self._grants.holds_tx(conn, grant_id)

    def lies_there_tx(self, conn: sqlite3.Connection, item: Item) -> bool:
        """Return whether the parcel is still behind that door, and no other code has opened it.

        The keeper may take it out while a session lives; somebody it was given to may have come first.
        """
        lies_there = self._parcels.occupied_tx(conn).get(item.compartment) == item.parcel_id
        return lies_there and not kin.opened_by_another(conn, item.grant_id, item.parcel_id)

    def may_reopen_tx(self, conn: sqlite3.Connection, item: Item) -> bool:
        """Return whether a door this grant has opened may open again: not fenced, not allotted to another parcel."""
        holds = self._parcels.occupied_tx(conn).get(item.compartment, item.parcel_id)
        return holds == item.parcel_id and not fence.why_tx(conn)

    def judge_tx(self, conn: sqlite3.Connection, request: OpenRequest) -> bool:
        """Say of a resident's request that waited for its turn whether it still holds; others' are not judged here."""
        grant_id = request.wish.grant_id
        if grant_id is None:
            return True
        item = store.item_by_request(conn, request.open_request_id)
        if item is None:  # the keeper took the parcel out meanwhile
            return False
        if item.opened_at_ms:
            return self.may_reopen_tx(conn, item)
        return self.is_alive_tx(conn, grant_id) and self.lies_there_tx(conn, item)
