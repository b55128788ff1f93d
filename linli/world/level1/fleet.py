"""Many seeds over several processes; each process lays its ground once and lives one seed after the other."""

import logging
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from linli.world.ablation import ablated
from linli.world.level1.ground import Ground
from linli.world.level1.run import Result, live
from linli.world.scenario import Level
from linli.world.weeks import Week, plan_of

_MEMORY = Path("/dev/shm")
_grounds: list[Ground] = []


@dataclass(frozen=True, slots=True)
class Order:
    """One seed to live."""

    seed: int
    days: int
    ablation: str | None = None
    week: Week = Week.BUSY
    level: Level = Level.MODEL


@dataclass(frozen=True, slots=True)
class Lived:
    """A result, and the CPU time it took."""

    result: Result
    cpu_s: float


def lived(orders: Sequence[Order], jobs: int) -> Iterator[Lived]:
    """Live every order, in `jobs` processes; results come in the order asked."""
    if jobs == 1:
        yield from map(_one, orders)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=jobs, mp_context=context) as pool:
        yield from pool.map(_one, orders)


def _one(order: Order) -> Lived:
    ground = _ground()
    started_s = time.process_time()
    with ablated(order.ablation):
        result = live(ground, plan_of(order.week, order.seed, order.days), order.level)
    return Lived(result, time.process_time() - started_s)


def _ground() -> Ground:
    if not _grounds:
        logging.disable(logging.CRITICAL)  # what the programs log of so many faults fills screens
        folder = tempfile.mkdtemp(prefix="linli-l1-", dir=_MEMORY if _MEMORY.is_dir() else None)
        ground = Ground(Path(folder) / "ground")
        _grounds.append(ground)
        Finalize(None, _clear, args=(ground,), exitpriority=0)  # a worker ends without atexit
    return _grounds[0]


def _clear(ground: Ground) -> None:
    ground.close()
    ground.root.parent.rmdir()
