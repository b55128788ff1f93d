"""Failpoints: named places where a test may stop, delay or kill the program. Nothing in production.

`fp("pickup.intent_committed")` stands after every arrow of DESIGN section 3; an unarmed call is one truth test.
"""

import logging
import os
import signal
from collections.abc import Callable

_log = logging.getLogger(__name__)
_armed: dict[str, Callable[[], None]] = {}
_watchers: list[Callable[[str], None]] = []
_WATCHED = "*"


def fp(name: str) -> None:
    """Run what a test armed under `name`, else do nothing."""
    if _armed:
        if (action := _armed.get(name)) is not None:
            action()
        for told in _watchers:
            told(name)


def arm(name: str, action: Callable[[], None]) -> None:
    """Let `fp(name)` call `action` from now on."""
    _armed[name] = action


def watch(told: Callable[[str], None]) -> None:
    """Let every `fp(name)` call `told(name)` from now on, after what is armed under its name."""
    _watchers.append(told)
    arm(_WATCHED, _nothing)


def disarm_all() -> None:
    """Forget every armed failpoint and every watcher."""
    _armed.clear()
    _watchers.clear()


def arm_kill(spec: str) -> None:
    """Arm `name` or `name:n`: the n-th passing sends this process SIGKILL (drills only)."""
    name, _, count = spec.partition(":")
    left = int(count or 1)
    _log.warning("failpoint %s is armed: this process will kill itself there", spec)

    def act() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    arm(name, act)


def _nothing() -> None:
    return
