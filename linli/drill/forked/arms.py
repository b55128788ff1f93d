"""How a forked program is killed: at the n-th passing of one failpoint, or at the n-th passing of whatever comes."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from common.kit.failpoints import disarm_all, watch


@dataclass(frozen=True, slots=True)
class Arm:
    """Kill at the `nth` passing of `name`; no name: of any failpoint."""

    name: str
    nth: int

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{self.name or 'any'}:{self.nth}"


class Passed:
    """Counts the failpoints that this process passes, and kills it at the armed one."""

    def __init__(self, arm: Arm | None, farewell: Callable[[str], None]) -> None:
        """Count from now on; `farewell(name)` is the last word before the kill."""
        disarm_all()
        self.counts: Counter[str] = Counter()
        self._arm, self._farewell = arm, farewell
        self._left = arm.nth if arm is not None else 0
        watch(self._note)

    def _note(self, name: str) -> None:
        self.counts[name] += 1
        if self._arm is None or self._arm.name not in ("", name):
            return
        self._left -= 1
        if not self._left:
            self._farewell(name)
            os.kill(os.getpid(), signal.SIGKILL)
