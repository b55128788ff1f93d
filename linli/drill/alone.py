"""Campaigns of a lone station: every seed a station of its own, with one safeguard off when that is asked for."""

import json
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from common.kit.failpoints import disarm_all
from common.kit.log import setup_logging
from device_sim.config import CabinetConfig, load
from linli.world.ablation import Patches, ablated
from linli.world.loop import VirtualLoop, run_virtual

CABINET = Path(__file__).parents[2] / "cabinets" / "yangguangli-3.toml"


class Case(Protocol):
    """One seed of a drill: `run` lives through it, the rest tells what came of it."""

    found: list[str]
    sums: Counter[str]
    highest: dict[str, int]

    async def run(self) -> None:
        """Live through it."""


MakeCase = Callable[[VirtualLoop, int, CabinetConfig, Path], Case]


@dataclass(slots=True)
class Tally:
    """What the seeds came to; `highest` are figures with a ceiling, the most of any seed."""

    name: str
    runs: int = 0
    violations: list[tuple[int, str]] = field(default_factory=list)
    sums: Counter[str] = field(default_factory=Counter)
    highest: dict[str, int] = field(default_factory=dict)

    def add(self, seed: int, case: Case) -> None:
        """Count one seed."""
        self.runs += 1
        self.violations += [(seed, sentence) for sentence in case.found]
        self.sums += case.sums
        for name, count in case.highest.items():
            self.highest[name] = max(count, self.highest.get(name, 0))

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        return json.dumps({
            "name": self.name, "runs": self.runs, "violations": len(self.violations),
            "figures": dict(sorted(self.sums.items())) | dict(sorted(self.highest.items())),
        })  # fmt: skip

    def line(self) -> str:
        """Return the figures in one line for people."""
        figures = {**self.highest, **dict(sorted(self.sums.items()))}
        return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in figures.items())


@dataclass(frozen=True, slots=True)
class Campaign:
    """One call of a command; `options` are what a replay needs besides the seed."""

    name: str
    make: MakeCase
    seeds: Sequence[int]
    ablations: Mapping[str, Callable[[], Patches]]
    ablation: str | None
    say: Callable[[str], None]
    options: str = ""

    def run(self) -> Tally:
        """Live every seed."""
        setup_logging("plain")
        logging.disable(logging.CRITICAL)  # the daemon dies here again and again
        tally = Tally(self.name)
        try:
            for seed in self.seeds:
                self._one(seed, tally)
        finally:
            logging.disable(logging.NOTSET)
        return tally

    def replay(self, seed: int, seeds: int = 1) -> str:
        """Return the command that does it again."""
        off = f" --ablate {self.ablation}" if self.ablation else ""
        return f"linli drill {self.name} --seed {seed} --seeds {seeds}{self.options}{off}"

    def _one(self, seed: int, tally: Tally) -> None:
        cabinet = load(CABINET, os.environ)
        with tempfile.TemporaryDirectory(prefix=f"linli-{self.name}-") as folder:
            cases: list[Case] = []

            async def main(loop: VirtualLoop) -> None:
                cases.append(self.make(loop, seed, cabinet, Path(folder)))
                await cases[0].run()

            try:
                with ablated(self.ablation, self.ablations):
                    run_virtual(seed, main)
            finally:
                disarm_all()
        found = cases[0].found
        tally.add(seed, cases[0])
        self.say(f"{f'{len(found)} violations' if found else 'ok':<13} seed {seed}")
        for sentence in found[:5]:
            self.say(f"  {sentence}\n  replay: {self.replay(seed)}")
