"""A port that its owner keeps open, except while a technician has it: the owner stops whole and starts afresh."""

import asyncio
from typing import Any, Protocol

from edge.hardware.pace import QUARANTINE_S

CANCEL_AGAIN_S = 0.5
LENT = "lent to a technician (linli provision)"


class PortOwner(Protocol):
    """Whoever keeps a port open."""

    async def run(self) -> None:
        """Own the port until cancelled."""

    def lent(self, why: str) -> None:
        """Tell everybody that somebody else has the port now."""


class LentPort:
    """Runs one owner; `lend` stops it, `take_back` starts it as at a start: echo test, relays off, readings."""

    def __init__(self, owner: PortOwner) -> None:
        """Nothing runs yet."""
        self._owner = owner
        self._wanted, self._closed = asyncio.Event(), asyncio.Event()
        self._back = asyncio.Event()

    async def lend(self) -> None:
        """Return when the port is closed and a late answer can no longer come."""
        self._back.clear()
        self._wanted.set()
        await self._closed.wait()
        await asyncio.sleep(QUARANTINE_S)

    def take_back(self) -> None:
        """Let the owner open the port again."""
        self._wanted.clear()
        self._closed.clear()
        self._back.set()

    async def run(self) -> None:
        """Own the port until cancelled."""
        while True:
            await self._serve_until_wanted()
            self._owner.lent(LENT)
            self._closed.set()
            await self._back.wait()

    async def _serve_until_wanted(self) -> None:
        serving = asyncio.create_task(self._owner.run(), name="owner of a port")
        wanted = asyncio.create_task(self._wanted.wait())
        try:
            await asyncio.wait({serving, wanted}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                await serving  # it never ends but by an error
        finally:
            await ended(serving, wanted)


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel until they have ended: pymodbus waits with `wait_for`, which in Python 3.11 forgets a cancellation that
    meets the answer, and an owner that was cancelled once would go on for ever.
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=CANCEL_AGAIN_S)
