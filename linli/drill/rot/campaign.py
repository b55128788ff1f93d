"""Damages images of a station, starts it on each, and counts wrong answers; one seed is one damage."""

import json
import logging
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain
from pathlib import Path
from random import Random
from unittest.mock import patch

from common.kit import pagesums, walfile
from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.errors import UnavailableError
from common.kit.holes import BLOCK_BYTES
from common.kit.log import setup_logging
from device_sim.config import load
from edge.app import Edge, build_edge
from linli.drill.rot.answers import Answers, ask
from linli.drill.rot.hub import Log
from linli.drill.rot.oracle import judge
from linli.drill.rot.scene import PAGE_BYTES, Image, lived
from linli.drill.rot.sectors import Sectors
from linli.world.clock import WorldClock
from linli.world.loop import VirtualLoop, run_virtual
from linli.world.town import Town

CABINET = Path(__file__).parents[3] / "cabinets" / "yangguangli-3.toml"
MOST_FLIPS = 4
UNREADABLE_SHARE = 0.25  # of the seeds: blocks that do not read instead of bits
STRETCHES = (1, 1, 1, 4)  # blocks that fail together
STARTS_MOST = 3
PAGE_BITS = PAGE_BYTES * 8
_TOWN_SEED = 1
_TIME = SystemClock()
_WEIGHTS = {"state.db": 10, "state.db-wal": 10, "state.db.sums": 2, "copies": 1}


class Ablation(StrEnum):
    """Safeguards the drill can do without: it must then find wrong answers."""

    PAGE_SUMS = "page-sums"  # only SQLite's own check at start
    LOG_READ = "log-read"  # a log ends where SQLite ends it


@dataclass(slots=True)
class Tally:
    """What the campaign found."""

    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    seconds: float = 0.0
    violations: list[tuple[int, str]] = field(default_factory=list)

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        figures = {**self.outcomes, "slowest_start_s": round(self.slowest_s, 3)}
        figures["damages_per_s"] = round(self.runs / self.seconds, 1) if self.seconds else 0.0
        return json.dumps({
            "name": "bit-rot", "runs": self.runs, "violations": len(self.violations),
            "figures": figures,
        })  # fmt: skip


@dataclass(frozen=True, slots=True)
class Campaign:
    """One call of the command."""

    seeds: Sequence[int]
    say: Callable[[str], None]
    without: Ablation | None = None
    trace: bool = False

    def run(self) -> Tally:
        """Live once, then damage as often as there are seeds."""
        setup_logging("plain")
        logging.disable(logging.CRITICAL)  # damage is what this is about
        tally, fast = Tally(), Path("/dev/shm")
        base = fast if fast.is_dir() else None
        try:
            with tempfile.TemporaryDirectory(prefix="linli-rot-", dir=base) as folder:
                run_virtual(_TOWN_SEED, lambda loop: self._main(loop, Path(folder), tally))
        finally:
            logging.disable(logging.NOTSET)
        return tally

    async def _main(self, loop: VirtualLoop, folder: Path, tally: Tally) -> None:
        town = Town(loop, _TOWN_SEED, load(CABINET, os.environ), folder)
        images = await lived(town, folder)
        tags = _tags(town.data / "station" / "state.db")
        desk = _Desk(town, loop, folder / "damaged", tags)
        truths = {}
        for image in chain.from_iterable(images):
            truths[image.name] = (
                await desk.ask(image.now, image.log),
                await desk.ask(image.earlier, image.log),
            )
        began_s = _TIME.monotonic_s()
        with _without(self.without):
            for seed in self.seeds:
                await self._one(seed, images, truths, desk, tally)
        tally.seconds = _TIME.monotonic_s() - began_s

    async def _one(
        self,
        seed: int,
        images: list[list[Image]],
        truths: dict[str, tuple[Answers, Answers]],
        desk: "_Desk",
        tally: Tally,
    ) -> None:
        draw = seeded_chance(f"{seed}|rot").jitter
        kind = images[draw.randrange(len(images))]
        image = seeded_chance(f"{seed}|image").jitter.choice(kind)
        # A draw of its own: the other seeds turn the bits over that they always turned over.
        unreadable = seeded_chance(f"{seed}|injury").jitter.random() < UNREADABLE_SHARE
        places = (desk.blind if unreadable else desk.damage)(image, draw)
        began_s = _TIME.monotonic_s()
        said = await desk.answers(image.log)
        tally.slowest_s = max(tally.slowest_s, _TIME.monotonic_s() - began_s)
        tally.runs += 1
        outcome = said.report.outcome if said.report else "unharmed"
        tally.outcomes[outcome] += 1
        found = judge(*truths[image.name], said)
        tally.violations += [(seed, sentence) for sentence in found]
        if self.trace or found:
            what = "unreadable" if unreadable else "bits at"
            self.say(f"seed {seed}: image {image.name!r}, {what} {', '.join(places)}: {outcome}")
            for sentence in found:
                self.say(
                    f"  {sentence}\n  replay: linli drill bit-rot --seed {seed} --seeds 1 --trace"
                )


class _Desk:
    """One folder, damaged and asked again and again."""

    def __init__(
        self, town: Town, loop: VirtualLoop, folder: Path, tags: tuple[bytes, ...]
    ) -> None:
        self._town, self._folder, self._tags = town, folder, tags
        self._clock = WorldClock(loop, boot_id="after the damage")
        self._sectors = Sectors()

    async def ask(self, image: Path, log: Log) -> Answers:
        """Return what the station says on an image that nobody damaged."""
        self._lay_out(image)
        return await self.answers(log)

    def damage(self, image: Image, draw: Random) -> list[str]:
        """Lay `image` out and turn one to four bits over; return where."""
        self._lay_out(image.now)
        files, weights = self._files()
        places = []
        for number in range(draw.randint(1, MOST_FLIPS)):
            if image.aim and not number:
                file = self._folder / "state.db"
                bit = (draw.choice(image.aim) - 1) * PAGE_BITS + draw.randrange(PAGE_BITS)
            else:
                (file,) = draw.choices(files, weights)
                bit = draw.randrange(file.stat().st_size * 8)
            flip(file, bit // 8, bit % 8)
            places.append(f"{file.relative_to(self._folder)}:{bit // 8}.{bit % 8}")
        return places

    def blind(self, image: Image, draw: Random) -> list[str]:
        """Lay `image` out and let one to four stretches of blocks read no more; return where."""
        self._lay_out(image.now)
        files, weights = self._files()
        places = []
        for _ in range(draw.randint(1, MOST_FLIPS)):
            (file,) = draw.choices(files, weights)
            blocks = (file.stat().st_size - 1) // BLOCK_BYTES + 1
            first = draw.randrange(blocks)
            last = min(blocks, first + draw.choice(STRETCHES)) - 1
            for block in range(first, last + 1):
                self._sectors.spoil(file, block)
            places.append(f"{file.relative_to(self._folder)} blocks {first} to {last}")
        return places

    def _files(self) -> tuple[list[Path], list[int]]:
        """Return what may be damaged, and how likely each is."""
        found = (one for one in self._folder.rglob("*") if one.is_file())
        files = sorted(one for one in found if _weight(one, self._folder))
        return files, [_weight(one, self._folder) for one in files]

    async def answers(self, log: Log) -> Answers:
        """Start the station on the folder and ask; damage found then makes it start anew, as the daemon does."""
        if not self._sectors.any_bad:
            return await self._answers(log)
        with self._sectors.under_sqlite():
            return await self._answers(log)

    async def _answers(self, log: Log) -> Answers:
        for _ in range(STARTS_MOST - 1):
            with suppress(UnavailableError):
                return await self._start(log)
        return await self._start(log)

    async def _start(self, log: Log) -> Answers:
        ports = replace(self._town.edge_ports(self._clock), read_at=self._sectors.read)
        edge: Edge = build_edge(ports, self._town.station_config, self._folder)
        try:
            return await ask(edge, ports, self._tags, log)
        finally:
            edge.close()

    def _lay_out(self, image: Path) -> None:
        self._sectors.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(
            image, self._folder
        )  # with the files' times, as a disk that rots keeps them


def flip(path: Path, at: int, bit: int) -> None:
    """Turn one bit over without moving the file's time."""
    was = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << bit)]))
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def _weight(path: Path, folder: Path) -> int:
    return _WEIGHTS.get(path.relative_to(folder).parts[0], 0) if path.stat().st_size else 0


def _tags(database: Path) -> tuple[bytes, ...]:

    conn = sqlite3.connect(database)
    rows = conn.execute("SELECT verifier FROM replica_grant ORDER BY grant_id").fetchall()
    conn.close()
    return (*(row[0] for row in rows), bytes(16))


@contextmanager
def _without(ablation: Ablation | None) -> Iterator[None]:
    if ablation is Ablation.PAGE_SUMS:
        with patch.object(pagesums.PageSums, "examine", lambda _self: None):
            yield
    elif ablation is Ablation.LOG_READ:
        with patch.object(walfile._Reader, "ends_at", lambda _self, _taken: True):  # noqa: SLF001
            yield
    else:
        yield
