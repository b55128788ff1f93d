"""Many seeds of one of these drills, a fresh world each, and the line that says what they came to."""

import json
import logging
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from linli.world.ablation import Patches, ablated
from linli.world.copies.ablations import CLONE, RESTORE
from linli.world.copies.clone import Clone
from linli.world.copies.restore import Restore
from linli.world.level1.calm import calm
from linli.world.level1.ground import Ground
from linli.world.loop import VirtualLoop, run_virtual

_MEMORY = Path("/dev/shm")
_MANY_TRIES = {"burst": 1000, "max_failures_24h": 100_000}
"""A keypad that locks would hide what these drills look for; guessing is another drill's."""


class Case(Protocol):
    """One seed of a drill."""

    found: list[str]
    figures: Counter[str]

    async def run(self) -> None:
        """Live it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Which drill: its name, its case and its safeguards."""

    name: str
    case: Callable[[VirtualLoop, Ground, int], Case]
    ablations: Mapping[str, Callable[[], Patches]]


CLONES = Kind("clone", Clone, CLONE)
RESTORES = Kind("hub-restore", Restore, RESTORE)


@dataclass(slots=True)
class Tally:
    """What the seeds came to."""

    name: str
    runs: int = 0
    violations: int = 0
    bad_seeds: list[int] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        figures: dict[str, object] = dict(sorted(self.figures.items()))
        figures |= {
            "bad_seeds": self.bad_seeds[:20],
            "cpu_s_per_seed": round(self.cpu_s / max(1, self.runs), 2),
        }
        record = {
            "name": self.name, "runs": self.runs, "violations": self.violations, "figures": figures,
        }  # fmt: skip
        return json.dumps(record)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One call of the command."""

    kind: Kind
    seeds: range
    say: Callable[[str], None]
    ablation: str | None = None
    trace: bool = False

    def run(self) -> Tally:
        """Live every seed; with a safeguard off, stop at the first that notices."""
        tally = Tally(self.kind.name)
        if not self.trace:
            logging.disable(logging.CRITICAL)  # what two daemons say of each other fills screens
        folder = Path(tempfile.mkdtemp(dir=_MEMORY if _MEMORY.is_dir() else None))
        ground = Ground(folder / "ground")
        patient = ground.config.limiter.model_copy(update=_MANY_TRIES)
        ground.config = ground.config.model_copy(update={"limiter": patient})
        try:
            with calm(), ablated(self.ablation, self.kind.ablations):
                for seed in self.seeds:
                    self._one(ground, seed, tally)
                    if self.ablation and tally.violations:
                        break
        finally:
            logging.disable(logging.NOTSET)
            ground.close()
            shutil.rmtree(folder)
        return tally

    def replay(self, seed: int, seeds: int = 1) -> str:
        """Return the command that lives these seeds again."""
        off = f" --ablate {self.ablation}" if self.ablation else ""
        return f"linli drill {self.kind.name} --seed {seed} --seeds {seeds}{off}"

    def _one(self, ground: Ground, seed: int, tally: Tally) -> None:
        ground.fresh()
        for left in ground.root.glob("*-copy"):
            shutil.rmtree(left)
        started_s, cases = time.process_time(), list[Case]()

        async def main(loop: VirtualLoop) -> None:
            cases.append(self.kind.case(loop, ground, seed))
            await cases[0].run()

        run_virtual(seed, main)
        found = cases[0].found
        tally.cpu_s += time.process_time() - started_s
        tally.runs += 1
        tally.violations += len(found)
        tally.figures += cases[0].figures
        if found:
            tally.bad_seeds.append(seed)
            self.say(f"seed {seed}: {len(found)} violations")
            for sentence in found:
                self.say(f"  {sentence}")
            self.say(f"  replay: {self.replay(seed)} --trace")
        elif tally.runs % 50 == 0:
            self.say(f"{tally.runs} of {len(self.seeds)} seeds, {tally.violations} violations")
