"""When readings may be compared with a reference: all of a whole span are good and lie close together. Pure."""

from collections import deque

FEWEST = 10


class Steady:
    """The readings of the last `span_s` seconds."""

    def __init__(self, span_s: float, spread_k: float) -> None:
        """They agree when the warmest is no more than `spread_k` above the coldest."""
        self._span_s, self._most_k = span_s, spread_k
        self._seen: deque[tuple[float, float]] = deque(maxlen=120)

    def add(self, at_s: float, raw_c: float | None) -> None:
        """Take one more reading; one without a number proves nothing, so counting begins anew."""
        if raw_c is None:
            self._seen.clear()
            return
        self._seen.append((at_s, raw_c))
        # One older than the span stays: with it the rest covers the whole of it.
        while len(self._seen) > 1 and at_s - self._seen[1][0] >= self._span_s:
            self._seen.popleft()

    @property
    def readings_c(self) -> tuple[float, ...]:
        """Return them, oldest first."""
        return tuple(raw_c for _, raw_c in self._seen)

    @property
    def spread_k(self) -> float | None:
        """Return how far apart they are; None before the first."""
        said = self.readings_c
        return round(max(said) - min(said), 2) if said else None

    @property
    def is_steady(self) -> bool:
        """Tell whether they may be compared."""
        if len(self._seen) < FEWEST or self._seen[-1][0] - self._seen[0][0] < self._span_s:
            return False
        return self.spread_k is not None and self.spread_k <= self._most_k

    @property
    def mean_c(self) -> float:
        """Return what they say together."""
        return sum(self.readings_c) / len(self._seen)
