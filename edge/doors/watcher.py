"""Keeps an eye on every door: all once a second, a door in use several times; judges closing, leaving, tampering."""

import asyncio
import logging
import sqlite3
from collections.abc import Mapping
from contextlib import suppress

from common.contract.base import Message
from common.contract.events import DoorLeftOpen, DoorUnexpected
from common.contract.words import DoorState
from common.kit.clock import Clock
from common.kit.errors import ConflictError
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from edge.config import DoorsSection
from edge.doors import store
from edge.doors.journal import Journal
from edge.doors.machine import Trigger
from edge.doors.model import OpenRequest
from edge.doors.sensors import Sensors
from edge.hardware.ports import DoorBus
from edge.sync import Outbox

log = logging.getLogger(__name__)

LATE_OPEN_S = 30.0
"""A door that springs open this soon after "did not open" still answers that pulse; later it is unexpected."""

_IN_HAND = frozenset({DoorState.PRECHECK, DoorState.PULSING, DoorState.WAIT_OPEN})


class Watcher:
    """Feeds the sensors and turns their changes into transitions and events."""

    def __init__(
        self,
        db: Db,
        bus: DoorBus,
        journal: Journal,
        outbox: Outbox,
        settings: DoorsSection,
        clock: Clock,
    ) -> None:
        """Know no door's state yet."""
        self.sensors = Sensors(bus.labels, settings.equal_samples)
        self._db, self._bus, self._journal, self._outbox = db, bus, journal, outbox
        self._settings, self._clock = settings, clock
        self._opened_s: dict[str, float] = {}
        """Label → since when it stands open, monotonic; negative after a restart is fine."""
        self._told: set[str] = set()
        """Doors whose left-open reminder is out."""
        self._unexpected: set[str] = set()
        self._unsettled: dict[str, str] = {}
        """Label → INDETERMINATE request whose door could not be read since the pulse."""
        self._pending: list[tuple[str, bool | None]] = []

    async def look(self, label: str) -> bool | None:
        """Read one door ahead of everything else; return the raw sample."""
        samples = await self._bus.read_doors(urgent=label)
        self._feed(samples)
        return samples[label]

    def settle_when_seen(self, request: OpenRequest) -> None:
        """Let the first reading of this door decide a request that ended INDETERMINATE for want of a sensor."""
        if self.sensors.open(request.wish.compartment) is not False:
            self._unsettled[request.wish.compartment] = request.open_request_id

    def resume(self, request: OpenRequest, open_for_s: float) -> None:
        """Go on with the timers of a door that was open before the restart."""
        label = request.wish.compartment
        self._opened_s[label] = self._clock.monotonic_s() - open_for_s
        if request.left_open_told:
            self._told.add(label)

    async def first_look(self) -> None:
        """Read every door until the bounce is out; what is open now was reported before, or comes with the start."""
        for _ in range(self._settings.equal_samples):
            self._feed(await self._bus.read_doors())
            await asyncio.sleep(self._settings.poll_active_s)
        self._pending.clear()

    async def run(self) -> None:
        """Scan until cancelled."""
        loop = asyncio.get_running_loop()
        full_at_s = loop.time()
        while True:
            if loop.time() >= full_at_s:
                full_at_s = loop.time() + self._settings.poll_idle_s
                self._feed(await self._bus.read_doors())
            else:
                for label in self._busy_labels():
                    await self.look(label)
            await self._judge()
            if self._busy_labels():
                await asyncio.sleep(self._settings.poll_active_s)
            else:
                await self._rest(full_at_s - loop.time())

    async def _rest(self, longest_s: float) -> None:
        """Wait for the next full look, or for news of a door: from then on it is watched closely."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, longest_s)):
                await self._journal.watch.wait(self._journal.watch.version)

    def _busy_labels(self) -> list[str]:
        """Return the doors in use that the runner is not looking at itself."""
        now_s = self._clock.monotonic_s()
        busy = []
        for label, request in self._journal.requests.items():
            if request.state is DoorState.OPEN:
                if now_s - self._opened_s.get(label, now_s) < self._settings.left_open_s:
                    busy.append(label)
            elif self._may_open_late(label, request, now_s):
                busy.append(label)
        return busy

    def _feed(self, samples: Mapping[str, bool | None]) -> None:
        changes = self.sensors.feed(samples, self._clock.monotonic_s())
        self._pending += changes
        if changes:
            self._journal.watch.bump()

    async def _judge(self) -> None:
        pending, self._pending = self._pending, []
        for label, after in pending:
            if after is True:
                await self._opened(label)
            elif after is False:
                await self._closed(label)
        await self._settle_open_requests()
        await self._remind()

    async def _settle_open_requests(self) -> None:
        """Close requests whose door is shut without a change having been seen (restart, forced state)."""
        for label, request in list(self._journal.requests.items()):
            if request.state is DoorState.OPEN:
                self._opened_s.setdefault(label, self._clock.monotonic_s())
                if self.sensors.open(label) is False:
                    await self._close_request(request)

    async def _opened(self, label: str) -> None:
        now_s = self._clock.monotonic_s()
        self._opened_s.setdefault(label, now_s)  # a sensor that was away does not restart the timer
        request = self._journal.requests.get(label)
        unsettled = self._unsettled.pop(label, None)
        if request is not None:
            if request.state in _IN_HAND or request.state is DoorState.OPEN:
                return
            if request.open_request_id == unsettled or self._may_open_late(label, request, now_s):
                await self._store(request, Trigger.SEEN_OPEN)
                fp("doors.opened_late_committed")
                return
        if label in self._unexpected:
            return
        self._unexpected.add(label)
        await self._tell(DoorUnexpected(compartment=label, open=True))

    async def _closed(self, label: str) -> None:
        self._unsettled.pop(label, None)
        if label in self._unexpected:
            self._unexpected.discard(label)
            await self._tell(DoorUnexpected(compartment=label, open=False))
        request = self._journal.requests.get(label)
        if request is not None and request.state is DoorState.OPEN:
            await self._close_request(request)
        self._forget(label)

    async def _close_request(self, request: OpenRequest) -> None:
        fp("doors.before_closed")
        await self._store(request, Trigger.SEEN_CLOSED)
        fp("doors.closed_committed")
        self._forget(request.wish.compartment)

    async def _store(self, request: OpenRequest, trigger: Trigger) -> None:
        label = request.wish.compartment

        def newest_only(conn: sqlite3.Connection) -> None:
            newest = store.newest(conn, label)
            if newest is None or newest.open_request_id != request.open_request_id:
                raise ConflictError("doors.superseded", f"{label} has a newer request")

        try:
            await self._journal.store(request, trigger, before=newest_only)
        except ConflictError:  # a person asked anew in the same moment: the runner judges that one
            log.info("door %s moved on by itself", label)

    def _forget(self, label: str) -> None:
        self._opened_s.pop(label, None)
        self._told.discard(label)

    def _may_open_late(self, label: str, request: OpenRequest, now_s: float) -> bool:
        return (
            request.state is DoorState.FAILED_OPEN
            and now_s - self._journal.changed_s[label] < LATE_OPEN_S
        )

    async def _remind(self) -> None:
        now_s = self._clock.monotonic_s()
        for label, since_s in list(self._opened_s.items()):
            if self.sensors.open(label) is not True or label in self._told:
                continue
            if (open_for_s := now_s - since_s) >= self._settings.left_open_s:
                self._told.add(label)
                request = self._journal.requests.get(label)
                told = request if request and request.state is DoorState.OPEN else None
                await self._tell(DoorLeftOpen(compartment=label, open_for_s=int(open_for_s)), told)
                fp("doors.left_open_told")

    async def _tell(self, body: Message, reminded: OpenRequest | None = None) -> None:
        at = self._clock.wall()

        def tx(conn: sqlite3.Connection) -> None:
            self._outbox.append_tx(conn, body, occurred_at=at)
            if reminded is not None:
                store.set_left_open_told(conn, reminded.open_request_id)

        await self._db.write(tx)
        self._outbox.kick()
        self._journal.watch.bump()
