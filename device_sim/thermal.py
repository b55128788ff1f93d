"""How warm the air and the goods of a zone are: two masses, three paths of heat, solved exactly.

Outside → air through walls, gaskets and open doors; air ↔ goods; a machine that puts heat into the air or takes it out.
While none of these changes, both temperatures are a constant and two decaying exponentials: a step of a day is as
true as 86,400 of a second, and the moment at which the air reaches a temperature is found, not stepped over.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

_NEAR_S = 1e-6
"""How exactly the moment of a crossing is found."""
_GONE = 40.0
"""Time constants of the slower exponential after which nothing of it is left in a float."""


@dataclass(frozen=True, slots=True)
class Masses:
    """What holds heat and how well it passes between the two."""

    air_j_per_k: float
    """Air, inner walls and shelves: what follows at once."""
    goods_j_per_k: float
    air_goods_w_per_k: float


@dataclass(frozen=True, slots=True)
class Mode:
    """What drives the temperatures while nothing is switched and no door moves."""

    outside_c: float
    leak_w_per_k: float
    """Walls and open doors together."""
    machine_w: float
    """Heat put into the air; a running compressor's is negative."""


@dataclass(frozen=True, slots=True)
class _Decay:
    """rest + slow·exp(-rate_slow·t) + fast·exp(-rate_fast·t)."""

    rest_c: float
    slow_k: float
    fast_k: float

    def at(self, slow: float, fast: float) -> float:
        return self.rest_c + self.slow_k * slow + self.fast_k * fast


class Trajectory:
    """Where air and goods go from a start while one mode lasts; seconds count from that start."""

    def __init__(self, masses: Masses, mode: Mode, air_c: float, goods_c: float) -> None:
        """Solve the two equations of Newton's cooling for this start."""
        leak, between = mode.leak_w_per_k, masses.air_goods_w_per_k
        to_goods = between / masses.air_j_per_k
        to_air = between / masses.goods_j_per_k
        total = (leak + between) / masses.air_j_per_k + to_air
        product = leak / masses.air_j_per_k * to_air
        self._rate_fast = (total + math.sqrt(total * total - 4 * product)) / 2
        self._rate_slow = (
            product / self._rate_fast
        )  # the difference of two near numbers is not taken
        rest_c = mode.outside_c + mode.machine_w / leak
        air_k, goods_k = air_c - rest_c, goods_c - rest_c
        air_slope = -(leak / masses.air_j_per_k) * air_k - to_goods * (air_k - goods_k)
        goods_slope = to_air * (air_k - goods_k)
        self._air = self._decay(rest_c, air_k, air_slope)
        self._goods = self._decay(rest_c, goods_k, goods_slope)

    def at(self, seconds: float) -> tuple[float, float]:
        """Return the temperatures of air and goods after `seconds`."""
        slow, fast = math.exp(-self._rate_slow * seconds), math.exp(-self._rate_fast * seconds)
        return self._air.at(slow, fast), self._goods.at(slow, fast)

    def air_reaches_s(self, level_c: float, *, rising: bool, from_s: float = 0.0) -> float:
        """Return when, not before `from_s`, the air is at or beyond `level_c`; infinity for never."""
        turns_s = self._turns_s()
        ends_s = max(from_s, turns_s) + _GONE / self._rate_slow
        pieces = [from_s, turns_s, ends_s] if from_s < turns_s < ends_s else [from_s, ends_s]
        if self._beyond(level_c, from_s, rising=rising):
            return from_s
        for low_s, high_s in pairwise(pieces):
            if self._beyond(level_c, high_s, rising=rising):
                return self._crossing_s(level_c, low_s, high_s, rising=rising)
        return math.inf

    def _decay(self, rest_c: float, start_k: float, slope: float) -> _Decay:
        """Give the two exponentials the start and the slope that the masses have."""
        slow_k = (slope + self._rate_fast * start_k) / (self._rate_fast - self._rate_slow)
        return _Decay(rest_c, slow_k, start_k - slow_k)

    def _turns_s(self) -> float:
        """Return when the air turns round: two exponentials do so once at most; 0 when they do not."""
        slow, fast = self._air.slow_k * self._rate_slow, self._air.fast_k * self._rate_fast
        if slow == 0 or fast == 0 or (slow > 0) == (fast > 0):
            return 0.0
        return math.log(-fast / slow) / (self._rate_fast - self._rate_slow)

    def _beyond(self, level_c: float, at_s: float, *, rising: bool) -> bool:
        air_c, _goods_c = self.at(at_s)
        return air_c >= level_c if rising else air_c <= level_c

    def _crossing_s(self, level_c: float, low_s: float, high_s: float, *, rising: bool) -> float:
        """Halve a piece that only rises or only falls; its far side is returned, where it is reached."""
        while high_s - low_s > _NEAR_S:
            middle_s = (low_s + high_s) / 2
            if middle_s in (low_s, high_s):
                break
            if self._beyond(level_c, middle_s, rising=rising):
                high_s = middle_s
            else:
                low_s = middle_s
        return high_s
