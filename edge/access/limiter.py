"""The limiter of a keypad: a bucket of attempts that refills by powered-on time and outlives every restart.

A token is taken durably before the check and given back only by the attempt that took it (reference C.4).
"""

import math
import sqlite3
from dataclasses import dataclass

from edge.access.powered import PoweredTime

DAY_S = 86_400.0
KEEPER_BURST, KEEPER_REFILL_S, KEEPER_FAILURES = 5, 60.0, 50
"""Limits of keepers' PINs; those of the keypad are settings."""
DDL = (
    "CREATE TABLE limiter (name TEXT PRIMARY KEY, tokens REAL NOT NULL, at_s REAL NOT NULL)",
    """CREATE TABLE limiter_attempt (
        attempt_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, at_s REAL NOT NULL)""",
    "CREATE INDEX limiter_attempt_name ON limiter_attempt (name, at_s)",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """One token, to be spent or given back."""

    attempt_id: int


@dataclass(frozen=True, slots=True)
class Empty:
    """No attempt now; the next one in `wait_s` seconds."""

    wait_s: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How the limiter stands: seconds to wait (0: an attempt is allowed) and failures of the last day."""

    wait_s: int
    failures_24h: int


def refilled(tokens: float, elapsed_s: float, *, burst: int, refill_s: float) -> float:
    """Return the tokens after `elapsed_s` seconds of powered-on time; never more than `burst`."""
    return min(float(burst), tokens + max(0.0, elapsed_s) / refill_s)


class Limiter:
    """One named bucket in `state.db`."""

    def __init__(
        self, name: str, powered: PoweredTime, *, burst: int, refill_s: float, max_failures: int
    ) -> None:
        """Allow `burst` attempts at once, one more each `refill_s`, `max_failures` failures a day."""
        self._name, self._powered = name, powered
        self._burst, self._refill_s, self._max_failures = burst, refill_s, max_failures

    def take_tx(self, conn: sqlite3.Connection) -> Taken | Empty:
        """Take one token and count the attempt as failed until `give_back_tx` says otherwise."""
        now_s, tokens = self._current(conn)
        standing = self._standing(conn, now_s, tokens)
        if standing.wait_s:
            return Empty(standing.wait_s)
        self._store(conn, tokens - 1.0, now_s)
        attempt = conn.execute(
            "INSERT INTO limiter_attempt (name, at_s) VALUES (?, ?)", (self._name, now_s)
        )
        assert attempt.lastrowid is not None
        return Taken(attempt.lastrowid)

    def give_back_tx(self, conn: sqlite3.Connection, taken: Taken) -> None:
        """Undo exactly that attempt; a second call for it does nothing."""
        gone = conn.execute(
            "DELETE FROM limiter_attempt WHERE attempt_id = ? AND name = ?",
            (taken.attempt_id, self._name),
        )
        if gone.rowcount == 1:
            now_s, tokens = self._current(conn)
            self._store(conn, min(float(self._burst), tokens + 1.0), now_s)

    def standing_tx(self, conn: sqlite3.Connection) -> Standing:
        """Return how long the keypad must wait, and the failures of the last 24 powered-on hours."""
        now_s, tokens = self._current(conn)
        return self._standing(conn, now_s, tokens)

    def _current(self, conn: sqlite3.Connection) -> tuple[float, float]:
        now_s = self._powered.now_tx(conn)
        row = conn.execute(
            "SELECT tokens, at_s FROM limiter WHERE name = ?", (self._name,)
        ).fetchone()
        if row is None:
            return now_s, float(self._burst)
        elapsed_s = now_s - row["at_s"]
        return now_s, refilled(row["tokens"], elapsed_s, burst=self._burst, refill_s=self._refill_s)

    def _store(self, conn: sqlite3.Connection, tokens: float, now_s: float) -> None:
        conn.execute(
            "INSERT INTO limiter VALUES (?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET tokens = excluded.tokens, at_s = excluded.at_s",
            (self._name, tokens, now_s),
        )
        conn.execute("DELETE FROM limiter_attempt WHERE at_s <= ?", (now_s - DAY_S,))

    def _standing(self, conn: sqlite3.Connection, now_s: float, tokens: float) -> Standing:
        times = [
            row["at_s"]
            for row in conn.execute(
                "SELECT at_s FROM limiter_attempt WHERE name = ? AND at_s > ? ORDER BY at_s",
                (self._name, now_s - DAY_S),
            )
        ]
        wait_s = 0.0
        if tokens < 1.0 - 1e-9:
            wait_s = (1.0 - tokens) * self._refill_s
        if len(times) >= self._max_failures:
            wait_s = max(wait_s, times[-self._max_failures] + DAY_S - now_s)
        return Standing(math.ceil(wait_s), len(times))
