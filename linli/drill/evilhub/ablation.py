"""Safeguards against a hostile hub switched off from outside: the drill must notice each."""

import sqlite3
from collections.abc import Callable
from typing import Any

from edge.access import budget, commands
from edge.access.powered import PoweredTime
from linli.world.ablation import ABLATIONS as OF_PICKUPS
from linli.world.ablation import Patches


def _budget() -> Patches:
    return [(budget.Budget, "spend_tx", lambda _self, _conn, _name: 0)]


def _hour() -> Patches:
    def minute_only(self: Any, powered: PoweredTime, _doors: int) -> None:
        budget.Budget.__init__(self, powered, (budget.Window(budget.REMOTE_PER_MINUTE, 60.0),))

    return [(budget.RemoteBudget, "__init__", minute_only)]


def _durable() -> Patches:
    def forget(self: Any, conn: sqlite3.Connection) -> None:
        conn.execute("DELETE FROM opening_spent")
        recover(self, conn)

    recover = commands.Commands.recover_tx
    return [(commands.Commands, "recover_tx", forget)]


def _powered_time() -> Patches:
    def by_the_hub(self: Any, _conn: sqlite3.Connection) -> float:
        return float(self._clock.wall().timestamp())

    return [(PoweredTime, "read_tx", by_the_hub)]


def _signature() -> Patches:
    return [(commands, "verify", lambda *_: True)]


ABLATIONS: dict[str, Callable[[], Patches]] = {
    "budget": _budget,
    "budget-of-the-hour": _hour,
    "budget-outlives-restarts": _durable,
    "budget-by-powered-time": _powered_time,
    "signature": _signature,
    "command-expiry": OF_PICKUPS["command-expiry"],
}
