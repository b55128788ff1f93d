"""The station's log up: facts are appended inside the transaction that makes them true, and sent later.

Two lanes, each with its own `(boot_epoch, seq)` and hash chain; rows stay for a while after the hub has them.
"""

import asyncio
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from common.contract.base import Message
from common.contract.chain import Link, next_link
from common.contract.digest import EMPTY
from common.contract.events import EVENT_TYPES, type_of
from common.contract.words import Lane
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.failpoints import fp
from common.kit.ids import new_id
from common.kit.invariant import must
from common.kit.sqlite import Db

EVENT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the hub does not have yet."""

    facts: int = 0
    telemetry: int = 0
    oldest_age_s: float | None = None


class Outbox:
    """Appends events; `edge.sync.lanes` reads, acknowledges and trims them."""

    def __init__(self, db: Db, clock: Clock, chance: Chance, station_id: str) -> None:
        """Use the sync tables of `db` (`edge.sync.schema.DDL`)."""
        self.station_id = station_id
        self._db, self._clock, self._chance = db, clock, chance
        self._booted = False
        self.run_id = ""
        """Made at boot and kept nowhere: a copy of the disk does not have it."""
        self._listeners: list[asyncio.Event] = []
        self._counts: dict[Lane, int] = dict.fromkeys(Lane, 0)
        self._oldest_ms: int | None = None

    async def boot(self) -> int:
        """Raise and return the boot epoch, durably; before this no event may be appended."""
        install_id, hello_id, self.run_id = (new_id(self._clock, self._chance) for _ in range(3))

        def tx(conn: sqlite3.Connection) -> int:
            conn.execute(
                "INSERT OR IGNORE INTO sync_self VALUES (1, ?, '', 1, 0, 0, 0, 0, ?)",
                (install_id, EMPTY),
            )
            row = conn.execute(
                "UPDATE sync_self SET boot_epoch = boot_epoch + 1, greeted = 0,"
                " hello_id = CASE WHEN greeted THEN ? ELSE hello_id END RETURNING boot_epoch",
                (hello_id,),
            ).fetchone()
            return int(row["boot_epoch"])

        boot_epoch = await self._db.write(tx)
        fp("sync.edge.booted")
        self._booted = True
        await self.count()
        return boot_epoch

    def append_tx(self, conn: sqlite3.Connection, body: Message, *, occurred_at: datetime) -> None:
        """Append `body` to the lane of its type in the caller's transaction; `kick()` after the commit."""
        if not self._booted:
            raise RuntimeError("no event before Outbox.boot(): it would get an old boot epoch")
        event_type = type_of(body)
        lane = EVENT_TYPES[event_type][0].value
        last = conn.execute(
            "SELECT l.n, l.boot_epoch, l.seq, l.chain, s.boot_epoch AS now"
            " FROM sync_lane l, sync_self s WHERE l.lane = ?",
            (lane,),
        ).fetchone()
        link = Link(
            station_id=self.station_id,
            lane=lane,
            boot_epoch=last["now"],
            seq=last["seq"] + 1 if last["boot_epoch"] == last["now"] else 1,
            occurred_at_ms=to_ms(occurred_at),
            type=event_type,
            v=EVENT_VERSION,
            body=body.model_dump_json(),
        )
        store_tx(conn, last["n"] + 1, link, next_link(last["chain"], link))
        fp("sync.edge.appended")

    def kick(self) -> None:
        """Say that something was appended and committed."""
        for listener in self._listeners:
            listener.set()

    def listen(self) -> asyncio.Event:
        """Return an event that every later `kick()` sets; the listener clears it."""
        event = asyncio.Event()
        self._listeners.append(event)
        return event

    def backlog(self) -> Backlog:
        """Return what waits, as of the last count (kept fresh while the hub link runs)."""
        age_s = None
        if self._oldest_ms is not None:
            age_s = max(0.0, (to_ms(self._clock.wall()) - self._oldest_ms) / 1000)
        return Backlog(self._counts[Lane.FACTS], self._counts[Lane.TELEMETRY], age_s)

    async def count(self) -> Backlog:
        """Count what waits and return it."""
        self._counts, self._oldest_ms = await self._db.read(_waiting)
        return self.backlog()


def store_tx(conn: sqlite3.Connection, n: int, link: Link, chain: bytes) -> None:
    """Write the row of `link` as number `n` of its lane and move the lane's head there."""
    conn.execute(
        "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        (
            link.lane, n, link.boot_epoch, link.seq, link.occurred_at_ms,
            link.type, link.v, link.body, chain,
        ),
    )  # fmt: skip
    moved = conn.execute(
        "UPDATE sync_lane SET n = ?, boot_epoch = ?, seq = ?, chain = ? WHERE lane = ? AND n = ?",
        (n, link.boot_epoch, link.seq, chain, link.lane, n - 1),
    )
    must(moved.rowcount == 1, "I2", f"{link.lane}: event {n} does not follow the newest")


def _waiting(conn: sqlite3.Connection) -> tuple[dict[Lane, int], int | None]:
    rows = conn.execute(
        "SELECT l.lane, l.n - l.acked_n AS waiting,"
        " (SELECT occurred_at_ms FROM outbox o WHERE o.lane = l.lane AND o.n > l.acked_n"
        "  ORDER BY o.n LIMIT 1) AS oldest_ms FROM sync_lane l"
    ).fetchall()
    counts = {Lane(row["lane"]): int(row["waiting"]) for row in rows}
    oldest = [int(row["oldest_ms"]) for row in rows if row["oldest_ms"] is not None]
    return counts, min(oldest, default=None)
