"""What is held before a reader is read again and again; it counts once."""


class Debounce:
    """Remembers the last thing seen."""

    def __init__(self, hold_s: float) -> None:
        """Count the same thing again only after it was not seen for `hold_s`."""
        self._hold_s = hold_s
        self._last: tuple[str | None, float] | None = None

    def is_new(self, seen: str | None, at_s: float) -> bool:
        """Tell whether `seen` at `at_s` is somebody new, and remember it."""
        last, self._last = self._last, (seen, at_s)
        return last is None or last[0] != seen or at_s - last[1] >= self._hold_s
