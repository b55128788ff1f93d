"""The campaign: every seed a station of its own, with one safeguard off when that is asked for."""

import json
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.kit.failpoints import disarm_all
from common.kit.log import setup_logging
from device_sim.config import load
from linli.drill.guessing.ablation import ABLATIONS
from linli.drill.guessing.siege import Siege
from linli.world.ablation import ablated
from linli.world.level1.calm import calm
from linli.world.loop import run_virtual

CABINET = Path(__file__).parents[3] / "cabinets" / "yangguangli-3.toml"


@dataclass(slots=True)
class Tally:
    """What the seeds came to; figures that are ceilings are the highest of all seeds, the others are sums."""

    runs: int = 0
    violations: list[tuple[int, str]] = field(default_factory=list)
    sums: Counter[str] = field(default_factory=Counter)
    highest: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        return json.dumps({
            "name": "guessing", "runs": self.runs, "violations": len(self.violations),
            "figures": dict(sorted(self.sums.items())) | dict(sorted(self.highest.items())),
        })  # fmt: skip

    def line(self) -> str:
        """Return the figures in one line for people."""
        figures = {**self.highest, **dict(sorted(self.sums.items()))}
        return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in figures.items())


@dataclass(frozen=True, slots=True)
class Guessing:
    """One call of the command."""

    seeds: Sequence[int]
    guesses: int
    ablation: str | None
    say: Callable[[str], None]

    def run(self) -> Tally:
        """Besiege a station for each seed."""
        setup_logging("plain")
        logging.disable(logging.CRITICAL)  # the daemon dies here again and again
        tally = Tally()
        try:
            for seed in self.seeds:
                self._one(seed, tally)
        finally:
            logging.disable(logging.NOTSET)
        return tally

    def _one(self, seed: int, tally: Tally) -> None:
        cabinet = load(CABINET, os.environ)
        with tempfile.TemporaryDirectory(prefix="linli-guessing-") as folder:
            siege: list[Siege] = []

            async def main(loop: object) -> None:
                siege.append(Siege(loop, seed, cabinet, Path(folder), self.guesses))  # type: ignore[arg-type]
                await siege[0].run()

            try:
                with calm(), ablated(self.ablation, ABLATIONS):
                    run_virtual(seed, main)
            finally:
                disarm_all()
        found = siege[0].found
        tally.runs += 1
        tally.violations += [(seed, sentence) for sentence in found]
        tally.sums += siege[0].sums
        for name, count in siege[0].ceilings().items():
            tally.highest[name] = max(count, tally.highest.get(name, 0))
        self.say(f"{f'{len(found)} violations' if found else 'ok':<13} seed {seed}")
        for sentence in found[:5]:
            self.say(f"  {sentence}\n  replay: {self.replay(seed)}")

    def replay(self, seed: int, seeds: int = 1) -> str:
        """Return the command that does it again."""
        off = f" --ablate {self.ablation}" if self.ablation else ""
        return f"linli drill guessing --seed {seed} --seeds {seeds} --guesses {self.guesses}{off}"
