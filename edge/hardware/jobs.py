"""What waits for the wire: the urgent first, then as they came; background reads stand back for a pulse to come."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic

from edge.hardware.speech import A, Q

EXPECT_S = 0.3
"""Longer than a code's check and one transaction; a background read is late by this at most."""


class Priority(IntEnum):
    """Who goes first when the wire is free."""

    OPEN = 0
    DOOR = 1
    SNAPSHOT = 2
    SENSOR = 3


@dataclass(slots=True)
class Job(Generic[Q, A]):
    """One request and who waits for its answer."""

    priority: Priority
    unit: int
    request: Q
    retries: int
    probe: bool
    answer: asyncio.Future[A]

    def settle(self, *, reply: A | None = None, error: BaseException | None = None) -> None:
        """Answer the waiter, if it still waits."""
        if self.answer.done():
            return
        if error is not None:
            self.answer.set_exception(error)
        elif reply is not None:
            self.answer.set_result(reply)


class Jobs(Generic[Q, A]):
    """One per line; None is the news that the line was lost."""

    def __init__(self) -> None:
        """Start empty."""
        self._queue: asyncio.PriorityQueue[tuple[int, int, Job[Q, A] | None]]
        self._queue = asyncio.PriorityQueue()
        self._order = 0
        self._came = asyncio.Event()
        self._expected_until_s = 0.0

    def put(self, job: Job[Q, A] | None) -> None:
        """Let `job` wait its turn."""
        self._order += 1
        self._queue.put_nowait((-1 if job is None else job.priority, self._order, job))
        self._came.set()

    def expect_pulse(self) -> None:
        """Start no background read for EXPECT_S: on a slow line the pulse would wait a whole transaction for it."""
        self._expected_until_s = asyncio.get_running_loop().time() + EXPECT_S

    async def next(self) -> Job[Q, A] | None:
        """Return what goes onto the wire now."""
        while True:
            turn = await self._queue.get()
            left_s = self._expected_until_s - asyncio.get_running_loop().time()
            if turn[0] <= Priority.DOOR or left_s <= 0:
                return turn[2]
            self._queue.put_nowait(turn)
            self._came.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._came.wait()

    def drain(self) -> Iterator[Job[Q, A]]:
        """Take out everything that waits."""
        while not self._queue.empty():
            _, _, job = self._queue.get_nowait()
            if job is not None:
                yield job
