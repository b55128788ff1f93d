"""A version number that screens wait on: any number of waiters, no queue, nothing is missed, nothing piles up."""

import asyncio


class Watch:
    """Bumped at every change; a waiter tells the version it has seen."""

    def __init__(self) -> None:
        """Start at version 0."""
        self.version = 0
        self._changed = asyncio.Event()

    def bump(self) -> None:
        """Wake every waiter."""
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, version: int) -> int:
        """Return the current version as soon as it differs from `version`."""
        while self.version == version:
            await self._changed.wait()
        return self.version
