"""The limiter of a keypad: a bucket of attempts that refills by powered-on time and outlives every restart.

A token is taken durably before the check and given back only by the attempt that took it (reference C.4). A limiter
with a step-up asks for a second factor after so many failures of one day, for the 24 hours after the last of them.
"""

import math
import sqlite3
from dataclasses import dataclass

from common.contract.words import KeypadLevel
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
STEP_UP_DDL = (
    """CREATE TABLE limiter_step_up (
        name TEXT PRIMARY KEY, until_s REAL NOT NULL, told TEXT NOT NULL)""",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """One token, to be spent or given back."""

    attempt_id: int


@dataclass(frozen=True, slots=True)
class Empty:
    """No attempt now: the next one in `wait_s` seconds; with 0, at once with the second factor."""

    wait_s: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How the limiter stands: seconds to wait (0: an attempt is allowed), failures of a day, what it asks for."""

    wait_s: int
    failures_24h: int
    level: KeypadLevel = KeypadLevel.NORMAL
    step_up_left_s: int = 0


def refilled(tokens: float, elapsed_s: float, *, burst: int, refill_s: float) -> float:
    """Return the tokens after `elapsed_s` seconds of powered-on time; never more than `burst`."""
    return min(float(burst), tokens + max(0.0, elapsed_s) / refill_s)


class Limiter:
    """One named bucket in `state.db`."""

    def __init__(
        self,
        name: str,
        powered: PoweredTime,
        *,
        burst: int,
        refill_s: float,
        max_failures: int,
        step_up_failures: int | None = None,
    ) -> None:
        """Allow `burst` attempts at once, one more each `refill_s`, `max_failures` failures a day.

        After `step_up_failures` failures of one day every attempt needs the second factor.
        """
        self._name, self._powered = name, powered
        self._burst, self._refill_s, self._max_failures = burst, refill_s, max_failures
        self._step_up_failures = step_up_failures

    def take_tx(self, conn: sqlite3.Connection, *, second_factor: bool = False) -> Taken | Empty:
        """Take one token and count the attempt as failed until `give_back_tx` says otherwise."""
        now_s, tokens = self._current(conn)
        standing = self._standing(conn, now_s, tokens)
        needs_more = standing.level is not KeypadLevel.NORMAL and not second_factor
        if standing.wait_s or needs_more:
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
        """Return how long the keypad must wait, the failures of 24 powered-on hours and what it asks for."""
        now_s, tokens = self._current(conn)
        return self._standing(conn, now_s, tokens)

    def news_tx(self, conn: sqlite3.Connection) -> Standing | None:
        """Return the standing when its level is not the one told last, and note it as told."""
        standing = self.standing_tx(conn)
        told = self._stepped_up(conn)[1]
        if standing.level is told:
            return None
        conn.execute(
            "INSERT INTO limiter_step_up VALUES (?, 0, ?)"
            " ON CONFLICT (name) DO UPDATE SET told = excluded.told",
            (self._name, standing.level),
        )
        return standing

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
        is_off = len(times) >= self._max_failures
        if is_off:
            wait_s = max(wait_s, times[-self._max_failures] + DAY_S - now_s)
        left_s = math.ceil(self._step_up_left_s(conn, now_s, times))
        level = KeypadLevel.STEP_UP if left_s else KeypadLevel.NORMAL
        return Standing(math.ceil(wait_s), len(times), KeypadLevel.OFF if is_off else level, left_s)

    def _step_up_left_s(self, conn: sqlite3.Connection, now_s: float, times: list[float]) -> float:
        if self._step_up_failures is None:
            return 0.0
        until_s, _ = self._stepped_up(conn)
        if len(times) >= self._step_up_failures and times[-1] + DAY_S > until_s:
            until_s = times[-1] + DAY_S
            conn.execute(
                "INSERT INTO limiter_step_up VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET until_s = excluded.until_s",
                (self._name, until_s, KeypadLevel.NORMAL),
            )
        return max(0.0, until_s - now_s)

    def _stepped_up(self, conn: sqlite3.Connection) -> tuple[float, KeypadLevel]:
        """Return until when the second factor is asked for, and the level that was told last."""
        row = conn.execute(
            "SELECT until_s, told FROM limiter_step_up WHERE name = ?", (self._name,)
        ).fetchone()
        return (row["until_s"], KeypadLevel(row["told"])) if row else (0.0, KeypadLevel.NORMAL)
