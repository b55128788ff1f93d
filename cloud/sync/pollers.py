"""Held long-polls: woken by a commit's hint, whichever process committed, ended at once when the hub stops.

A station needs one. A second is left from before its last restart; with more, one key would take every connection.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_PREFIX = "station:"
MOST_HELD = 2
"""Polls held for one station; the next one ends the oldest."""


@dataclass(eq=False, slots=True)
class Poll:
    """One held poll: its bell rings when there may be news, and when it is over."""

    bell: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    def end(self) -> None:
        """Let it answer with what there is, now."""
        self.over = True
        self.bell.set()


class Pollers:
    """Who waits for which station."""

    def __init__(self) -> None:
        """Start with nobody."""
        self.closing = False
        self._polls: dict[str, list[Poll]] = {}

    def hint(self, topic: str) -> None:
        """Wake the polls of `station:<id>`, all of them when the topic is empty; other topics are not ours."""
        if not topic:
            self._ring_all()
        elif topic.startswith(_PREFIX):
            for poll in self._polls.get(topic.removeprefix(_PREFIX), ()):
                poll.bell.set()

    @contextmanager
    def listen(self, station_id: str) -> Iterator[Poll]:
        """Yield a poll whose bell rings on every hint from now on; the oldest of too many is over."""
        poll = Poll()
        polls = self._polls.setdefault(station_id, [])
        polls.append(poll)
        for old in polls[:-MOST_HELD]:
            old.end()
        try:
            yield poll
        finally:
            polls.remove(poll)
            if not polls:
                self._polls.pop(station_id, None)

    async def wait(self, poll: Poll, at_most_s: float) -> None:
        """Wait for the bell; the end of a poll is also the next look after a lost hint."""
        try:
            async with asyncio.timeout(at_most_s):
                await poll.bell.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        """End every held poll; new ones are answered without waiting."""
        self.closing = True
        self._ring_all()

    def _ring_all(self) -> None:
        for polls in self._polls.values():
            for poll in polls:
                poll.bell.set()
