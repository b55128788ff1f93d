"""`linli drill pickups`: weeks of a station in the simulated world, everything failing, an oracle watching."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from linli.world.level1.fleet import Lived, Order, lived
from linli.world.scenario import Level
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
    digests: dict[int, str] = field(default_factory=dict)
    """Seed → the hash of its first life's trace."""

    def add(self, one: Lived) -> None:
        """Count one seed."""
        result = one.result
        self.runs += 1
        self.violations += len(result.violations)
        if result.violations and result.seed not in self.bad_seeds:
            self.bad_seeds.append(result.seed)
        self.figures += result.figures
        self.kills += result.kills
        self.cpu_s += one.cpu_s
        self.digest = result.digest
        first = self.digests.setdefault(result.seed, result.digest)
        if first != result.digest:
            self.violations += 1
            result.violations.append(f"lived again, the trace is {result.digest}, not {first}")

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        figures: dict[str, object] = dict(sorted(self.figures.items()))
        figures |= {
            "kills": sum(self.kills.values()),
            "places": len(self.kills),
            "cpu_s_per_seed": round(self.cpu_s / max(1, self.runs), 2),
            "bad_seeds": self.bad_seeds[:20],
            "last_digest": self.digest,
            "seeds": len(self.digests),
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
    level: Level = Level.MODEL
    times: int = 1
    """How often each seed is lived; every life must leave the same trace."""

    def run(self) -> Tally:
        """Live every seed; with a safeguard off, stop at the first that notices, unless it is to be replayed."""
        tally = Tally()
        orders = [
            Order(seed, self.days, self.ablation, self.week, self.level)
            for seed in self.seeds
            for _ in range(self.times)
        ]
        for one in lived(orders, min(self.jobs, len(orders))):
            tally.add(one)
            self._tell(one, tally)
            if self.ablation and tally.violations and self.times == 1:
                break
        return tally

    def _tell(self, one: Lived, tally: Tally) -> None:
        result = one.result
        if self.times > 1 and tally.runs % self.times == 0:
            self.say(f"seed {result.seed}: {self.times} lives, trace {result.digest}")
        if self.times > 1 and self.ablation:  # the same sentences over and over
            return
        if not result.violations:
            if tally.runs % max(10, len(self.seeds) // 100) == 0:
                self.say(f"{tally.runs} of {len(self.seeds)} seeds, {tally.violations} violations")
            return
        self.say(f"seed {result.seed}: {len(result.violations)} violations")
        for sentence in result.violations:
            self.say(f"  {sentence}")
        if not self.ablation:
            self.say("  the last entries of the trace:")
            for line in result.last:
                self.say(f"    {line}")
        self.say(f"  replay: {self.replay(result.seed)} --seeds 1")

    def replay(self, seed: int) -> str:
        """Return the command that lives from this seed on again."""
        off = f" --ablate {self.ablation}" if self.ablation else ""
        how = f" --week {self.week}" if self.week is not Week.BUSY else ""
        where = f" --level {self.level.value}" if self.level is not Level.MODEL else ""
        return f"linli drill pickups --seed {seed} --days {self.days}{how}{where}{off}"
