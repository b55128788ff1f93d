"""Held long-polls: woken by a commit's hint, re-checked now and then, ended at once when the hub stops."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

RECHECK_S = 5.0
"""A hint may be lost (another process wrote, no listener yet): look again this often."""
_PREFIX = "station:"


class Pollers:
    """Who waits for which station."""

    def __init__(self) -> None:
        """Start with nobody."""
        self.closing = False
        self._bells: dict[str, list[asyncio.Event]] = {}

    def hint(self, topic: str) -> None:
        """Wake the polls of `station:<id>`; other topics are not ours."""
        if topic.startswith(_PREFIX):
            for bell in self._bells.get(topic.removeprefix(_PREFIX), ()):
                bell.set()

    @contextmanager
    def listen(self, station_id: str) -> Iterator[asyncio.Event]:
        """Yield a bell that rings on every hint from now on."""
        bell = asyncio.Event()
        bells = self._bells.setdefault(station_id, [])
        bells.append(bell)
        try:
            yield bell
        finally:
            bells.remove(bell)
            if not bells:
                self._bells.pop(station_id, None)

    async def wait(self, bell: asyncio.Event, at_most_s: float) -> None:
        """Wait for the bell, or for the next safety check."""
        try:
            async with asyncio.timeout(min(at_most_s, RECHECK_S)):
                await bell.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        """End every held poll; new ones are answered without waiting."""
        self.closing = True
        for bells in self._bells.values():
            for bell in bells:
                bell.set()
