"""Wakes the open pages when the store says that something they show has changed."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from typing import Protocol


class Hinting(Protocol):
    """The part of the store that gives hints after a commit."""

    def on_hint(self, listener: Callable[[str], None]) -> None:
        """Call `listener(topic)` after each commit that named a topic."""


class Hints:
    """Waiters by topic; hints may be lost, so every wait has an end."""

    def __init__(self, db: Hinting) -> None:
        """Listen to the store."""
        self._waiters: dict[str, set[asyncio.Event]] = {}
        db.on_hint(self._wake)

    async def wait(self, topics: Collection[str], longest_s: float) -> None:
        """Return at the next hint of one of `topics` (`""`: of any), or after `longest_s`."""
        event = asyncio.Event()
        for topic in topics:
            self._waiters.setdefault(topic, set()).add(event)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(longest_s):
                    await event.wait()
        finally:
            for topic in topics:
                self._waiters[topic].discard(event)
                if not self._waiters[topic]:
                    del self._waiters[topic]

    def _wake(self, topic: str) -> None:
        """Wake the waiters of `topic`, all of them when it is empty: another process may have written anything."""
        names = (topic, "") if topic else tuple(self._waiters)
        for name in names:
            for event in self._waiters.get(name, ()):
                event.set()
