"""Samples into figures: n, median, p99, CPU per unit, ratio to a floor; and the one line of `--json`."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

_HUNDRED = 100


def percentile(samples: Sequence[float], percent: int) -> float:
    """Return the smallest sample that at least `percent` % of the samples do not exceed (nearest rank)."""
    if not samples:
        raise ValueError("no samples")
    rank = max(1, math.ceil(len(samples) * percent / _HUNDRED))
    return sorted(samples)[rank - 1]


def median(samples: Sequence[float]) -> float:
    """Return the 50th percentile."""
    return percentile(samples, 50)


@dataclass(slots=True)
class Sheet:
    """The figures of one bench, in the order in which people read them."""

    name: str
    runs: int
    figures: dict[str, float | int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def add(self, key: str, value: float) -> None:
        """Note one figure; the unit is the end of its key."""
        self.figures[key] = round(value, 4)

    def spread(self, key: str, unit: str, samples: Sequence[float]) -> None:
        """Note median and p99 of `samples`."""
        self.add(f"{key}_p50_{unit}", median(samples))
        self.add(f"{key}_p99_{unit}", percentile(samples, 99))

    def goal(self, key: str, limit: float) -> None:
        """Note a violation when the figure is above its goal."""
        if self.figures[key] > limit:
            self.violations.append(f"{key} is {self.figures[key]}, the goal is {limit:g}")

    def goal_least(self, key: str, least: float) -> None:
        """Note a violation when the figure is below its goal."""
        if self.figures[key] < least:
            self.violations.append(f"{key} is {self.figures[key]}, the goal is {least:g} or more")

    def load(self) -> None:
        """Note the machine's load: above 1 the wall-clock figures are other people's."""
        self.add("load_average", os.getloadavg()[0])

    def text(self) -> str:
        """Return the table for people."""
        width = max(len(key) for key in self.figures)
        lines = [f"{self.name}: n = {self.runs}"]
        lines += [f"  {key:<{width}}  {value:>12,}" for key, value in self.figures.items()]
        return "\n".join(lines + [f"  goal missed: {one}" for one in self.violations])

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        record = {
            "name": self.name,
            "runs": self.runs,
            "violations": len(self.violations),
            "figures": self.figures,
        }
        return json.dumps(record)
