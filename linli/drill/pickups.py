"""`linli drill pickups`: weeks of a station in the simulated world, everything failing, an oracle watching."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from linli.world.level1.fleet import Lived, Order, lived
from linli.world.weeks import Week


@dataclass(slots=True)
class Tally:
    """What the seeds came to."""

    runs: int = 0
    violations: int = 0
    bad_seeds: list[int] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0
    digest: str = ""

    def add(self, one: Lived) -> None:
        """Count one seed."""
        result = one.result
        self.runs += 1
        self.violations += len(result.violations)
        if result.violations:
            self.bad_seeds.append(result.seed)
        self.figures += result.figures
        self.kills += result.kills
        self.cpu_s += one.cpu_s
        self.digest = result.digest

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        figures: dict[str, object] = dict(sorted(self.figures.items()))
        figures |= {
            "kills": sum(self.kills.values()),
            "places": len(self.kills),
            "cpu_s_per_seed": round(self.cpu_s / max(1, self.runs), 2),
            "bad_seeds": self.bad_seeds[:20],
            "last_digest": self.digest,
        }
        record = {
            "name": "pickups",
            "runs": self.runs,
            "violations": self.violations,
            "figures": figures,
        }
        return json.dumps(record)


@dataclass(frozen=True, slots=True)
class Pickups:
    """One call of the command."""

    seeds: range
    days: int
    jobs: int
    ablation: str | None
    say: Callable[[str], None]
    week: Week = Week.BUSY

    def run(self) -> Tally:
        """Live every seed; with a safeguard off, stop at the first that notices."""
        tally = Tally()
        orders = [Order(seed, self.days, self.ablation, self.week) for seed in self.seeds]
        for one in lived(orders, min(self.jobs, len(orders))):
            tally.add(one)
            self._tell(one, tally)
            if self.ablation and tally.violations:
                break
        return tally

    def _tell(self, one: Lived, tally: Tally) -> None:
        result = one.result
        if not result.violations:
            if tally.runs % 10 == 0:
                self.say(f"{tally.runs} of {len(self.seeds)} seeds, {tally.violations} violations")
            return
        self.say(f"seed {result.seed}: {len(result.violations)} violations")
        for sentence in result.violations:
            self.say(f"  {sentence}")
        if not self.ablation:
            self.say("  the last entries of the trace:")
            for line in result.last:
                self.say(f"    {line}")
        self.say(f"  replay: {replay(result.seed, self.days, self.ablation, self.week)}")


def replay(seed: int, days: int, ablation: str | None, week: Week = Week.BUSY) -> str:
    """Return the command that lives one seed again."""
    off = f" --ablate {ablation}" if ablation else ""
    how = f" --week {week}" if week is not Week.BUSY else ""
    return f"linli drill pickups --seed {seed} --days {days}{how}{off}"
