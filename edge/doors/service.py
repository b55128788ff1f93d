"""The doors room: takes wishes inside other rooms' transactions and sees each through to what the sensor says.

It knows nothing of grants, parcels or screens; those hear of every stored transition in its transaction.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Collection, Mapping
from datetime import timedelta

from common.contract.words import DoorState
from common.kit.chance import Chance
from common.kit.clock import Clock, from_ms, to_ms
from common.kit.errors import ConflictError, NotFoundError
from common.kit.failpoints import fp
from common.kit.ids import new_id
from common.kit.said import Said
from common.kit.sqlite import Db
from edge.config import DoorsSection
from edge.doors import store
from edge.doors.journal import Journal
from edge.doors.machine import Trigger
from edge.doors.model import ChangeListener, DoorView, DoorWish, Judge, OpenRequest
from edge.doors.runner import Runner
from edge.doors.watch import Watch
from edge.doors.watcher import Watcher
from edge.hardware.ports import DoorBus
from edge.sync import Outbox

log = logging.getLogger(__name__)

_KEEP = timedelta(days=90)


class Doors:
    """Open requests of all doors; `start()` before anybody is served, then `run()`."""

    def __init__(
        self,
        db: Db,
        bus: DoorBus,
        outbox: Outbox,
        settings: DoorsSection,
        clock: Clock,
        chance: Chance,
    ) -> None:
        """Use the tables of `edge.doors.DDL` in `db`."""
        self._db, self._bus, self._outbox = db, bus, outbox
        self._clock, self._chance = clock, chance
        self._journal = Journal(db, outbox, clock)
        self._watcher = Watcher(db, bus, self._journal, outbox, settings, clock)
        self._runner = Runner(db, bus, self._journal, self._watcher, settings, clock)
        self._labels = frozenset(bus.labels)
        self._lent: set[str] = set()

    @property
    def on_change_tx(self) -> list[ChangeListener]:
        """Return the listeners called in the transaction of every stored transition after QUEUED.

        QUEUED is stored by the caller's own transaction, so the caller is not told what it just did.
        """
        return self._journal.listeners

    @property
    def judges(self) -> list[Judge]:
        """Return who is asked, in the transaction that stores a pulse, whether the request still holds.

        A coil that rests keeps a request waiting for up to `queue_ttl_s`: a revocation, a fence or an expiry that
        came meanwhile counts. One no is enough, and the request ends as EXPIRED without a pulse.
        """
        return self._runner.judges

    @property
    def watch(self) -> Watch:
        """Return the wake-up for screens: bumped after every change of `view()`."""
        return self._journal.watch

    def tired_tx(self, conn: sqlite3.Connection) -> frozenset[str]:
        """Return the doors whose coil would make somebody wait: a parcel needs a pulse to get in and one to get out."""
        return frozenset(
            label for label in sorted(self._labels) if self._runner.is_tired_tx(conn, label)
        )

    def request_tx(self, conn: sqlite3.Connection, wish: DoorWish) -> str:
        """Store a wish as QUEUED, with its event, in the caller's transaction; return its id. Then `kick()`.

        NotFoundError: no such door. ConflictError: the door has a request that is not finished, or is lent.
        """
        if wish.compartment not in self._labels:
            raise NotFoundError(
                "doors.unknown", f"no door {wish.compartment}", compartment=wish.compartment
            )
        if wish.compartment in self._lent:
            raise ConflictError(
                "doors.in_maintenance",
                f"{wish.compartment} is being serviced",
                compartment=wish.compartment,
            )
        if store.live_on(conn, wish.compartment) is not None:
            raise ConflictError(
                "doors.busy", f"{wish.compartment} is being opened", compartment=wish.compartment
            )
        at = self._clock.wall()
        request = OpenRequest(
            open_request_id=new_id(self._clock, self._chance),
            wish=wish,
            state=DoorState.QUEUED,
            pulses=0,
            boot_id=self._clock.boot_id,
            created_mono_ms=round(self._clock.monotonic_s() * 1000),
            changed_ms=to_ms(at),
            opened_ms=None,
            left_open_told=False,
        )
        store.insert(conn, request, to_ms(at))
        self._journal.event_tx(conn, request, at)
        return request.open_request_id

    async def lend(self, labels: Collection[str]) -> Mapping[str, tuple[float, ...]]:
        """Refuse openings of `labels` until `take_back`; return how long ago each coil's last pulses were.

        ConflictError `doors.busy` while one of them has a request that is not finished; then nothing is lent.
        """
        fresh = set(labels) - self._lent
        self._lent |= fresh  # first: whatever is asked from now on is refused

        def look(conn: sqlite3.Connection) -> Mapping[str, tuple[float, ...]]:
            for request in store.live(conn):
                if (label := request.wish.compartment) in labels:
                    said = Said("%(label)s is in use: %(state)s", label=label, state=request.state)
                    raise ConflictError("doors.busy", said, compartment=label)
            return {label: tuple(self._runner.ages_tx(conn, label)) for label in labels}

        try:
            return await self._db.write(look)  # behind every request that was allowed before
        except BaseException:
            self._lent -= fresh
            raise

    def take_back(self, labels: Collection[str]) -> None:
        """Let `labels` be opened again."""
        self._lent -= set(labels)

    def expect_request(self) -> None:
        """Keep the wires free for a moment: somebody's code is being checked."""
        self._bus.expect_pulse()

    def kick(self) -> None:
        """Take what is queued; call after the commit of `request_tx`."""
        self._outbox.kick()
        self._runner.kick()

    def view(self) -> Mapping[str, DoorView]:
        """Return every door as it is known now; no I/O."""
        return {label: self._view(label) for label in self._bus.labels}

    async def start(self) -> None:
        """Drop every relay, read the sensors, settle what a power cut left open; never a pulse."""
        fp("doors.before_start")
        await self._bus.all_off()
        await self._watcher.first_look()
        before_ms = to_ms(self._clock.wall() - _KEEP)
        await self._db.write(lambda conn: store.prune(conn, before_ms))
        for request in await self._db.read(store.live):
            await self._reconcile(request)
            fp("doors.reconciled")

    async def run(self) -> None:
        """Open doors and watch them until cancelled; `start()` comes first."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watcher.run(), name="doors watcher")
            group.create_task(self._runner.run(), name="doors runner")

    async def _reconcile(self, request: OpenRequest) -> None:
        """Ask the sensor what became of an intent without an outcome."""
        label = request.wish.compartment
        if label not in self._labels:
            await self._reconcile_unseen(request)
            return
        is_open = self._watcher.sensors.open(label)
        if request.state is DoorState.OPEN:
            self._journal.put(request)
            self._watcher.resume(request, self._open_for_s(request))
            if is_open is False:
                await self._journal.store(request, Trigger.SEEN_CLOSED)
        elif is_open:
            opened = await self._journal.store(request, Trigger.SEEN_OPEN)
            self._watcher.resume(opened, 0.0)
        else:
            unsettled = await self._journal.store(request, Trigger.RESTARTED_SHUT)
            self._watcher.settle_when_seen(unsettled)
            log.warning("door %s was pulsed before the restart, not known whether it opened", label)

    async def _reconcile_unseen(self, request: OpenRequest) -> None:
        """Settle a request whose door was taken out of `station.toml`; an open one waits until the door is back."""
        log.warning("door %s has an unfinished request but is gone", request.wish.compartment)
        if request.state is not DoorState.OPEN:
            await self._journal.store(request, Trigger.RESTARTED_SHUT)

    def _open_for_s(self, request: OpenRequest) -> float:
        opened = from_ms(request.opened_ms or request.changed_ms)
        return max(0.0, (self._clock.wall() - opened).total_seconds())

    def _view(self, label: str) -> DoorView:
        request = self._journal.requests.get(label)
        changed_s = max(
            self._watcher.sensors.since_s(label), self._journal.changed_s.get(label, 0.0)
        )
        return DoorView(
            label=label,
            open=self._watcher.sensors.open(label),
            state=request.state if request else None,
            open_request_id=request.open_request_id if request else None,
            pulses=request.pulses if request else 0,
            since_s=max(0.0, self._clock.monotonic_s() - changed_s),
        )
