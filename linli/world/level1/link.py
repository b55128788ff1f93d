"""The call between station and hub: what HTTP does, as a function call through a network that misbehaves.

Requests are signed nowhere here; batches, cursors, acknowledgements, sessions and problems are the real ones.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from yarl import URL

from common.contract import protocol
from common.kit.chance import seeded_chance
from edge.config import HubSection
from edge.sync.client import Answer, HubAway, HubClient
from edge.sync.link import LinkPorts
from linli.world.level1.desk import HubSide
from linli.world.level1.hub import HubHost
from linli.world.level1.life import Away

T = TypeVar("T")
_TIMEOUT_S = 20.0
_LATE_S = (20.0, 540.0)  # a signature is good for ten minutes: what is older would be refused
_HELD_S = 6 * 3600.0
"""A held poll of this world: the hub's hints end it long before."""
_REPEATABLE = frozenset({protocol.EVENTS_PATH, protocol.OPS_PATH})


@dataclass(slots=True)
class Weather:
    """Shares of calls that go wrong, and whether the cable is whole."""

    lose_request: float = 0.0
    lose_answer: float = 0.0
    late: float = 0.0
    twice: float = 0.0
    slow_s: float = 0.1
    cut: bool = False


class Network(ABC):
    """The line between one station and the hub, whatever is asked over it."""

    def __init__(self, hub: HubSide, rng: random.Random, note: Callable[..., None]) -> None:
        """Lead to `hub`; chance is drawn from `rng`."""
        self.weather = Weather()
        self._rng, self._note = rng, note
        self._stirred = asyncio.Event()
        self._wandering: set[asyncio.Task[Any]] = set()
        hub.on_news.append(self._stir)

    def cut(self, cut: bool) -> None:
        """Pull the cable, or plug it in again."""
        self.weather.cut = cut
        self._stir()

    @abstractmethod
    def client(
        self, ports: LinkPorts, config: HubSection
    ) -> AbstractAsyncContextManager[HubClient]:
        """Yield a client that calls instead of sending."""

    async def carry(
        self, path: str, ask: Callable[[], Awaitable[T]], is_nothing: Callable[[T], bool]
    ) -> T:
        """Carry one request to the hub and its answer back, or lose either; `ask` raises Away when nobody is there."""
        weather, rng = self.weather, self._rng
        await self._whole()
        await asyncio.sleep(rng.random() * weather.slow_s)
        fate = rng.random()
        if fate < weather.lose_request:
            return await self._lost("request")
        if (fate := fate - weather.lose_request) < weather.late:
            self._wander(rng.uniform(*_LATE_S), path, ask)
            return await self._lost("late request")
        if (fate := fate - weather.late) < weather.twice and path in _REPEATABLE:
            self._wander(rng.uniform(0.1, 300.0), path, ask)
        answer = await self._held(path, ask, is_nothing)
        await self._whole()
        await asyncio.sleep(rng.random() * weather.slow_s)
        if rng.random() < weather.lose_answer:
            return await self._lost("answer")
        return answer

    async def _held(
        self, path: str, ask: Callable[[], Awaitable[T]], is_nothing: Callable[[T], bool]
    ) -> T:
        """Ask; a poll without news is asked again when the hub has some."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + (_HELD_S if path == protocol.OPS_PATH else 0.0)
        while True:
            stirred = self._stirred
            try:
                found = await ask()
            except Away:
                raise HubAway("nobody answers", reached=False) from None
            if not is_nothing(found) or loop.time() >= until_s:
                return found
            with suppress(TimeoutError):
                async with asyncio.timeout(until_s - loop.time()):
                    await stirred.wait()
            if self.weather.cut:
                return await self._lost("poll")

    async def _whole(self) -> None:
        if self.weather.cut:
            await self._lost("cut")

    async def _lost(self, what: str) -> NoReturn:
        await asyncio.sleep(_TIMEOUT_S)
        raise HubAway(f"{what} lost", reached=False)

    def _stir(self) -> None:
        """Wake whoever holds a poll."""
        self._stirred.set()
        self._stirred = asyncio.Event()

    def _wander(self, delay_s: float, path: str, ask: Callable[[], Awaitable[T]]) -> None:
        """Let a request arrive when nobody waits for its answer any more."""

        async def arrive() -> None:
            await asyncio.sleep(delay_s)
            if not self.weather.cut:
                self._note("wandered", path, round(delay_s, 3))
                with suppress(Away):
                    await ask()

        task = asyncio.ensure_future(arrive())
        self._wandering.add(task)
        task.add_done_callback(self._wandering.discard)


class Wire(Network):
    """The network to the real hub: its gateway's handlers are called with the bytes they would read."""

    def __init__(self, hub: HubHost, rng: random.Random, note: Callable[..., None]) -> None:
        """Lead to `hub`."""
        super().__init__(hub, rng, note)
        self._hub = hub

    @asynccontextmanager
    async def client(self, _ports: LinkPorts, _config: HubSection) -> AsyncIterator[HubClient]:
        """Yield a client that calls instead of sending."""
        yield _CallClient(self)

    async def call(self, method: str, path: URL, session: int, body: bytes) -> Answer:
        """Carry one request."""
        query = {name: value for name, value in path.query.items() if name != "wait"}

        async def ask() -> Answer:
            return await self._hub.answer(method, path.path, query, session, body)

        return await self.carry(path.path, ask, _is_empty)


def _is_empty(answer: Answer) -> bool:
    return answer.status == 204


class _CallClient(HubClient):
    """The station's client with everything above the bytes in place."""

    def __init__(self, wire: Wire) -> None:
        """Call through `wire`; session and clock offset are learned as over HTTP."""
        self.session = 0
        self.clock_offset_ms = 0
        self._wire = wire

    async def _send(
        self, method: str, path: URL, body: bytes, held_s: float, more: Mapping[str, str]
    ) -> Answer:
        del held_s, more  # no photo is taken in this level, so no part of one goes up
        return await self._wire.call(method, path, self.session, body)


def weather_of(seed: int, *, fair: bool) -> Weather:
    """Draw a network's shares: some days are fine, some are foul."""
    jitter = seeded_chance(f"{seed}|weather").jitter
    if fair or jitter.random() < 0.2:
        return Weather()
    foul = jitter.choice((0.02, 0.05, 0.15))
    return Weather(
        lose_request=jitter.random() * foul,
        lose_answer=jitter.random() * foul,
        late=jitter.random() * foul,
        twice=jitter.random() * foul,
        slow_s=jitter.choice((0.1, 0.5, 3.0)),
    )
