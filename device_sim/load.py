"""What lies on a simulated scale, how long it swings, how its zero drifts; whichever way the scale says it."""

import random

from firmware_protocols.weights import Flaw, Weight

_SWING_DIVISIONS = 20


class Load:
    """The plate of one scale; at rest it shows multiples of its division."""

    def __init__(self, capacity_g: float, division_g: float, jitter: random.Random) -> None:
        """Be empty; `jitter` swings it."""
        self.capacity_mg = round(capacity_g * 1000)
        self.division_mg = round(division_g * 1000)
        self.jitter = jitter
        self.load_mg = 0
        self._drift_mg_per_s = 0.0
        self._loaded_s = self._still_s = float("-inf")

    def put(self, load_g: float, at_s: float, *, moving_s: float, drift_g_per_s: float) -> None:
        """Let `load_g` lie on it from now: it swings for `moving_s` and says so; a drift it does not say."""
        self.load_mg = round(load_g * 1000)
        self._drift_mg_per_s = drift_g_per_s * 1000
        self._loaded_s, self._still_s = at_s, at_s + moving_s

    def weight(self, at_s: float) -> Weight:
        """Return what it shows."""
        true_mg = self.load_mg
        if self._drift_mg_per_s:
            true_mg += round(self._drift_mg_per_s * (at_s - self._loaded_s))
        is_moving = at_s < self._still_s
        if is_moving:
            swing_mg = _SWING_DIVISIONS * self.division_mg
            true_mg += self.jitter.randint(-swing_mg, swing_mg)
        shown_mg = round(true_mg / self.division_mg) * self.division_mg
        flaw = Flaw.RANGE if shown_mg > self.capacity_mg else None
        return Weight(shown_mg, not is_moving and flaw is None, flaw)
