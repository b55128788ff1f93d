"""`linli drill kill`: daemon and hub die at every named place of the journey, and nothing may be lost by it."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.kit.chance import seeded_chance
from common.kit.work import ThreadWork
from linli.demo.ports import Ports
from linli.drill.case import Case
from linli.drill.places import EDGE, HUB, Place, Plan, draw
from linli.drill.town import Town, built


@dataclass(slots=True)
class Tally:
    """What a drill found: violations with the plan they were found in."""

    runs: int = 0
    kills: dict[str, int] = field(default_factory=lambda: {EDGE: 0, HUB: 0})
    violations: list[tuple[Plan, str]] = field(default_factory=list)
    took_s: float = 0.0

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        figures = {
            "daemon_kills": self.kills[EDGE],
            "hub_kills": self.kills[HUB],
            "took_s": round(self.took_s, 1),
        }
        record = {
            "name": "kill",
            "runs": self.runs,
            "violations": len(self.violations),
            "figures": figures,
        }
        return json.dumps(record)


@dataclass(frozen=True, slots=True)
class Drill:
    """One call of the command."""

    places: Sequence[Place]
    seeds: Sequence[int]
    port_base: int
    say: Callable[[str], None]
    keep: Path | None = None

    def plans(self) -> list[Plan]:
        """Return every place once a seed, each with its own draw so that one alone replays."""
        return [
            draw(place, seed, seeded_chance(f"{seed}|{place.title}").jitter)
            for seed in self.seeds
            for place in self.places
        ]

    async def run(self) -> Tally:
        """Play every plan; UnavailableError when the town does not come up."""
        ports = Ports.from_base(self.port_base)
        ports.require_free()
        tally, work = Tally(), ThreadWork("drill")
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        try:
            with tempfile.TemporaryDirectory(prefix="linli-drill-") as folder:
                async with built(self.keep or Path(folder), ports, work) as town:
                    for number, plan in enumerate(self.plans(), start=1):
                        await self._one(town, number, plan, tally)
        finally:
            work.close()
        tally.took_s = loop.time() - started_s
        return tally

    async def _one(self, town: Town, number: int, plan: Plan, tally: Tally) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        found = await Case(town, await town.case(number), plan).run()
        tally.runs += 1
        for program in tally.kills:
            tally.kills[program] += len(plan.arms(program))
        tally.violations += [(plan, sentence) for sentence in found]
        word = f"{len(found)} violations" if found else "ok"
        self.say(f"{word:<13} {loop.time() - started_s:5.1f} s  {plan}")
        for sentence in found:
            self.say(f"  {sentence}")
        if found:
            self.say(f"  replay: linli drill kill --seed {plan.seed} --place '{plan.place.title}'")
