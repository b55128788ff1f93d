"""`linli drill replays`: failing seeds lived again and again; the trace must be the same to the last entry, every time.

Seeds fail here because a safeguard is off. Lives are spread over processes, so nothing a process remembers can help.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from linli.world.level1.fleet import Lived, Order, lived
from linli.world.scenario import Level
from linli.world.weeks import Week

_TRIES_A_SEED = 50
"""A safeguard that so few seeds notice is no help to find failing ones."""


@dataclass(slots=True)
class Tally:
    """Seeds with the traces their lives have left."""

    name: str = "replays"
    traces: dict[int, Counter[str]] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)

    @property
    def violations(self) -> int:
        """Return how many seeds did not replay."""
        return len(self.found)

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        runs = sum(traces.total() for traces in self.traces.values())
        figures = {"seeds": len(self.traces), "traces": sum(map(len, self.traces.values()))}
        record = {"name": self.name, "runs": runs, "violations": self.violations}
        return json.dumps(record | {"figures": figures})


@dataclass(frozen=True, slots=True)
class Replays:
    """One call of the command."""

    failing: int
    times: int
    first: int
    ablation: str
    days: int
    jobs: int
    level: Level
    say: Callable[[str], None]

    def run(self) -> Tally:
        """Find the seeds, then live each so often and compare."""
        tally = Tally()
        for seed in self._failing():
            orders = [self._order(seed)] * self.times
            lives = list(lived(orders, min(self.jobs, self.times)))
            tally.traces[seed] = Counter(one.result.digest for one in lives)
            self._judge(seed, lives, tally)
        if len(tally.traces) < self.failing:
            tally.found.append(f"only {len(tally.traces)} seeds fail without {self.ablation}")
            self.say(tally.found[-1])
        return tally

    def _failing(self) -> Iterator[int]:
        """Yield seeds that fail, until there are enough or it makes no sense to look on."""
        count = 0
        for seed in range(self.first, self.first + _TRIES_A_SEED * self.failing):
            (life,) = lived([self._order(seed)], 1)
            if life.result.violations:
                count += 1
                yield seed
            if count == self.failing:
                return

    def _judge(self, seed: int, lives: list[Lived], tally: Tally) -> None:
        traces = tally.traces[seed]
        good = sum(not one.result.violations for one in lives)
        if len(traces) > 1 or good:
            said = (
                f"seed {seed}: {len(traces)} traces in {len(lives)} lives, {good} without a failure"
            )
            tally.found.append(said)
            self.say(said)
        else:
            self.say(f"seed {seed}: {len(lives)} lives, trace {next(iter(traces))}")

    def _order(self, seed: int) -> Order:
        return Order(seed, self.days, self.ablation, Week.QUIET, self.level)
