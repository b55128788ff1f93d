"""`linli drill disk-full`: a station of the simulated world on a real disk of 48 MiB that is filled to the last byte.

The disk is a `tmpfs` mounted for the drill (root only). Levels, put-ins, pickups, the reserve, a restart while full,
the chain of facts, and the way back once there is room.
"""

import asyncio
import json
import logging
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from common.kit.chance import seeded_chance
from common.kit.disk import MIB, RESERVE_FILE, DiskLevel
from common.kit.errors import LinliError, UnavailableError
from common.kit.log import setup_logging
from device_sim.config import CabinetConfig, load
from edge.app import Edge
from linli.journey.story import Bought, Cast, bring, buy, pick_up, put_in
from linli.world.loop import run_virtual
from linli.world.town import Town

CABINET = Path(__file__).parents[2] / "cabinets" / "yangguangli-3.toml"
DISK_MIB = 48
LOW_MIB, CRITICAL_MIB, FULL_MIB, RESERVE_MIB = 24, 12, 2, 6
LOOK_S = 25.0  # the station looks every ten seconds


@dataclass(slots=True)
class Tally:
    """What the drill found."""

    runs: int = 0
    pickups: int = 0
    levels: set[str] = field(default_factory=set)
    violations: list[tuple[int, str]] = field(default_factory=list)

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        figures = {"pickups_when_full": self.pickups, "levels_seen": sorted(self.levels)}
        return json.dumps({
            "name": "disk-full", "runs": self.runs, "violations": len(self.violations),
            "figures": figures,
        })  # fmt: skip


@dataclass(frozen=True, slots=True)
class DiskFull:
    """One call of the command."""

    seeds: Sequence[int]
    say: Callable[[str], None]
    without_reserve: bool = False

    def run(self) -> Tally:
        """Live every seed on a small disk of its own."""
        setup_logging("plain")
        logging.disable(logging.CRITICAL)  # the disk is full on purpose
        tally, cabinet = Tally(), load(CABINET, os.environ)
        try:
            for seed in self.seeds:
                with tempfile.TemporaryDirectory(prefix="linli-full-") as folder:
                    self._one(seed, cabinet, Path(folder), tally)
        finally:
            logging.disable(logging.NOTSET)
        return tally

    def _one(self, seed: int, cabinet: CabinetConfig, folder: Path, tally: Tally) -> None:
        reserve = 0 if self.without_reserve else RESERVE_MIB
        with small_disk(folder / "station"):
            found = run_virtual(
                seed,
                lambda loop: _Case(Town(loop, seed, cabinet, folder), seed, tally, reserve).run(),
            )
        tally.runs += 1
        tally.violations += [(seed, sentence) for sentence in found]
        self.say(f"{f'{len(found)} violations' if found else 'ok':<13} seed {seed}")
        for sentence in found:
            self.say(f"  {sentence}\n  replay: linli drill disk-full --seed {seed} --seeds 1")


class _Case:
    """One seed."""

    def __init__(self, town: Town, seed: int, tally: Tally, reserve_mib: int) -> None:
        self._town, self._tally, self._found = town, tally, list[str]()
        self._draw: Random = seeded_chance(f"{seed}|full").jitter
        self._station = town.data / "station"
        self._filler = self._station / "filler.bin"
        limits = {
            "LOW": LOW_MIB,
            "CRITICAL": CRITICAL_MIB,
            "FULL": FULL_MIB,
            "RESERVE": reserve_mib,
        }
        town.settings = {f"LINLI_DISK__{name}_MIB": str(mib) for name, mib in limits.items()}

    async def run(self) -> list[str]:
        """Fill, act, make room, act again; return what was violated."""
        town = self._town
        await town.prepare()
        await town.start_hub()
        await town.start_edge()
        async with AsyncExitStack() as closing:
            cast = await town.cast(closing)
            orders = [await _brought(cast) for _ in range(3)]
            await asyncio.sleep(60)
            for bought in orders[:2]:
                await put_in(cast, bought)
            await self._fill_to(self._draw.uniform(CRITICAL_MIB + 2, LOW_MIB - 2), DiskLevel.LOW)
            await self._fill_to(
                self._draw.uniform(FULL_MIB + 2, CRITICAL_MIB - 2), DiskLevel.CRITICAL
            )
            await self._refused(orders[2])
            await self._to_the_last_byte(cast, orders[:2])
            await self._room_again(cast, orders[2])
        await town.stop(town.edge)
        await town.stop(town.hub)
        return self._found

    async def _fill_to(self, free_mib: float, level: DiskLevel) -> None:
        with self._filler.open("ab") as file:
            while _free(self._station) > free_mib * MIB:
                file.write(bytes(min(MIB, max(4096, _free(self._station) - int(free_mib * MIB)))))
                file.flush()
        await asyncio.sleep(LOOK_S)
        self._level(level)

    def _level(self, wanted: DiskLevel) -> None:
        level = self._edge.disk.level
        self._tally.levels.add(level.value)
        if level is not wanted:
            self._found.append(
                f"with {_free(self._station) // 1024} KiB free the level is {level}, not {wanted}"
            )

    async def _refused(self, bought: Bought) -> None:
        try:
            await self._edge.desk.scan("drill", bought.labels[0])
        except UnavailableError as error:
            if error.key == "storage.low":
                return
        self._found.append("a parcel is taken in though the disk is nearly full")

    async def _to_the_last_byte(self, cast: Cast, orders: Sequence[Bought]) -> None:
        """Leave not one byte, pick one up, restart, pick the other up."""
        with suppress(OSError), self._filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        for number, bought in enumerate(orders):
            try:
                if number:
                    await self._town.stop(self._town.edge)
                    await self._town.start_edge()
                await pick_up(cast, bought.code)
                self._tally.pickups += 1
            except (LinliError, TimeoutError, OSError, ExceptionGroup) as error:
                self._found.append(f"a pickup on a full disk fails: {error!r}")
                return
        await asyncio.sleep(LOOK_S)
        self._level(DiskLevel.FULL)

    async def _room_again(self, cast: Cast, bought: Bought) -> None:
        self._filler.unlink()
        if self._found:
            return
        await asyncio.sleep(LOOK_S)
        self._level(DiskLevel.OK)
        if not (self._station / RESERVE_FILE).exists():
            self._found.append("the reserve is not laid down again")
        await put_in(cast, bought)
        await pick_up(cast, bought.code)
        await asyncio.sleep(120)
        facts = self._edge.outbox.backlog().facts
        if facts:
            self._found.append(f"{facts} facts never reach the hub")
        held = self._edge.state_db.write_now(
            lambda conn: conn.execute(
                "SELECT l.n - count(*) FROM outbox o JOIN sync_lane l USING (lane) WHERE lane = 'facts'"
            ).fetchone()[0]
        )
        if held:
            self._found.append(f"{held} facts were dropped")

    @property
    def _edge(self) -> Edge:
        running = self._town.edge
        assert running is not None
        assert isinstance(running.program, Edge)
        return running.program


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a disk of `DISK_MIB` at `folder`; UnavailableError `drill.small_disk` for whoever may not."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "linli-drill", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        refused = done.stderr.strip() if done.returncode else ""
    except OSError as error:
        refused = str(error)
    if refused:
        raise UnavailableError("drill.small_disk", f"no small disk can be mounted here: {refused}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


async def _brought(cast: Cast) -> Bought:
    bought = await buy(cast, (("TEA-100", 1),))
    await bring(cast, bought)
    return bought
