"""The port of the station's hub client with the model behind it: messages as they are, losses as on any line."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from common.contract.base import Message
from common.contract.protocol import Problem, ProblemParams
from common.kit.errors import LinliError
from edge.config import HubSection
from edge.sync.client import HubAway, HubClient, HubRefused
from edge.sync.link import LinkPorts
from linli.world.level1.link import Network
from linli.world.level1.model.hub import ModelHub, Reply

M = TypeVar("M", bound=Message)
_REFUSALS = frozenset({403, 409, 422, 426})


class ModelWire(Network):
    """The line to the model."""

    def __init__(self, hub: ModelHub, rng: random.Random, note: Callable[..., None]) -> None:
        """Lead to `hub`."""
        super().__init__(hub, rng, note)
        self._hub = hub

    @asynccontextmanager
    async def client(self, _ports: LinkPorts, _config: HubSection) -> AsyncIterator[HubClient]:
        """Yield a client that asks the model."""
        yield ModelClient(self)

    async def ask(self, path: str, said: Message, session: int) -> Message | None:
        """Carry one request; what the hub refuses rises as the client of production tells it."""

        async def ask() -> Reply:
            return self._hub.answer(path, said, session)

        found = await self.carry(path, ask, _is_nothing)
        if isinstance(found, LinliError):
            raise trouble(found)
        return found


class ModelClient(HubClient):
    """What the link's tasks are given: the same calls, no bytes."""

    def __init__(self, wire: ModelWire) -> None:
        """Ask over `wire`; session and clock offset are learned as over HTTP."""
        self.session = 0
        self.clock_offset_ms = 0
        self._wire = wire

    async def get(
        self, path: str, query: Message, answer: type[M], *, held_s: float = 0.0
    ) -> M | None:
        """Ask; None when the hub has nothing."""
        del held_s
        return _as(answer, await self._wire.ask(path, query, self.session))

    async def post(self, path: str, message: Message, answer: type[M]) -> M:
        """Send `message`."""
        found = _as(answer, await self._wire.ask(path, message, self.session))
        if found is None:
            raise HubAway("the hub answered nothing", reached=True)
        return found


def trouble(error: LinliError) -> HubAway | HubRefused:
    """Return what a problem of the hub means for the station."""
    if error.status not in _REFUSALS:
        return HubAway(f"{error.status} {error.key}", reached=True)
    params = ProblemParams.model_validate(error.params)
    return HubRefused(Problem(key=error.key, detail=error.detail, params=params))


def _as(model: type[M], found: Message | None) -> M | None:
    if found is not None and not isinstance(found, model):
        raise TypeError(f"the model answered a {type(found).__name__}, not a {model.__name__}")
    return found


def _is_nothing(reply: Reply) -> bool:
    return reply is None
