"""Blocking work as a port: Argon2, image decoding and file reading leave the event loop here.

A small pool in production (one Argon2 at a time), inline in the simulated world.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Work(Protocol):
    """Runs a blocking function without holding up the loop."""

    async def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `fn` returns; its exceptions come through."""

    def close(self) -> None:
        """Finish what runs and let go of the threads."""


class ThreadWork:
    """One worker: Argon2 takes 19 MiB a call, so two at once would break the memory budget."""

    def __init__(self, name: str = "work") -> None:
        """Make the pool; threads start with the first call."""
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` on the worker thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: fn(*args, **kwargs))

    def close(self) -> None:
        """Wait for the running call."""
        self._pool.shutdown(wait=True)


class InlineWork:
    """The simulated world's twin: runs on the spot, but lets other tasks in before and after."""

    async def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` between two turns of the loop."""
        await asyncio.sleep(0)
        result = fn(*args, **kwargs)
        await asyncio.sleep(0)
        return result

    def close(self) -> None:
        """Have nothing to let go of."""
