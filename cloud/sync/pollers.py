"""Held long-polls: woken by a commit's hint, whichever process committed, ended at once when the hub stops."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_PREFIX = "station:"


class Pollers:
    """Who waits for which station."""

    def __init__(self) -> None:
        """Start with nobody."""
        self.closing = False
        self._bells: dict[str, list[asyncio.Event]] = {}

    def hint(self, topic: str) -> None:
        """Wake the polls of `station:<id>`, all of them when the topic is empty; other topics are not ours."""
        if not topic:
            self._ring_all()
        elif topic.startswith(_PREFIX):
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
        """Wait for the bell; the end of a poll is also the next look after a lost hint."""
        try:
            async with asyncio.timeout(at_most_s):
                await bell.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        """End every held poll; new ones are answered without waiting."""
        self.closing = True
        self._ring_all()

    def _ring_all(self) -> None:
        for bells in self._bells.values():
            for bell in bells:
                bell.set()
