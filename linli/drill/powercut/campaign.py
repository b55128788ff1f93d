"""`linli drill power-cut`: one image a seed; none may be corrupt, half a commit, or short of what was acknowledged."""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.sqlite import DURABLE, connect
from device_sim.config import load
from linli.drill.cabinet import ViolationError
from linli.drill.powercut.cut import Cut, draw, kept, old_index
from linli.drill.powercut.disk import Platter
from linli.drill.powercut.journey import taped
from linli.drill.powercut.proof import Broken, Examiner, rows_of
from linli.drill.powercut.replay import Player, Recording
from linli.drill.powercut.scratch import Scratch
from linli.drill.powercut.tape import Tape, dump

SEEDS_A_JOURNEY = 5_000
"""Seeds of one recorded journey; the next ones get a journey of their own."""
_CABINET = Path(__file__).parents[3] / "cabinets" / "yangguangli-3.toml"
_DATABASES = ("state.db", "state.db", "state.db", "telemetry.db")  # drawn from: three of four cuts
_SHOWN = 10
_EVERY = 1_000


class Ablation(StrEnum):
    """A safeguard taken away, to see that the drill notices."""

    LYING_DISK = "lying-disk"
    SYNCHRONOUS_NORMAL = "synchronous-normal"


@dataclass(slots=True)
class Tally:
    """What a campaign found."""

    runs: int = 0
    broken: Counter[Broken] = field(default_factory=Counter)
    unsynced: int = 0
    journeys: int = 0
    transactions: int = 0
    operations: int = 0
    places: int = 0
    images_s: float = 0.0
    took_s: float = 0.0

    @property
    def violations(self) -> int:
        """Return how many images broke a promise."""
        return self.broken.total()

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        figures = {
            "corrupt": self.broken[Broken.CORRUPT],
            "half_commits": self.broken[Broken.HALF],
            "lost_acknowledged": self.broken[Broken.LOST],
            "images_with_unsynced_changes": self.unsynced,
            "journeys": self.journeys,
            "transactions": self.transactions,
            "disk_operations": self.operations,
            "different_places": self.places,
            "images_per_s": round(self.runs / self.images_s) if self.images_s else 0,
            "took_s": round(self.took_s, 1),
        }
        record = {
            "name": "power-cut",
            "runs": self.runs,
            "violations": self.violations,
            "figures": figures,
        }
        return json.dumps(record)


@dataclass(slots=True)
class Campaign:
    """One call of the command."""

    seeds: range
    say: Callable[[str], None]
    short: bool = False
    ablation: Ablation | None = None
    tapes: dict[str, Tape] | None = None
    """Taped before; else every journey is lived anew."""
    tally: Tally = field(default_factory=Tally)

    def run(self) -> Tally:
        """Record the journeys of the seeds anew, and cut."""
        clock = SystemClock()
        started_s = clock.monotonic_s()
        for number, seeds in self._journeys():
            with _in_memory() as folder:
                recordings = self._record(number, folder)
                cutting_s = clock.monotonic_s()
                self._cut(seeds, recordings, folder)
                self.tally.images_s += clock.monotonic_s() - cutting_s
        self.tally.took_s = clock.monotonic_s() - started_s
        return self.tally

    def replay(self, seed: int, seeds: int = 1) -> str:
        """Return the command that makes these images again."""
        words = [f"linli drill power-cut --seed {seed} --seeds {seeds}"]
        words += ["--fast"] if self.short else []
        words += ["--ablate", self.ablation.value] if self.ablation else []
        return " ".join(words)

    def _journeys(self) -> Iterator[tuple[int, list[int]]]:
        """Yield the number of each journey with the seeds that belong to it."""
        numbers = range(self.seeds[0] // SEEDS_A_JOURNEY, self.seeds[-1] // SEEDS_A_JOURNEY + 1)
        for number in numbers:
            yield number, [seed for seed in self.seeds if seed // SEEDS_A_JOURNEY == number]

    def _record(self, number: int, folder: Path) -> dict[str, Recording]:
        tapes = self.tapes or tape(number, folder / "town", short=self.short)
        recordings = {name: self._play(number, one, folder) for name, one in tapes.items()}
        states = sum(each.states - 1 for each in recordings.values())
        operations = sum(len(each.log) for each in recordings.values())
        self.tally.journeys += 1
        self.tally.transactions += states
        self.tally.operations += operations
        self.say(f"journey {number}: {states} transactions, {operations} disk operations")
        return recordings

    def _play(self, number: int, one: Tape, folder: Path) -> Recording:
        """Play a tape on the disk; what it leaves must be what the station's own file holds."""
        normal = self.ablation is Ablation.SYNCHRONOUS_NORMAL
        locks = folder / f"locks-{one.name}"
        locks.mkdir()
        jitter = seeded_chance(f"{number}|{one.name}|readers").jitter
        recording = Player(one, locks, jitter, "NORMAL" if normal else DURABLE).play()
        station = connect(one.path, readonly=True)
        try:
            if dump(station) != rows_of(recording.content(recording.states - 1)):
                raise ViolationError(f"the replay of {one.name} holds other rows than the station")
        finally:
            station.close()
        return recording

    def _cut(self, seeds: Sequence[int], recordings: dict[str, Recording], folder: Path) -> None:
        drawn: dict[str, list[Cut]] = {name: [] for name in recordings}
        for seed in seeds:
            rng = seeded_chance(f"{seed}|power-cut").jitter
            name = rng.choice(_DATABASES)
            drawn[name].append(draw(seed, len(recordings[name].log), rng))
        for name, cuts in drawn.items():
            cuts.sort(key=lambda cut: cut.at)  # the platter only turns forward
            self.tally.places += len({cut.at for cut in cuts})
            self._judge(recordings[name], cuts, folder / f"scratch-{name}")

    def _judge(self, recording: Recording, cuts: Sequence[Cut], folder: Path) -> None:
        platter = Platter(recording.log, lying=self.ablation is Ablation.LYING_DISK)
        examiner, scratch = Examiner(recording), Scratch(folder, platter)
        for cut in cuts:
            platter.forward(cut.at)
            with scratch.image(kept(cut, platter)) as image:
                _leave_index(image, recording.name, old_index(cut))
                found = examiner.judge(image, cut.at)
            self._count(cut, platter, recording, found)
        scratch.close()

    def _count(
        self, cut: Cut, platter: Platter, recording: Recording, found: tuple[Broken, str] | None
    ) -> None:
        tally = self.tally
        tally.runs += 1
        tally.unsynced += bool(platter.pending)
        if tally.runs % _EVERY == 0:
            self.say(f"{tally.runs:>7} of {len(self.seeds)} images, {tally.violations} violations")
        if found is None:
            return
        kind, sentence = found
        tally.broken[kind] += 1
        if tally.violations <= _SHOWN:
            where = f"{recording.name}, operation {cut.at} of {len(recording.log)}, {cut.mode} kept"
            self.say(f"{kind}: {where}: {sentence}\n  replay: {self.replay(cut.seed)}")


def tape(number: int, folder: Path, *, short: bool) -> dict[str, Tape]:
    """Live journey `number` and return its tapes by file name; the station's files stay in `folder`."""
    return taped(number, load(_CABINET, os.environ), folder, short=short)


def _leave_index(image: Path, name: str, content: bytes | None) -> None:
    if content is not None and (image / f"{name}-wal").exists():
        (image / f"{name}-shm").write_bytes(content)


@contextmanager
def _in_memory() -> Iterator[Path]:
    """Give a folder for one journey, in memory where the machine has such a place."""
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(prefix="linli-cut-", dir=memory if usable else None) as made:
        yield Path(made)
