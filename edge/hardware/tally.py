"""How a line is doing, in numbers: for `edge check`, the log's line of every hour, and whoever looks for a bad wire."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from common.kit.said import Said

_KEPT = 128


@dataclass(slots=True)
class UnitTally:
    """One unit since the start."""

    asked: int = 0
    answered: int = 0
    silent: int = 0
    """Asked, and nothing was heard."""
    damaged: int = 0
    """Asked, and what was heard was no answer: a wrong checksum, or somebody else's frame."""
    stray: int = 0
    """Answered, with bytes beside the answer: noise, or frames nobody asked for."""
    took_s: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    @property
    def p95_s(self) -> float | None:
        """Return within how long 95 of 100 of the last answers were there; None: there was none."""
        if not self.took_s:
            return None
        return sorted(self.took_s)[max(0, -(-len(self.took_s) * 95 // 100) - 1)]

    def text(self) -> str:
        """Return it for people."""
        said = Said(
            "%(answered)s of %(asked)s answered, %(silent)s silent, %(damaged)s damaged, %(stray)s with noise",
            answered=self.answered,
            asked=self.asked,
            silent=self.silent,
            damaged=self.damaged,
            stray=self.stray,
        )
        if (p95_s := self.p95_s) is None:
            return said
        return Said("%(said)s, 95 of 100 within %(ms)s ms", said=said, ms=f"{p95_s * 1000:.0f}")


@dataclass(slots=True)
class LineTally:
    """One line since the start."""

    units: dict[int, UnitTally] = field(default_factory=dict)
    opened: int = 0
    """How often the port was opened: more than once, and an adapter comes and goes."""

    def unit(self, unit: int) -> UnitTally:
        """Return a unit's figures."""
        return self.units.setdefault(unit, UnitTally())

    def answered(self, unit: int, took_s: float, stray_bytes: int) -> None:
        """Count an answer."""
        figures = self.unit(unit)
        figures.asked += 1
        figures.answered += 1
        figures.stray += stray_bytes > 0
        figures.took_s.append(took_s)

    def missed(self, unit: int, stray_bytes: int) -> None:
        """Count a request without an answer."""
        figures = self.unit(unit)
        figures.asked += 1
        if stray_bytes:
            figures.damaged += 1
        else:
            figures.silent += 1

    @property
    def quarantines(self) -> int:
        """Return how often the line had to be silent first: after every request without an answer."""
        return sum(one.silent + one.damaged for one in self.units.values())

    def texts(self) -> Iterator[str]:
        """Yield a line for people for each unit, and one for the port."""
        text = "opened %(opened)s time(s), %(quarantines)s quarantine(s)"
        yield Said(text, opened=self.opened, quarantines=self.quarantines)
        for unit, figures in sorted(self.units.items()):
            yield Said("unit %(unit)s: %(said)s", unit=unit, said=figures.text())
