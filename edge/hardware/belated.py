"""Answers that nobody waits for any more and that may still come: which unit owes how many.

Late by more than the quarantine and of the same shape, such an answer cannot be told from the next one. A board answers
in the order it was asked, so as many answers as are missed are asked for once more and not believed.
"""

import math
from collections import deque

BELATED_S, MOST_BELATED = 3.0, 4
"""An answer that is later than this is not expected any more; in this time so many requests can go unanswered."""


class Belated:
    """One per line."""

    def __init__(self) -> None:
        """Miss nothing yet."""
        self._reads: dict[int, deque[float]] = {}
        self._write_s = -math.inf

    def miss_read(self, unit: int, at_s: float) -> None:
        """Note that a unit owes an answer that could be taken for that to a read."""
        self._reads.setdefault(unit, deque(maxlen=MOST_BELATED)).append(at_s)

    def miss_write(self, at_s: float) -> None:
        """Note that some unit owes the answer to a frame that moves something."""
        self._write_s = at_s

    def owed(self, unit: int, now_s: float) -> int:
        """Return how many answers of a unit are not to be believed."""
        return sum(at_s >= now_s - BELATED_S for at_s in self._reads.get(unit, ()))

    def settled(self, unit: int) -> None:
        """Note that a unit has answered what was asked last."""
        self._reads.pop(unit, None)

    def hides_refusal(self, now_s: float) -> bool:
        """Tell whether a "no" may be that of an earlier write: it names no channel, some not even the board."""
        return self._write_s >= now_s - BELATED_S
