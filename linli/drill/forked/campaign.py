"""`linli drill kill --forked`: each seed one run, struck at one place and perhaps at more, on several processes."""

import gc
import json
import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from common.kit.log import setup_logging
from linli.drill.forked.ablation import ABLATIONS
from linli.drill.forked.ground import Ground
from linli.drill.forked.hubside import BootedHub
from linli.drill.forked.pipe import Child, PipeEnd
from linli.drill.forked.places import PLACES
from linli.drill.forked.run import Outcome, Run, Scene
from linli.drill.forked.survey import SCENES, draw
from linli.world.ablation import ablated

_MEMORY = Path("/dev/shm")
_ENOUGH = 2
"""Each place is drawn so often when it must have been struck once at least."""


@dataclass(slots=True)
class Tally:
    """What the runs came to."""

    runs: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    scenes: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[int, str]] = field(default_factory=list)
    unstruck: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """Return how many programs were killed."""
        return self.deaths.total()

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.runs += 1
        self.deaths.update(outcome.deaths)
        self.scenes[outcome.scene] += 1
        self.violations += [(outcome.seed, sentence) for sentence in outcome.found]

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        figures: dict[str, object] = {
            "kills": self.kills,
            "daemon_kills": sum(n for at, n in self.deaths.items() if at.startswith("daemon/")),
            "hub_kills": sum(n for at, n in self.deaths.items() if at.startswith("hub/")),
            "places": len(self.deaths),
            "fewest": min(self.deaths.values(), default=0),
            "by_place": dict(sorted(self.deaths.items())),
            "unstruck": self.unstruck,
        }
        record = {
            "name": "kill", "runs": self.runs, "violations": len(self.violations),
            "figures": figures,
        }  # fmt: skip
        return json.dumps(record)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One call of the command."""

    seeds: range
    jobs: int
    say: Callable[[str], None]
    places: Sequence[str] = PLACES
    scenes: Sequence[Scene] = SCENES
    ablation: str | None = None
    trace: bool = False

    def run(self) -> Tally:
        """Live every seed; with a safeguard off, stop at the first that notices."""
        tally, jobs = Tally(), min(self.jobs, len(self.seeds))
        workers = [Child(partial(self._work, self.seeds[n::jobs])) for n in range(jobs)]
        try:
            for outcome in _outcomes(workers):
                self._tell(outcome, tally)
                if self.ablation and tally.violations:
                    break
        finally:
            for worker in workers:
                worker.end()
        if self._is_whole and tally.runs >= _ENOUGH * len(PLACES):
            tally.unstruck = [one for one in PLACES if not tally.deaths[one]]
            tally.violations += [(0, f"nobody was killed at {one}") for one in tally.unstruck]
        return tally

    def replay(self, seed: int, seeds: int = 1) -> str:
        """Return the command that does it again."""
        off = f" --ablate {self.ablation}" if self.ablation else ""
        only = "".join(f" --place {one}" for one in self.places) if self.places != PLACES else ""
        if self.scenes != SCENES:
            only += "".join(f" --scene '{one.name}'" for one in self.scenes)
        return f"linli drill kill --forked --seed {seed} --seeds {seeds}{only}{off}"

    @property
    def _is_whole(self) -> bool:
        return self.places == PLACES and self.scenes == SCENES and self.ablation is None

    def _tell(self, outcome: Outcome, tally: Tally) -> None:
        tally.add(outcome)
        found = outcome.found
        if found or self.trace:
            self.say(
                f"{f'{len(found)} violations' if found else 'ok':<13} seed {outcome.seed}: {outcome.scene}; "
                f"{outcome.arms}; died at {', '.join(outcome.deaths) or 'no place'}"
            )
        for sentence in found[:5]:
            self.say(f"  {sentence}\n  replay: {self.replay(outcome.seed)}")
        if tally.runs % 100 == 0:
            self.say(f"{tally.runs} runs, {tally.kills} kills, {len(tally.violations)} violations")

    def _work(self, seeds: Sequence[int], pipe: PipeEnd) -> None:
        """Be one of the processes that live runs."""
        setup_logging("plain")
        if not self.trace:
            logging.disable(logging.CRITICAL)  # programs die here again and again
        root = Path(
            tempfile.mkdtemp(prefix="linli-kills-", dir=_MEMORY if _MEMORY.is_dir() else None)
        )
        try:
            ground = Ground(root / "ground")
            ground.prepare()
            booted = {name: BootedHub(ground, name) for name in ground.images}
            gc.collect()
            gc.freeze()
            gc.disable()  # a child shares what it does not touch, and lives a second
            for seed in seeds:
                pipe.send(self._live(ground, booted, seed))
        finally:
            shutil.rmtree(root, ignore_errors=True)
        pipe.send(None)

    def _live(self, ground: Ground, booted: Mapping[str, BootedHub], seed: int) -> Outcome:
        """Live one run; with places and scenes that have nothing in common there is nothing to live."""
        drawn = draw(self.places[seed % len(self.places)], self.scenes, seed)
        if drawn is None:
            places = [one for one in self.places if draw(one, self.scenes, seed) is not None]
            drawn = draw(places[seed % len(places)], self.scenes, seed)
        assert drawn is not None
        scene, arms = drawn
        with ablated(self.ablation, ABLATIONS):
            return Run(ground, scene, seed, arms, booted).live()


def _outcomes(workers: Sequence[Child]) -> Iterator[Outcome]:
    """Yield what the workers come to, as it comes."""
    running = list(workers)
    while running:
        for worker in Child.ready(running):
            found = worker.hear()
            if found is None:
                running.remove(worker)
            else:
                yield found


def figures(deaths: Mapping[str, int]) -> str:
    """Return the kills of each place, a line each."""
    return "\n".join(f"{count:>6}  {place}" for place, count in sorted(deaths.items()))
