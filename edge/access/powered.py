"""Powered-on seconds: a counter that only runs while this machine runs, whatever the wall clock says.

Limiters, budgets and sessions count in it, so neither a clock jump nor a reboot refills anything.
"""

import asyncio
import sqlite3
from collections.abc import Callable

from common.kit.clock import Clock
from common.kit.sqlite import Db

CHECKPOINT_S = 60.0  # at most this much waiting is lost by a power cut
DDL = (
    """CREATE TABLE powered_time (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        boot_id TEXT NOT NULL, mono_s REAL NOT NULL, powered_s REAL NOT NULL)""",
)


class PoweredTime:
    """The counter, kept in `state.db`; time between a cut and the next start does not count."""

    def __init__(self, clock: Clock) -> None:
        """Count by the monotonic time of `clock`."""
        self._clock = clock

    def read_tx(self, conn: sqlite3.Connection) -> float:
        """Return the counter, seconds; stores nothing, so looking costs no write."""
        row = conn.execute("SELECT boot_id, mono_s, powered_s FROM powered_time").fetchone()
        if row is None:
            return 0.0
        # Monotonic values of two boots never compare: a new boot starts from the last checkpoint.
        same_boot = row["boot_id"] == self._clock.boot_id
        gone_s = max(0.0, self._clock.monotonic_s() - row["mono_s"]) if same_boot else 0.0
        return float(row["powered_s"]) + gone_s

    def now_tx(self, conn: sqlite3.Connection) -> float:
        """Advance the counter durably and return it, seconds."""
        powered_s = self.read_tx(conn)
        conn.execute(
            "INSERT INTO powered_time VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " boot_id = excluded.boot_id, mono_s = excluded.mono_s, powered_s = excluded.powered_s",
            (self._clock.boot_id, self._clock.monotonic_s(), powered_s),
        )
        return powered_s

    @staticmethod
    def boot_id_tx(conn: sqlite3.Connection) -> str | None:
        """Return the boot in which the counter was last stored, None on a fresh disk."""
        row = conn.execute("SELECT boot_id FROM powered_time").fetchone()
        return str(row["boot_id"]) if row else None

    async def run(self, db: Db, also_tx: Callable[[sqlite3.Connection], None]) -> None:
        """Store the counter once a minute, for ever, and in the same commit what `also_tx` stores."""

        def tx(conn: sqlite3.Connection) -> None:
            self.now_tx(conn)
            also_tx(conn)

        while True:
            await db.write(tx)
            await asyncio.sleep(CHECKPOINT_S)
