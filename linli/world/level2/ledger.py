"""The oracle of the sync drill: what the station has told and the hub has ruled, kept apart from both.

It hears of every commit; only at the end it opens the two databases.
"""

from collections import Counter
from collections.abc import Collection, Mapping

from linli.world.trace import Trace


class Ledger:
    """Facts by name; a name that an image took back may be at the hub or not, every other one must, once."""

    def __init__(self, trace: Trace) -> None:
        """Begin with nothing told."""
        self._trace = trace
        self.told: list[str] = []
        self.taken_back: set[str] = set()
        self.violations: list[str] = []
        self._image = 0

    def tell(self, name: str) -> None:
        """The station has committed a fact."""
        self.told.append(name)
        self._trace.note("told", name)

    def image(self) -> None:
        """An image of the station is made now."""
        self._image = len(self.told)

    def back_to_image(self) -> None:
        """What was told since the image is gone from the station."""
        self.taken_back.update(self.told[self._image :])

    def violate(self, what: str) -> None:
        """Write down that a promise was broken."""
        self._trace.note("VIOLATION", what)
        self.violations.append(what)

    def reckon_facts(self, effects: Collection[str]) -> None:
        """Hold the hub's effects against what was told: nothing lost, nothing twice, nothing invented, in order."""
        counts = Counter(effects)
        for name in self.told:
            if not counts[name] and name not in self.taken_back:
                self.violate(f"the fact {name} is lost")
        for name, times in counts.items():
            if times > 1:
                self.violate(f"the fact {name} took effect {times} times")
        for name in sorted(counts.keys() - set(self.told)):
            self.violate(f"the fact {name} was never told")
        kept = [name for name in self.told if name in counts and name not in self.taken_back]
        if [name for name in effects if name in set(kept)] != kept:
            self.violate("facts took effect out of order")

    def reckon_rows(self, hub: Mapping[str, str], station: Mapping[str, str]) -> None:
        """Hold the station's rows against the hub's."""
        for key in sorted(hub.keys() | station.keys()):
            if hub.get(key) != station.get(key):
                self.violate(f"row {key}: {station.get(key)} here, {hub.get(key)} at the hub")
