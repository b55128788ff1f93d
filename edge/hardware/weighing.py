"""When a weight counts: standing still, on an empty scale, heavy enough. Pure rules (reference B.6), no device.

The gross before and after are what is recorded; the difference is what was put in.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from common.contract.words import Quality
from edge.hardware.ports import ScaleReading

STILL_S = 1.0
LONGEST_GAP_S = 0.5
"""Readings further apart cannot show that nothing moved between them."""
ZERO_DIVISIONS = 2
AUTO_ZERO_SHARE = 0.02
"""Of the capacity: what may lie on an empty scale (dirt, ice) and be taken for nothing."""


class Stillness:
    """Follows readings until they stand still: said to be stable, and within a second one division apart at most."""

    def __init__(self, division_mg: int) -> None:
        """Begin with nothing seen."""
        self._division_mg = division_mg
        self._seen: deque[tuple[float, int]] = deque()

    def settled_mg(self, reading: ScaleReading, at_s: float) -> int | None:
        """Take the reading of `at_s`; return the weight once it stands still, else None."""
        if reading.quality is not Quality.GOOD or reading.gross_mg is None or not reading.stable:
            self._seen.clear()
            return None
        if self._seen and at_s - self._seen[-1][0] > LONGEST_GAP_S:
            self._seen.clear()
        self._seen.append((at_s, reading.gross_mg))
        # one reading older than the second stays, so that the whole second is covered
        while len(self._seen) > 1 and self._seen[1][0] <= at_s - STILL_S:
            self._seen.popleft()
        weights_mg = [mg for _, mg in self._seen]
        is_covered = self._seen[0][0] <= at_s - STILL_S
        is_still = max(weights_mg) - min(weights_mg) <= self._division_mg
        return reading.gross_mg if is_covered and is_still else None


class Zero(StrEnum):
    """Whether somebody may put something in now."""

    EMPTY = "empty"
    """Within two divisions of zero."""
    TARE = "tare"
    """A little lies there and the flap is shut: what is there now counts as nothing."""
    FLAP_OPEN = "flap_open"
    """A little lies there; whether it is dirt or a hand is not known before the flap is shut."""
    NOT_EMPTY = "not_empty"
    """Too much to be nothing, above or below zero."""


def zero_of(gross_mg: int, *, division_mg: int, capacity_mg: int, is_shut: bool) -> Zero:
    """Judge a settled weight before anything is put in."""
    if abs(gross_mg) <= ZERO_DIVISIONS * division_mg:
        return Zero.EMPTY
    if abs(gross_mg) > AUTO_ZERO_SHARE * capacity_mg:
        return Zero.NOT_EMPTY
    return Zero.TARE if is_shut else Zero.FLAP_OPEN


class Refused(StrEnum):
    """Why what was put in is not weighed."""

    NEGATIVE = "negative"
    """Something was taken out."""
    TOO_LIGHT = "too_light"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Weighed:
    """What was put in, with the raw weights it is the difference of."""

    before_mg: int
    after_mg: int

    @property
    def net_mg(self) -> int:
        """Return what was put in."""
        return self.after_mg - self.before_mg


def weigh(before_mg: int, after_mg: int, *, minimum_mg: int, capacity_mg: int) -> Weighed | Refused:
    """Judge two settled weights."""
    if after_mg < before_mg:
        return Refused.NEGATIVE
    if after_mg > capacity_mg:
        return Refused.OVER
    if after_mg - before_mg < minimum_mg:
        return Refused.TOO_LIGHT
    return Weighed(before_mg, after_mg)
