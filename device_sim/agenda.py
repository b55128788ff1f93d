"""What is going to happen at a known moment of the wire's clock: an act of a script, a chatter of a contact."""

import heapq
import math
from collections.abc import Callable
from itertools import count

Act = Callable[[float], None]
"""Called with the moment it was due."""


class Agenda:
    """Acts in the order of time; those of one moment in the order they were noted."""

    def __init__(self) -> None:
        """Start with nothing to do."""
        self._acts: list[tuple[float, int, Act]] = []
        self._number = count()

    def add(self, at_s: float, act: Act) -> None:
        """Note an act."""
        heapq.heappush(self._acts, (at_s, next(self._number), act))

    def next_s(self) -> float:
        """Return when the next act is due, or infinity."""
        return self._acts[0][0] if self._acts else math.inf

    def do_due(self, at_s: float) -> None:
        """Do what is due at `at_s`, and what that puts there."""
        while self.next_s() <= at_s:
            due_s, _number, act = heapq.heappop(self._acts)
            act(due_s)

    def clear(self) -> None:
        """Forget everything."""
        self._acts.clear()
