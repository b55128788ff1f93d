"""`linli drill sync`: station and hub tell each other everything over real HTTP, whatever breaks between them."""

import json
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from linli.world.level2.ablation import sync_ablated
from linli.world.level2.run import SyncResult, live

_MEMORY = Path("/dev/shm")


@dataclass(slots=True)
class Tally:
    """What the seeds came to."""

    runs: int = 0
    violations: int = 0
    bad_seeds: list[int] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    digests: dict[int, str] = field(default_factory=dict)
    cpu_s: float = 0.0

    def add(self, result: SyncResult) -> None:
        """Count one life; a second one of a seed must leave the trace of the first."""
        first = self.digests.setdefault(result.seed, result.digest)
        if first != result.digest:
            result.violations.append(f"lived again, the trace is {result.digest}, not {first}")
        self.runs += 1
        self.violations += len(result.violations)
        if result.violations and result.seed not in self.bad_seeds:
            self.bad_seeds.append(result.seed)
        self.figures += result.figures
        self.cpu_s += result.cpu_s

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        figures: dict[str, object] = dict(sorted(self.figures.items()))
        figures |= {
            "cpu_s_per_seed": round(self.cpu_s / max(1, self.runs), 2),
            "bad_seeds": self.bad_seeds[:20],
            "last_digest": next(reversed(self.digests.values()), ""),
        }
        record = {"name": "sync", "runs": self.runs, "violations": self.violations}
        return json.dumps(record | {"figures": figures})


@dataclass(frozen=True, slots=True)
class SyncDrill:
    """One call of the command."""

    seeds: range
    times: int
    ablation: str | None
    trace: bool
    say: Callable[[str], None]

    def run(self) -> Tally:
        """Live every seed; with a safeguard off, stop at the first that notices."""
        tally = Tally()
        for seed in self.seeds:
            for _ in range(self.times):
                self._one(seed, tally)
            if self.times > 1:
                self.say(f"seed {seed}: {self.times} lives, trace {tally.digests[seed]}")
            if self.ablation and tally.violations:
                break
        return tally

    def _one(self, seed: int, tally: Tally) -> None:
        place = _MEMORY if _MEMORY.is_dir() else None
        with (
            tempfile.TemporaryDirectory(prefix="linli-sync-", dir=place) as folder,
            sync_ablated(self.ablation),
        ):
            result = live(seed, Path(folder))
        tally.add(result)
        if not result.violations:
            if self.trace:
                self.say("\n".join(result.last))
            if len(tally.digests) % 10 == 0:
                self.say(f"{tally.runs} lives, {tally.violations} violations")
            return
        self.say(f"seed {seed}: {len(result.violations)} violations")
        for sentence in result.violations[:20]:
            self.say(f"  {sentence}")
        if not self.ablation:
            self.say("  the last entries of the trace:\n    " + "\n    ".join(result.last))
        self.say(f"  replay: {replay(seed, self.ablation)}")


def replay(seed: int, ablation: str | None) -> str:
    """Return the command that lives one seed again."""
    off = f" --ablate {ablation}" if ablation else ""
    return f"linli drill sync --seed {seed} --seeds 1{off}"
