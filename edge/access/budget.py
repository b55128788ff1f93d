"""Budgets of openings without a code: ceilings written in code, counted durably, raised by nobody (C.9)."""

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from edge.access.powered import PoweredTime

REMOTE_PER_MINUTE = 3
REMOTE_PER_HOUR_SHARE = 0.10
REMOTE_PER_HOUR_MIN = 2
KEEPER_PER_10_MIN = 5
DDL = (
    "CREATE TABLE opening_spent (name TEXT NOT NULL, at_s REAL NOT NULL)",
    "CREATE INDEX opening_spent_name ON opening_spent (name, at_s)",
)


@dataclass(frozen=True, slots=True)
class Window:
    """At most `count` openings in any `seconds` of powered-on time."""

    count: int
    seconds: float


def remote_windows(doors: int) -> tuple[Window, ...]:
    """Return the ceilings of remote opens for a station of `doors` doors."""
    an_hour = max(REMOTE_PER_HOUR_MIN, math.floor(doors * REMOTE_PER_HOUR_SHARE))
    return Window(REMOTE_PER_MINUTE, 60.0), Window(an_hour, 3600.0)


class Budget:
    """Sliding windows over the openings already spent under a name."""

    def __init__(self, powered: PoweredTime, windows: Sequence[Window]) -> None:
        """Allow what every window allows."""
        self._powered, self._windows = powered, tuple(windows)
        self._longest_s = max(window.seconds for window in windows)

    def spend_tx(self, conn: sqlite3.Connection, name: str) -> int:
        """Spend one opening of `name` and return 0, or spend nothing and return the seconds to wait."""
        now_s = self._powered.now_tx(conn)
        conn.execute(
            "DELETE FROM opening_spent WHERE name = ? AND at_s <= ?",
            (name, now_s - self._longest_s),
        )
        times = [
            row["at_s"]
            for row in conn.execute(
                "SELECT at_s FROM opening_spent WHERE name = ? ORDER BY at_s", (name,)
            )
        ]
        wait_s = max((_wait_s(window, times, now_s) for window in self._windows), default=0.0)
        if wait_s > 0:
            return math.ceil(wait_s)
        conn.execute("INSERT INTO opening_spent VALUES (?, ?)", (name, now_s))
        return 0


class RemoteBudget(Budget):
    """What the hub may open: ≤ 3 a minute and ≤ 10 % of the doors an hour (at least 2)."""

    def __init__(self, powered: PoweredTime, doors: int) -> None:
        """Take the ceilings from this file; no setting and no hub can raise them."""
        super().__init__(powered, remote_windows(doors))


class KeeperBudget(Budget):
    """What one keeper may open by hand without a parcel: ≤ 5 doors in 10 minutes."""

    def __init__(self, powered: PoweredTime) -> None:
        """Take the ceiling from this file."""
        super().__init__(powered, (Window(KEEPER_PER_10_MIN, 600.0),))


def _wait_s(window: Window, times: list[float], now_s: float) -> float:
    recent = [at_s for at_s in times if at_s > now_s - window.seconds]
    if len(recent) < window.count:
        return 0.0
    return recent[-window.count] + window.seconds - now_s
