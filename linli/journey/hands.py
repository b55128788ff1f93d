"""Hands and eyes at the cabinet: push doors shut, read the simulator's own log of pulses and doors."""

from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from common.kit.errors import UnavailableError
from linli.journey.patience import until


@dataclass(frozen=True, slots=True)
class Pulse:
    """One pulse as the witness saw it."""

    board: int
    channel: int
    ms: int


class Hands(Protocol):
    """What a body can do at the cabinet."""

    async def push(self, label: str) -> None:
        """Push the door shut."""

    async def is_open(self, label: str) -> bool:
        """Look at the door."""

    async def pulses(self) -> tuple[Pulse, ...]:
        """Return every pulse the boards executed since they were switched on."""


class BenchHands:
    """Hands through the simulator's control API."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        """Use the bench at `origin`."""
        self._session = session
        self._origin = origin

    async def push(self, label: str) -> None:
        """Push the door shut."""
        await self._ask("POST", f"/doors/{label}", {"action": "push"})

    async def is_open(self, label: str) -> bool:
        """Look at the door."""
        doors = (await self._ask("GET", "/state"))["doors"]
        return next(bool(door["open"]) for door in doors if door["label"] == label)

    async def pulses(self) -> tuple[Pulse, ...]:
        """Return every pulse the boards executed since the simulator started."""
        state = await self._ask("GET", "/state")
        return tuple(Pulse(one["board"], one["channel"], one["ms"]) for one in state["pulses"])

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        async with self._session.request(method, self._origin + path, json=body) as answer:
            if answer.status >= 400:
                raise UnavailableError(
                    "journey.bench", f"{path}: {answer.status} {await answer.text()}"
                )
            return await answer.json(content_type=None)


async def wait_open(hands: Hands, label: str, within_s: float = 10.0) -> None:
    """Wait until the door springs open."""
    await until(lambda: hands.is_open(label), bool, what=f"door {label} open", within_s=within_s)


async def shut(hands: Hands, label: str, within_s: float = 5.0) -> None:
    """Push the door until it stays shut: while the coil has current the latch does not catch."""

    async def push_and_look() -> bool:
        await hands.push(label)
        return await hands.is_open(label)

    await until(
        push_and_look, lambda is_open: not is_open, what=f"door {label} shut", within_s=within_s
    )
