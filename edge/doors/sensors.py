"""Door contacts without their bounce: a change counts after n equal samples, silence after three misses."""

from collections.abc import Mapping

MISSES_TO_UNKNOWN = 3


class _Door:
    __slots__ = ("candidate", "equal", "known", "misses", "since_s")

    def __init__(self) -> None:
        self.known: bool | None = None
        self.candidate: bool | None = None
        self.equal = 0
        self.misses = 0
        self.since_s = 0.0


class Sensors:
    """The debounced state of every door; None: not known."""

    def __init__(self, labels: tuple[str, ...], equal_samples: int) -> None:
        """Know nothing yet."""
        self._doors = {label: _Door() for label in labels}
        self._equal_samples = equal_samples

    def open(self, label: str) -> bool | None:
        """Return the debounced state."""
        return self._doors[label].known

    def since_s(self, label: str) -> float:
        """Return the moment (as given to `feed`) of the last change."""
        return self._doors[label].since_s

    def force(self, label: str, *, open_: bool, at_s: float) -> None:
        """Take over what another judge of the same samples decided."""
        door = self._doors[label]
        if door.known is not open_:
            door.since_s = at_s
        door.known = door.candidate = open_
        door.equal = self._equal_samples

    def feed(
        self, samples: Mapping[str, bool | None], at_s: float
    ) -> list[tuple[str, bool | None]]:
        """Take samples; return (label, new state) of every door whose state changed, in order."""
        changes = []
        for label, sample in samples.items():
            door = self._doors[label]
            before = door.known
            self._take(door, sample)
            if door.known is not before:
                door.since_s = at_s
                changes.append((label, door.known))
        return changes

    def _take(self, door: _Door, sample: bool | None) -> None:
        if sample is None:
            door.misses += 1
            door.equal = 0
            door.candidate = None
            if door.misses >= MISSES_TO_UNKNOWN:
                door.known = None
            return
        door.misses = 0
        door.equal = door.equal + 1 if sample is door.candidate else 1
        door.candidate = sample
        if door.equal >= self._equal_samples:
            door.known = sample
