"""A hub that says what a test wants it to say, at the port where the station's client stands."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from common.contract.base import Message
from common.contract.protocol import Problem, ProblemParams
from edge.sync.client import HubRefused

Say = Message | Exception | None | Callable[[Any], Awaitable[Message | None]]


class Mouth:
    """Answers by path in the order given, then says nothing for ever; remembers what was asked."""

    def __init__(self, **says: list[Say]) -> None:
        self._says = says
        self.asked: dict[str, list[Any]] = defaultdict(list)
        self.silent = asyncio.Event()

    async def get(self, path: str, query: Message, _answer: object, *, held_s: float = 0.0) -> Any:
        del held_s
        return await self._say(path, query)

    async def post(self, path: str, message: Message, _answer: object) -> Any:
        return await self._say(path, message)

    async def put(self, path: str, body: bytes, span: str, _answer: object) -> Any:
        return await self._say(path.rsplit("/", 1)[0], (span, body))

    async def _say(self, path: str, heard: object) -> Any:
        name = path.rsplit("/", 1)[-1]
        self.asked[name].append(heard)
        if not self._says.get(name):
            self.silent.set()
            await asyncio.Event().wait()
        said = self._says[name].pop(0)
        if isinstance(said, Exception):
            raise said
        return await said(heard) if callable(said) else said


def refused(key: str, **params: object) -> HubRefused:
    return HubRefused(Problem(key=key, params=ProblemParams.model_validate(params)))


async def heard_out(mouth: Mouth, *work: Awaitable[None]) -> None:
    """Let `work` go on until the mouth has nothing left to say to somebody, then end it."""
    tasks = [asyncio.ensure_future(one) for one in work]
    await asyncio.wait(
        [asyncio.ensure_future(mouth.silent.wait()), *tasks],
        return_when=asyncio.FIRST_COMPLETED,
        timeout=5,
    )
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.wait(tasks)
    assert mouth.silent.is_set(), dict(mouth.asked)
