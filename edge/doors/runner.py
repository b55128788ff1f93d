"""Carries one open request from its turn to what the sensor says: duty, pulse row, frame, eyes on the door.

Nothing here pulses twice: one request is one pulse, and a person's *again* is another request.
"""

import asyncio
import logging
import sqlite3
from dataclasses import dataclass, replace

from common.contract.words import DoorState
from common.kit.clock import Clock, to_ms
from common.kit.errors import ConflictError
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from edge.config import DoorsSection
from edge.doors import duty, store
from edge.doors.journal import Journal
from edge.doors.machine import Trigger
from edge.doors.model import Judge, OpenRequest
from edge.doors.sensors import Sensors
from edge.doors.watcher import Watcher
from edge.hardware.ports import DoorBus, PulseResult

log = logging.getLogger(__name__)


class _Withdrawn(Exception):
    """What allowed this opening has ended while it waited for its turn."""


@dataclass(frozen=True, slots=True)
class _Sent:
    request: OpenRequest
    pulse_id: int
    result: PulseResult


class Runner:
    """Takes requests in order and sends one pulse at a time a supply: its coils share it."""

    def __init__(
        self,
        db: Db,
        bus: DoorBus,
        journal: Journal,
        watcher: Watcher,
        settings: DoorsSection,
        clock: Clock,
    ) -> None:
        """Take the collaborators that `Doors` made."""
        self._db, self._bus, self._journal, self._watcher = db, bus, journal, watcher
        self._sensors: Sensors = watcher.sensors
        self._settings, self._clock = settings, clock
        self.judges: list[Judge] = []
        self._started_ms = _ms(clock.monotonic_s())
        self._queued = asyncio.Event()
        self._turns: dict[str, asyncio.Queue[OpenRequest]] = {
            supply: asyncio.Queue() for supply in sorted({bus.supply_of(one) for one in bus.labels})
        }
        self._in_hand: set[str] = set()

    def kick(self) -> None:
        """Look for queued requests."""
        self._queued.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take_queued(group), name="door requests")
            for supply, turns in self._turns.items():
                group.create_task(self._serve(turns, group), name=f"doors of {supply}")

    async def _serve(self, turns: asyncio.Queue[OpenRequest], group: asyncio.TaskGroup) -> None:
        while True:
            sent = await self._turn(await turns.get())
            if sent is not None:
                group.create_task(self._judge(sent), name="door judge")

    def _put(self, request: OpenRequest) -> None:
        self._turns[self._bus.supply_of(request.wish.compartment)].put_nowait(request)

    async def _take_queued(self, group: asyncio.TaskGroup) -> None:
        self._queued.set()
        while True:
            await self._queued.wait()
            self._queued.clear()
            for request in await self._db.read(store.queued):
                if request.open_request_id in self._in_hand:
                    continue
                self._in_hand.add(request.open_request_id)
                self._journal.put(request)
                rest_s = await self.rest_s(request.wish.compartment)
                if 0 < rest_s < self._left_s(request):
                    group.create_task(self._turn_later(request, rest_s), name="door rests")
                elif rest_s > 0:
                    await self._expire(request)
                else:
                    self._put(request)

    async def _turn_later(self, request: OpenRequest, rest_s: float) -> None:
        await asyncio.sleep(rest_s)
        self._put(request)

    async def _expire(self, request: OpenRequest) -> None:
        await self._journal.store(request, Trigger.WAITED_TOO_LONG)
        self._in_hand.discard(request.open_request_id)
        fp("doors.expired_committed")

    async def _turn(self, request: OpenRequest) -> _Sent | None:
        """Send this request's one pulse, unless it waited too long, holds no more or may not be stored."""
        if self._left_s(request) <= 0:
            await self._expire(request)
            return None
        try:
            return await self._pulse(self._journal.step(request, Trigger.TAKEN))
        except _Withdrawn:
            log.info("pulse not sent: %s may not open any more", request.wish.compartment)
            await self._expire(request)
            return None
        except ConflictError as error:  # the stored request has moved on, or a listener refused
            log.info("pulse not sent: %s", error)
            label = request.wish.compartment
            stored = await self._db.read(lambda conn: store.newest(conn, label))
            if stored is not None:
                self._journal.put(stored)
            self._in_hand.discard(request.open_request_id)
            return None

    async def rest_s(self, label: str) -> float:
        """Return how long this door's coil must rest before the next pulse."""
        pulse_s = self._bus.pulse_s(label)
        between_s = pulse_s * (1 + self._settings.min_off_pulses)
        return self._wait_s(await self._db.read(lambda conn: self.ages_tx(conn, label)), between_s)

    def is_tired_tx(self, conn: sqlite3.Connection, label: str) -> bool:
        """Return whether this door's coil would have to rest before one of two pulses from now on."""
        ages_s = self.ages_tx(conn, label)
        return self._wait_s(ages_s) > 0 or self._wait_s([0.0, *ages_s]) > 0

    def _wait_s(self, ages_s: list[float], between_s: float = 0.0) -> float:
        settings = self._settings
        return duty.wait_s(
            ages_s,
            max_per_min=settings.max_pulses_per_min,
            cool_down_s=settings.cool_down_s,
            between_s=between_s,
        )

    def ages_tx(self, conn: sqlite3.Connection, label: str) -> list[float]:
        """Return how long ago this coil's last pulses were, newest first."""
        mono_ms, wall_ms = _ms(self._clock.monotonic_s()), to_ms(self._clock.wall())
        rows = store.last_pulses(conn, label, self._settings.max_pulses_per_min)
        return [
            duty.age_s(
                row,
                boot_id=self._clock.boot_id,
                mono_ms=mono_ms,
                wall_ms=wall_ms,
                up_ms=mono_ms - self._started_ms,
            )
            for row in rows
        ]

    def _left_s(self, request: OpenRequest) -> float:
        waited_s = self._clock.monotonic_s() - request.created_mono_ms / 1000
        return self._settings.queue_ttl_s - waited_s

    async def _pulse(self, request: OpenRequest) -> _Sent:
        fp("doors.before_pulse_row")
        request, pulse_id = await self._journal_pulse(request)
        fp("doors.pulse_row_committed")
        # A cancelled caller does not stop the frame: the bus owner finishes what is on the wire.
        result = await self._bus.pulse(request.wish.compartment)
        fp("doors.pulse_sent")
        return _Sent(request, pulse_id, result)

    async def _judge(self, sent: _Sent) -> None:
        if sent.result is PulseResult.NOT_SENT:
            await self._end(sent, Trigger.NOT_SENT)
            fp("doors.bus_down_committed")
        elif sent.result is PulseResult.REJECTED:
            await self._end(sent, Trigger.REFUSED)
            fp("doors.refused_committed")
        else:
            waiting = self._journal.step(sent.request, Trigger.FRAME_LEFT)
            seen = await self._look(waiting.wish.compartment)
            fp("doors.sensor_judged")
            await self._end(replace(sent, request=waiting), seen)
            fp("doors.outcome_committed")

    async def _journal_pulse(self, request: OpenRequest) -> tuple[OpenRequest, int]:
        label = request.wish.compartment
        flag = {True: "already_open", False: "", None: "blind"}[self._sensors.open(label)]
        rows: list[int] = []

        def before(conn: sqlite3.Connection) -> None:
            if not all(holds(conn, request) for holds in self.judges):
                raise _Withdrawn
            rows[:] = [
                store.add_pulse(
                    conn,
                    request,
                    flag=flag,
                    boot_id=self._clock.boot_id,
                    mono_ms=_ms(self._clock.monotonic_s()),
                    wall_ms=to_ms(self._clock.wall()),
                )
            ]

        request = await self._journal.store(request, Trigger.PULSE_STORED, before=before)
        return request, rows[0]

    async def _look(self, label: str) -> Trigger:
        """Watch the sensor after a pulse: open needs `equal_samples` in a row, all read after the frame."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._settings.open_timeout_s
        equal, last = 0, None
        while True:
            last = await self._watcher.look(label)
            equal = equal + 1 if last else 0
            if equal >= self._settings.equal_samples:
                self._sensors.force(label, open_=True, at_s=self._clock.monotonic_s())
                return Trigger.SEEN_OPEN
            if loop.time() >= until_s:
                return Trigger.UNSEEN if last is None else Trigger.STAYED_SHUT
            await asyncio.sleep(self._settings.poll_active_s)

    async def _end(self, sent: _Sent, trigger: Trigger) -> None:
        left = sent.result is not PulseResult.NOT_SENT

        def before(conn: sqlite3.Connection) -> None:
            store.settle_pulse(conn, sent.pulse_id, sent.result.value, left=left)

        ended = await self._journal.store(sent.request, trigger, before=before)
        self._in_hand.discard(ended.open_request_id)
        if ended.state is DoorState.INDETERMINATE:
            self._watcher.settle_when_seen(ended)
        elif ended.state is DoorState.FAILED_OPEN:
            log.warning("door %s did not open, pulse %d", ended.wish.compartment, ended.pulses)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
