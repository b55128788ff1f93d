"""Safeguards of the keypad switched off from outside: the drill must notice each."""

import sqlite3
from collections.abc import Callable
from typing import Any

from common.contract.words import KeypadLevel
from edge.access.limiter import Empty, Limiter, Taken
from edge.access.powered import PoweredTime
from edge.pickup import judge
from linli.world.ablation import ABLATIONS as OF_PICKUPS
from linli.world.ablation import Patches, edge_grants


def _step_up() -> Patches:
    return [(Limiter, "_step_up_left_s", lambda _self, _conn, _now_s, _times: 0.0)]


def _second_factor() -> Patches:
    return [(edge_grants, "phone_tails", lambda _conn, _grant_id: {"0000", "0042"})]


def _counter_first() -> Patches:
    """Count an attempt after the check instead of before it."""
    take, refused = Limiter.take_tx, judge.CodeJudge._refused_tx  # noqa: SLF001 - replaced from outside

    def look(self: Any, conn: sqlite3.Connection, *, second_factor: bool = False) -> Taken | Empty:
        standing = self.standing_tx(conn)
        needs_more = standing.level is not KeypadLevel.NORMAL and not second_factor
        return Empty(standing.wait_s) if standing.wait_s or needs_more else Taken(0)

    def late(self: Any, conn: sqlite3.Connection) -> Any:
        take(self._limiter, conn, second_factor=True)
        return refused(self, conn)

    return [(Limiter, "take_tx", look), (judge.CodeJudge, "_refused_tx", late)]


def _powered_time() -> Patches:
    def by_the_wall(self: Any, _conn: sqlite3.Connection) -> float:
        return float(self._clock._clock.wall().timestamp())  # noqa: SLF001 - as above

    return [(PoweredTime, "read_tx", by_the_wall)]


def _success_resets() -> Patches:
    def reset(self: Any, conn: sqlite3.Connection, _taken: Taken) -> None:
        conn.execute("DELETE FROM limiter WHERE name = ?", (self._name,))
        conn.execute("DELETE FROM limiter_attempt WHERE name = ?", (self._name,))
        conn.execute("DELETE FROM limiter_step_up WHERE name = ?", (self._name,))

    return [(Limiter, "give_back_tx", reset)]


ABLATIONS: dict[str, Callable[[], Patches]] = {
    "limiter": OF_PICKUPS["limiter"],
    "token-given-back": OF_PICKUPS["token-given-back"],
    "used-mark": OF_PICKUPS["used-mark"],
    "step-up": _step_up,
    "second-factor": _second_factor,
    "counter-first": _counter_first,
    "powered-time": _powered_time,
    "success-does-not-reset": _success_resets,
}
