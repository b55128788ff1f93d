"""Seeds of `linli drill impostor`: every trick in an order drawn from the seed, the honest station asked after each."""

import asyncio
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from common.kit.chance import seeded_chance
from linli.drill.impostor.ablation import ABLATIONS
from linli.drill.impostor.scene import Scene
from linli.drill.impostor.tricks import TRICKS, still_well
from linli.world.ablation import ablated

_SHM = Path("/dev/shm")
_MEMORY = _SHM if _SHM.is_dir() else None


@dataclass(slots=True)
class Tally:
    """What the seeds came to."""

    runs: int = 0
    violations: list[tuple[int, str]] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        record = {"name": "impostor", "runs": self.runs, "violations": len(self.violations)}
        return json.dumps(record | {"figures": dict(sorted(self.figures.items()))})


@dataclass(frozen=True, slots=True)
class Campaign:
    """One call of the command."""

    seeds: Sequence[int]
    ablation: str | None
    say: Callable[[str], None]

    async def run(self) -> Tally:
        """Play every seed."""
        tally = Tally()
        logging.disable(logging.CRITICAL)  # failed handshakes are what this is about
        try:
            for seed in self.seeds:
                await self._one(seed, tally)
        finally:
            logging.disable(logging.NOTSET)
        return tally

    def replay(self, seed: int, seeds: int = 1) -> str:
        """Return the command that does it again."""
        off = f" --ablate {self.ablation}" if self.ablation else ""
        return f"linli drill impostor --seed {seed} --seeds {seeds}{off}"

    async def _one(self, seed: int, tally: Tally) -> None:
        with (
            tempfile.TemporaryDirectory(prefix="linli-impostor-", dir=_MEMORY) as folder,
            ablated(self.ablation, ABLATIONS),
        ):
            found = await _played(Path(folder), seeded_chance(f"impostor {seed}").jitter, tally)
        tally.runs += 1
        tally.violations += [(seed, sentence) for sentence in found]
        self.say(f"{f'{len(found)} violations' if found else 'ok':<13} seed {seed}")
        for sentence in found[:5]:
            self.say(f"  {sentence}\n  replay: {self.replay(seed)}")


async def _played(folder: Path, draw: Random, tally: Tally) -> list[str]:
    found: list[str] = []
    async with Scene(folder).open() as scene:
        for trick in draw.sample(TRICKS, len(TRICKS)):
            async with asyncio.timeout(60):
                found += await trick(scene, draw)
                found += await still_well(scene)
            tally.figures["tricks"] += 1
            tally.figures["honest_hellos"] += 1
    return found
