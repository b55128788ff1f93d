"""Many seeds of a noisy line, on as many processes as there are CPUs."""

import json
import logging
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from linli.drill.busnoise.ablation import ABLATIONS
from linli.drill.busnoise.case import Case, kind_of
from linli.world.ablation import ablated
from linli.world.loop import run_virtual
from linli.world.spread import spread


@dataclass(frozen=True, slots=True)
class Order:
    """One seed to be lived."""

    seed: int
    frames: int
    ablation: str | None
    trace: bool = False


@dataclass(frozen=True, slots=True)
class Lived:
    """What one seed came to."""

    seed: int
    violations: list[str]
    figures: Counter[str]
    digest: str
    last: list[str]


@dataclass(slots=True)
class Tally:
    """What all seeds came to."""

    runs: int = 0
    violations: list[tuple[int, str]] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0
    digest: str = ""

    def add(self, one: Lived, cpu_s: float) -> None:
        """Count one seed."""
        self.runs += 1
        self.violations += [(one.seed, sentence) for sentence in one.violations]
        self.figures += one.figures
        self.cpu_s += cpu_s
        self.digest = one.digest

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        figures: dict[str, object] = dict(sorted(self.figures.items()))
        figures |= {"cpu_s": round(self.cpu_s, 1), "last_digest": self.digest}
        record = {
            "name": "bus-noise",
            "runs": self.runs,
            "violations": len(self.violations),
            "figures": figures,
        }
        return json.dumps(record)


def live(order: Order) -> Lived:
    """Live one seed in a world of its own."""
    logging.disable(logging.NOTSET if order.trace else logging.CRITICAL)
    cases: list[Case] = []
    with (
        tempfile.TemporaryDirectory(prefix="linli-noise-") as folder,
        ablated(order.ablation, ABLATIONS),
    ):

        async def main(loop: object) -> list[str]:
            cases.append(Case(loop, order.seed, order.frames, Path(folder)))  # type: ignore[arg-type]
            return await cases[0].run()

        found = run_virtual(order.seed, main)
    logging.disable(logging.NOTSET)
    case = cases[0]
    return Lived(order.seed, found, case.figures, case.trace.digest, case.trace.last)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One call of the command."""

    seeds: range
    frames: int
    jobs: int
    ablation: str | None
    trace: bool
    say: Callable[[str], None]

    def run(self) -> Tally:
        """Live every seed; with a safeguard off, stop at the first that notices."""
        tally = Tally()
        orders = [Order(seed, self.frames, self.ablation, self.trace) for seed in self.seeds]
        for one, cpu_s in spread(live, orders, 1 if self.ablation else self.jobs):
            tally.add(one, cpu_s)
            self._tell(one, tally)
            if self.ablation and tally.violations:
                break
        return tally

    def _tell(self, one: Lived, tally: Tally) -> None:
        if not one.violations:
            if tally.runs % max(10, len(self.seeds) // 50) == 0:
                hit = tally.figures["hit"]
                self.say(f"{tally.runs} of {len(self.seeds)} seeds, {hit} noisy or rogue frames")
            return
        self.say(f"seed {one.seed} ({kind_of(one.seed)}): {len(one.violations)} violations")
        for sentence in one.violations:
            self.say(f"  {sentence}")
        if not self.ablation:
            for line in one.last[-12:]:
                self.say(f"    {line}")
        self.say(f"  replay: {self.replay(one.seed, 1)}")

    def replay(self, seed: int, seeds: int) -> str:
        """Return the command that lives these seeds again."""
        off = f" --ablate {self.ablation}" if self.ablation else ""
        return f"linli drill bus-noise --seed {seed} --seeds {seeds} --frames {self.frames}{off}"
