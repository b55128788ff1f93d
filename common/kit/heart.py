"""Whether a program really works: its loop turns and its writer commits. The watchdog is fed by nothing less."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from common.kit.errors import LinliError

BEAT_S = 2.0
LATE_S = 10.0  # a worn card may hold one fsync for seconds


class Heart:
    """Asks the writer every two seconds; `is_beating` tells whether it has answered lately."""

    def __init__(self) -> None:
        """Start with nothing to ask: then the loop alone counts."""
        self._ask: Callable[[], Awaitable[None]] | None = None
        self._beat_s: float | None = None

    def watch(self, ask: Callable[[], Awaitable[None]] | None) -> None:
        """Ask this from now on; an answer that is a refusal is an answer, silence is not."""
        self._ask = ask

    def is_beating(self) -> bool:
        """Return whether the last answer is fresh; True before the first question."""
        if self._beat_s is None:
            return True
        return asyncio.get_running_loop().time() - self._beat_s <= LATE_S

    async def run(self) -> None:
        """Beat until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            if self._ask is not None:
                # A full disk, a store just closed: somebody answered.
                with contextlib.suppress(LinliError, RuntimeError):
                    await self._ask()
            self._beat_s = loop.time()
            await asyncio.sleep(BEAT_S)
