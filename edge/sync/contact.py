"""Whether the hub can be reached, said once each way, and how long to pause when it cannot."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.kit.clock import Clock
from common.kit.log import Outage
from edge.sync.client import HubAway
from edge.sync.fence import Why

_log = logging.getLogger(__name__)
FIRST_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class LinkView:
    """What screens show of the hub link; `since_s` tells how long it has been so."""

    online: bool
    last_heard: datetime | None
    since_s: float
    why: Why = Why.NONE
    """Why codes open nothing here, if they do not."""

    @property
    def fenced(self) -> bool:
        """Whether the hub listens to another daemon, or has not told yet what this disk forgot."""
        return bool(self.why)


class Backoff:
    """Pauses that double up to a cap, each shortened by chance so that stations do not march in step."""

    def __init__(self, jitter: random.Random, cap_s: float) -> None:
        """Start short; never longer than `cap_s` unless the hub asks for more."""
        self._jitter, self._cap_s = jitter, cap_s
        self._failures = 0

    def next_s(self, retry_after_s: float | None = None) -> float:
        """Return the next pause; a hub's Retry-After is honoured and spread behind, never before."""
        pause_s = min(self._cap_s, FIRST_PAUSE_S * 2.0 ** min(self._failures, 30))
        self._failures += 1
        spread_s = pause_s * (0.5 + 0.5 * self._jitter.random())
        return spread_s if retry_after_s is None else retry_after_s + spread_s

    def reset(self) -> None:
        """Start short again."""
        self._failures = 0


class Contact:
    """Shared by all tasks of the link: reachability, the session, and who wants a hello."""

    def __init__(self, clock: Clock, why: Callable[[], Why] = lambda: Why.NONE) -> None:
        """Start without a hub; `why` tells whether codes open nothing here."""
        self._clock, self.why = clock, why
        self._outage = Outage(_log, "hub")
        self._last_heard: datetime | None = None
        self._since_s = clock.monotonic_s()
        self._online = False
        self.refusal = ""
        self.ready = asyncio.Event()
        self.hello_wanted = asyncio.Event()
        self.on_change: list[Callable[[], None]] = []

    def view(self) -> LinkView:
        """Return what is known now; synchronous, from memory."""
        since_s = max(0.0, self._clock.monotonic_s() - self._since_s)
        return LinkView(self._online, self._last_heard, since_s, self.why())

    def want_hello(self) -> None:
        """Hold the lanes and the poll until the hub has answered a hello."""
        self.ready.clear()
        self.hello_wanted.set()

    def heard(self) -> None:
        """Note a good answer."""
        self._last_heard = self._clock.wall()
        self._outage.back()
        self._turn(True)

    def lost(self, error: HubAway) -> None:
        """Note that no usable answer came."""
        self._outage.down(error)
        self._turn(False)

    async def pause(self, error: HubAway, backoff: Backoff) -> None:
        """Wait before the next try. After an unreachable hub nobody speaks before a hello was answered: it may
        have been restored meanwhile, and one task asking is enough."""
        self.lost(error)
        if not error.reached:
            self.want_hello()
        await asyncio.sleep(backoff.next_s(error.retry_after_s))

    def tell(self) -> None:
        """Let everybody look again who shows something of this."""
        for told in self.on_change:
            told()

    def _turn(self, online: bool) -> None:
        if online != self._online:
            self._online = online
            self._since_s = self._clock.monotonic_s()
            self.tell()
