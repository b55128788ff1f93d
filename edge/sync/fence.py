"""Whether this daemon may open by codes: not while another speaks for the station, nor on a disk that forgot something.

Kept on the disk: a copy that was turned away stays so when it is started anew without a network.
"""

import logging
import sqlite3
from collections.abc import Callable
from enum import StrEnum

from common.contract.protocol import START, Position
from common.contract.words import Lane
from common.kit.errors import UnavailableError
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from edge.sync import lanes

_log = logging.getLogger(__name__)


class Why(StrEnum):
    """What stands between a right code and its door."""

    NONE = ""
    FENCED = "fenced"  # the hub listens to another daemon with this station's key
    REVOKED = "revoked"  # this key was taken away: pair anew
    STALE = (
        "stale"  # the hub knows facts of this station that this disk does not: codes may be used
    )


class Fence:
    """The mark in `state.db`, and a copy of it in memory for screens."""

    def __init__(self, db: Db) -> None:
        """Start open; `settle` before anybody is served."""
        self.why = Why.NONE
        self.on_change: list[Callable[[], None]] = []
        self._db = db
        self._until: tuple[int, int] | None = None

    def refuse(self) -> None:
        """UnavailableError `station.fenced` when nothing may be taken in that only a code gives out again."""
        if self.why:
            raise UnavailableError("station.fenced", f"no code opens here now ({self.why})")

    async def turned_away(self, now_ms: int, why: Why = Why.FENCED) -> None:
        """Note that the hub does not listen to us; the next start asks under the same name, for a person to see."""

        def tx(conn: sqlite3.Connection) -> None:
            conn.execute("UPDATE sync_self SET greeted = 0")
            self._raise_tx(conn, why, now_ms)

        await self._db.write(tx)
        await self.settle()

    def admitted_tx(
        self, conn: sqlite3.Connection, facts: Position, head: tuple[int, int], now_ms: int
    ) -> bool:
        """Return whether the hub must be told our story first, be it by a fact made for that.

        The hub listens to us, holds our facts up to `facts`, and has rows up to `head` (generation, op). The mark goes
        when our own story reaches that far and the rows have: by then the hub has withdrawn what it heard of and we
        had forgotten.
        """
        self._until = None
        if is_older_tx(conn, facts):
            self._raise_tx(conn, Why.STALE, now_ms)
            return not lanes.unsent_tx(conn, Lane.FACTS)
        if why_tx(conn):
            self._until = head
            self._lower_tx(conn)
        return False

    async def caught_up(self) -> None:
        """Take the mark away when the rows have reached what the hub said; after every page of rows."""
        if self._until is not None:
            await self._db.write(self._lower_tx)
            await self.settle()

    async def settle(self) -> None:
        """Take over into memory what stands in the database, and tell screens."""
        before, self.why = self.why, await self._db.read(why_tx)
        if before is self.why:
            return
        if self.why:
            _log.error("codes open nothing here: %s", _SAID[self.why])
        else:
            self._until = None
            _log.warning("codes open again: the hub takes this station's word")
        for told in self.on_change:
            told()

    def _lower_tx(self, conn: sqlite3.Connection) -> None:
        own = conn.execute("SELECT gen, op FROM sync_self").fetchone()
        if self._until is None or own["gen"] != self._until[0] or own["op"] < self._until[1]:
            return
        conn.execute("DELETE FROM sync_fence")
        fp("sync.edge.unfenced")

    def _raise_tx(self, conn: sqlite3.Connection, why: Why, now_ms: int) -> None:
        self._until = None  # whatever was said before no longer counts
        conn.execute(
            "INSERT INTO sync_fence VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET why = excluded.why",
            (why.value, now_ms),
        )
        fp("sync.edge.fence_up")


_SAID = {
    Why.FENCED: "another daemon speaks for this station; stop one of the two",
    Why.REVOKED: "the hub has revoked this station's key; pair it anew",
    Why.STALE: "this disk is older than what the hub has heard; waiting for what was used since",
}


def why_tx(conn: sqlite3.Connection) -> Why:
    """Return the mark as the transaction sees it."""
    row = conn.execute("SELECT why FROM sync_fence").fetchone()
    return Why(row["why"]) if row else Why.NONE


def is_older_tx(conn: sqlite3.Connection, facts: Position) -> bool:
    """Return whether the hub holds facts of ours that are not in this file, though they are younger than its oldest.

    Those older than what is kept were trimmed after the hub had them: that is the hub on an older disk, not we.
    """
    if facts == START or lanes.place_tx(conn, Lane.FACTS, facts) is not None:
        return False
    return facts.order >= lanes.oldest_tx(conn, Lane.FACTS)
