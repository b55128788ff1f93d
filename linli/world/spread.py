"""One job for many orders over several processes, with the CPU time that each took."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TypeVar

O = TypeVar("O")  # noqa: E741 - an order
R = TypeVar("R")


def spread(job: Callable[[O], R], orders: Sequence[O], jobs: int) -> Iterator[tuple[R, float]]:
    """Yield the result of each order and its CPU seconds, in the order asked; `job` must be a module's function."""
    measured = partial(_measured, job)
    if jobs == 1 or len(orders) == 1:
        yield from map(measured, orders)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=min(jobs, len(orders)), mp_context=context) as pool:
        yield from pool.map(measured, orders)


def _measured(job: Callable[[O], R], order: O) -> tuple[R, float]:
    started_s = time.process_time()
    result = job(order)
    return result, time.process_time() - started_s
