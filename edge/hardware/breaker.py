"""A breaker per unit: a board that does not answer must not cost the others their share of the wire."""

FAILURES_TO_OPEN = 3
FIRST_REST_S = 1.0
LONGEST_REST_S = 30.0


class Breaker:
    """Closed → after three failures in a row open for 1, 2, 4 … 30 s; one success closes it."""

    def __init__(self) -> None:
        """Start closed."""
        self._failures = 0
        self._open_until_s = 0.0

    @property
    def tripped(self) -> bool:
        """Tell whether the unit counts as away."""
        return self._failures >= FAILURES_TO_OPEN

    def allows(self, now_s: float) -> bool:
        """Tell whether a frame may go to this unit now; when a rest is over, one may, as the probe."""
        return not self.tripped or now_s >= self._open_until_s

    def failed(self, now_s: float) -> None:
        """Count a frame without an answer."""
        self._failures += 1
        if self.tripped:
            doublings = min(self._failures - FAILURES_TO_OPEN, 10)
            self._open_until_s = now_s + min(FIRST_REST_S * 2**doublings, LONGEST_REST_S)

    def worked(self) -> None:
        """Count an answer, also a refusing one: the board is there."""
        self._failures = 0
