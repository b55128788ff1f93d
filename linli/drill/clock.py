"""`linli drill clock`: the clocks of hub and station jump by years, in the simulated world; every code outlives it.

Two parcels lie in the cabinet throughout. Jumps, restarts, cold boots without a battery and cut cables are drawn
from the seed; after each one the drill looks at the station's grants, the hub's and the keypad's limiter.
"""

import asyncio
import json
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from cloud.app import Hub
from common.kit.chance import seeded_chance
from common.kit.errors import LinliError
from common.kit.log import setup_logging
from device_sim.config import CabinetConfig, load
from edge.app import Edge
from linli.drill.clock_ablation import CLOCK_ABLATIONS
from linli.journey.story import Bought, Cast, bring, buy, pick_up, put_in
from linli.world.ablation import ablated
from linli.world.clock import WorldClock
from linli.world.loop import VirtualLoop, run_virtual
from linli.world.town import HUB_HOST, Town

CABINET = Path(__file__).parents[2] / "cabinets" / "yangguangli-3.toml"
YEARS = timedelta(days=3652)
STEPS = 8
WRONG_CODE = "10020030"
_LIES = (YEARS, -YEARS, timedelta(hours=1), timedelta(hours=-1), timedelta(days=30), timedelta())


@dataclass(slots=True)
class Tally:
    """What the drill found: violations with their seed, and how often each thing was done."""

    runs: int = 0
    acts: dict[str, int] = field(default_factory=dict)
    violations: list[tuple[int, str]] = field(default_factory=list)

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        return json.dumps({
            "name": "clock", "runs": self.runs, "violations": len(self.violations),
            "figures": dict(sorted(self.acts.items())),
        })  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClockDrill:
    """One call of the command."""

    seeds: Sequence[int]
    say: Callable[[str], None]
    ablation: str | None = None

    def run(self) -> Tally:
        """Live every seed in a world of its own; with a safeguard off, stop at the first that notices."""
        setup_logging("plain")
        logging.disable(logging.CRITICAL)  # jumps are errors to every program here
        tally, cabinet = Tally(), load(CABINET, os.environ)
        try:
            for seed in self.seeds:
                with (
                    tempfile.TemporaryDirectory(prefix="linli-clock-") as folder,
                    ablated(self.ablation, CLOCK_ABLATIONS),
                ):
                    self._one(seed, cabinet, Path(folder), tally)
                if self.ablation and tally.violations:
                    break
        finally:
            logging.disable(logging.NOTSET)
        return tally

    def _one(self, seed: int, cabinet: CabinetConfig, folder: Path, tally: Tally) -> None:
        found = run_virtual(seed, lambda loop: _Case(loop, seed, cabinet, folder, tally).run())
        tally.runs += 1
        tally.violations += [(seed, sentence) for sentence in found]
        self.say(f"{f'{len(found)} violations' if found else 'ok':<13} seed {seed}")
        for sentence in found:
            self.say(f"  {sentence}")
        if found:
            self.say(f"  replay: {self.replay(seed)}")

    def replay(self, seed: int, seeds: int = 1) -> str:
        """Return the command that lives these seeds again."""
        off = f" --ablate {self.ablation}" if self.ablation else ""
        return f"linli drill clock --seed {seed} --seeds {seeds}{off}"


class _Case:
    """One seed."""

    def __init__(
        self, loop: VirtualLoop, seed: int, cabinet: CabinetConfig, folder: Path, tally: Tally
    ) -> None:
        self._town = Town(loop, seed, cabinet, folder)
        self._town.edge_clock = WorldClock(loop, boot_id="boot-1")
        self._town.hub_clock = WorldClock(loop, boot_id="hub")
        self._draw = seeded_chance(f"{seed}|clock").jitter
        self._tally, self._found, self._boots = tally, list[str](), 1

    async def run(self) -> list[str]:
        """Put two parcels in, let time lie, pick both up; return what was violated."""
        town = self._town
        await town.prepare()
        await town.start_hub()
        await town.start_edge()
        async with AsyncExitStack() as closing:
            cast = await town.cast(closing)
            orders = [await _stocked(cast, sku) for sku in ("EGG-10", "TEA-100")]
            await asyncio.sleep(120)
            acts = (
                self._jump,
                self._jump,
                self._hub_jump,
                self._daemon,
                self._cold_boot,
                self._cut,
            )
            for number in range(STEPS):
                act = acts[number] if number < len(acts) else self._draw.choice(acts)
                said = await act()
                self._tally.acts[act.__name__.strip("_")] = (
                    self._tally.acts.get(act.__name__.strip("_"), 0) + 1
                )
                self._look(f"after step {number + 1}, {said}")
            await self._limiter()
            await self._collect(cast, orders)
        await town.stop(town.edge)
        await town.stop(town.hub)
        return self._found

    async def _jump(self) -> str:
        lie = self._town.edge_clock.skew = self._draw.choice(_LIES)
        await asyncio.sleep(self._draw.uniform(40, 400))
        return f"the station's clock off by {lie}"

    async def _hub_jump(self) -> str:
        lies = [YEARS, -YEARS]
        self._draw.shuffle(lies)
        for lie in lies:
            self._town.hub_clock.skew = lie
            if self._draw.random() < 0.5:
                await self._town.stop(self._town.hub)
                await self._town.start_hub()
            await asyncio.sleep(self._draw.uniform(130, 700))
            self._look(f"while the hub's clock is off by {lie}")
        self._town.hub_clock.skew = timedelta()
        await asyncio.sleep(400)
        return "the hub's clock ten years ahead, ten years behind and right again"

    async def _daemon(self) -> str:
        await self._town.stop(self._town.edge)
        await self._town.start_edge()
        await asyncio.sleep(60)
        return "the daemon restarted"

    async def _cold_boot(self) -> str:
        await self._town.stop(self._town.edge)
        self._boots += 1
        self._town.edge_clock.boot_id = f"boot-{self._boots}"
        lie = self._town.edge_clock.skew = self._draw.choice(_LIES)
        await asyncio.sleep(self._draw.uniform(1, 3600))
        await self._town.start_edge()
        return f"a cold boot with the clock off by {lie}"

    async def _cut(self) -> str:
        self._town.loop.net.cut(HUB_HOST)
        said = await (self._jump() if self._draw.random() < 0.5 else self._cold_boot())
        self._look(f"with the cable cut, {said}")
        self._town.loop.net.heal(HUB_HOST)
        await asyncio.sleep(400)
        return f"a cut, and {said}"

    def _look(self, when: str) -> None:
        station, hub = self._edge.state_db, self._hub.db
        here = station.write_now(
            lambda conn: [row["state"] for row in conn.execute("SELECT state FROM grant_use")]
        )
        there = hub.read_now(
            lambda conn: [row[0] for row in conn.execute(sa.text("SELECT state FROM pickup_grant"))]
        )
        if here != ["issued"] * 2:
            self._found.append(f"{when}: the station's grants are {here}")
        if there != ["active"] * 2:
            self._found.append(f"{when}: the hub's grants are {there}")
        ahead_s = (self._edge.clock.proven_ms() - self._town.clock.true_ms()) / 1000
        if ahead_s > 60:
            self._found.append(f"{when}: the bound runs {ahead_s:.0f} s ahead")

    async def _limiter(self) -> None:
        """Lock the keypad; a jump and a cold boot must not unlock it."""
        for _ in range(5):
            await self._edge.pickup.submit(WRONG_CODE)
        await self._town.stop(self._town.edge)
        self._boots += 1
        self._town.edge_clock.boot_id = f"boot-{self._boots}"
        self._town.edge_clock.skew = YEARS
        await self._town.start_edge()
        if self._edge.pickup.locked_for_s() < 500:
            self._found.append("a jump has refilled the limiter")
        await asyncio.sleep(1300)

    async def _collect(self, cast: Cast, orders: list[Bought]) -> None:
        for bought in orders:
            try:
                await pick_up(cast, bought.code)
            except (LinliError, TimeoutError) as error:
                self._found.append(f"a code that has not ended is refused: {error}")

    @property
    def _edge(self) -> Edge:
        running = self._town.edge
        assert running is not None
        assert isinstance(running.program, Edge)
        return running.program

    @property
    def _hub(self) -> Hub:
        running = self._town.hub
        assert running is not None
        assert isinstance(running.program, Hub)
        return running.program


async def _stocked(cast: Cast, sku: str) -> Bought:
    bought = await buy(cast, ((sku, 1),))
    await bring(cast, bought)
    await asyncio.sleep(60)
    await put_in(cast, bought)
    return bought
