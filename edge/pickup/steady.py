"""Runs acts one after the other and to their end, though the browser that asked may go away half way.

Between a committed intent and its door stands no page: a closed tab must not leave a request nobody carries out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Act:
    do: Callable[[], Awaitable[Any]]
    answer: asyncio.Future[Any]


class Steady:
    """One worker; callers wait for their answer in the order they came."""

    def __init__(self) -> None:
        """Take acts from now on; they start with `run`."""
        self._acts: asyncio.Queue[_Act] = asyncio.Queue()

    async def do(self, act: Callable[[], Awaitable[T]]) -> T:
        """Return what `act` returns, or raise what it raises; cancelling the caller does not stop the act."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._acts.put_nowait(_Act(act, answer))
        return await answer

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            act = await self._acts.get()
            try:
                result = await act.do()
            except asyncio.CancelledError:
                act.answer.cancel()
                raise
            except Exception as error:  # noqa: BLE001 - the caller gets it
                if not act.answer.done():
                    act.answer.set_exception(error)
            else:
                if not act.answer.done():
                    act.answer.set_result(result)
