"""KeeperDesk: what the tablet calls. Scan, put in, take back, hand over, look up, open with a reason."""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from common.contract.events import ParcelUnknownScanned
from common.contract.words import ActorKind, Purpose
from common.kit.clock import Clock
from common.kit.codes import CODE_DIGITS, TAIL_DIGITS
from common.kit.errors import ConflictError, InvalidError, NotFoundError, RefusedError
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from edge.access.budget import KeeperBudget
from edge.access.keepers import KeeperPins, KeeperSession, SignInRefused
from edge.config import StationConfig
from edge.doors import Doors, DoorWish, Watch
from edge.parcels import Parcels
from edge.pickup import desk_store, store
from edge.pickup.desk_look import DeskLook
from edge.pickup.desk_store import Task
from edge.pickup.put_in import UNDO_S, PutIn
from edge.pickup.steady import Steady
from edge.pickup.taking import Taking
from edge.pickup.views import (
    DayView,
    DeskStep,
    NextReason,
    ParcelView,
    PutInStep,
    PutInView,
    ScanRefused,
    ScanResult,
    UndoView,
    UnknownParcel,
)
from edge.sync.outbox import Outbox

REASON_MIN = 3
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Copy:
    task: Task
    parcel: ParcelView


class KeeperDesk:
    """One pair of hands: one door at a time; every act names its keeper."""

    def __init__(
        self,
        config: StationConfig,
        clock: Clock,
        db: Db,
        doors: Doors,
        parcels: Parcels,
        put_in: PutIn,
        pins: KeeperPins,
        budget: KeeperBudget,
        outbox: Outbox,
    ) -> None:
        """Take the collaborators that `build_edge` made; `start()` before the first view."""
        self.watch = Watch()
        self.look = DeskLook(clock, db, parcels)
        self._labels = {part.label.upper(): part.label for part in config.compartment}
        self._clock, self._db, self._doors, self._parcels = clock, db, doors, parcels
        self._put_in, self._pins, self._budget, self._outbox = put_in, pins, budget, outbox
        self._taking = Taking(parcels, self.look, put_in)
        self._steady = Steady()
        self._copy: _Copy | None = None

    async def sign_in(self, pin: str, tablet: str = "") -> KeeperSession | SignInRefused:
        """Return a session for the keeper whose PIN this is; InvalidError when it is no PIN.

        `tablet`: the field of that name in an earlier session on the same tablet.
        """
        return await self._pins.sign_in(pin, tablet)

    async def session(self, token: str) -> KeeperSession | None:
        """Return who holds `token`, or None."""
        return await self._pins.session(token)

    async def sign_out(self, token: str) -> None:
        """Forget `token`."""
        await self._pins.sign_out(token)

    async def today(self) -> DayView:
        """Return today's parcels: expected, lying here, and handled since local midnight."""
        return await self.look.today()

    async def search_tail(self, tail: str) -> tuple[ParcelView, ...]:
        """Return parcels whose phone or order number ends in these four characters; opens nothing."""
        return await self.look.search_tail(tail)

    async def overdue(self) -> tuple[ParcelView, ...]:
        """Return what lies here and must come out: expired, revoked or cancelled."""
        return await self.look.overdue()

    async def scan(self, keeper_id: str, text: str) -> ScanResult:
        """Decide what was scanned: a parcel (its compartment opens), a door, or nothing we know."""
        label = text.strip()
        if (door := self._labels.get(label.upper())) is not None:
            return await self._db.read(lambda conn: self.look.door_tx(conn, door))
        if not 4 <= len(label) <= 40 or not label.isprintable():
            raise InvalidError("desk.scan_malformed", "that is neither a parcel nor a door")
        avoid = self._unusable_doors()
        return await self._act(lambda conn: self._scan_tx(conn, keeper_id, label, avoid))

    async def put_in_next(
        self, keeper_id: str, reason: NextReason | str, task_id: str | None = None
    ) -> PutInStep:
        """Open the next compartment for the parcel in hand; ConflictError when none is left.

        `task_id`, here and below: the task that the keeper's page showed; ConflictError when it is over.
        """
        why, avoid = NextReason(reason), self._unusable_doors()

        def fn(conn: sqlite3.Connection) -> PutInStep | None:
            task = self._put_in.next_tx(conn, keeper_id, why, avoid)
            return self._step(conn, task) if task else None

        if (step := await self._act(fn, task_id)) is None:
            raise ConflictError("put_in.no_compartment", "no other compartment fits this parcel")
        return step

    async def put_in_cancel(self, keeper_id: str, task_id: str | None = None) -> None:
        """Put the parcel back into the crate: nothing is stored."""
        del keeper_id
        await self._act(self._put_in.cancel_tx, task_id)

    async def put_in_settle(self, keeper_id: str, task_id: str | None = None) -> None:
        """Take the keeper's word that the parcel lies behind a door which is gone from `station.toml`."""
        await self._act(lambda conn: self._put_in.settle_tx(conn, keeper_id), task_id)

    def put_in_view(self) -> PutInView | None:
        """Return the door in the keeper's hands, or the last one of this boot; no I/O."""
        if self._copy is None:
            return None
        task, age_s = self._copy.task, self._age_s(self._copy.task)
        step = DeskStep.DOOR_GONE if self._put_in.door_gone(task) else task.step
        if not task.busy and step is not DeskStep.DOOR_GONE and age_s > UNDO_S:
            return None
        open_for_s = age_s if step is DeskStep.OPEN else 0.0
        return PutInView(
            task.task_id, task.kind, task.keeper_id, self._copy.parcel, task.compartment, step,
            open_for_s,
        )  # fmt: skip

    async def undo_view(self) -> UndoView | None:
        """Return the put-in that may still be taken back."""
        if self._copy is None or not (left_s := self._put_in.undo_left_s(self._copy.task)):
            return None
        return UndoView(self._copy.parcel, self._copy.task.compartment, left_s)

    async def undo(self, keeper_id: str) -> ParcelView:
        """Open the last stored compartment; the parcel is the keeper's again once the door is seen open."""

        def fn(conn: sqlite3.Connection) -> ParcelView:
            return self.look.view_tx(conn, self._put_in.undo_tx(conn, keeper_id))

        return await self._act(fn)

    async def try_again(self, keeper_id: str, task_id: str | None = None) -> None:
        """Open the door of a failed undo, hand-over or removal once more."""
        del keeper_id
        await self._act(self._put_in.again_tx, task_id)

    async def hand_over(self, keeper_id: str, parcel_id: str, reason: str) -> ParcelView:
        """Give a parcel to its person: opens its door, or records it at once when there is none to open."""
        why = _reason(reason)
        return await self._act(
            lambda conn: self._taking.hand_over_tx(conn, keeper_id, parcel_id, why)
        )

    async def remove_overdue(self, keeper_id: str, parcel_id: str, reason: str) -> ParcelView:
        """Take an overdue or cancelled parcel out; ConflictError for one that may still be collected."""
        why = _reason(reason)
        return await self._act(lambda conn: self._taking.remove_tx(conn, keeper_id, parcel_id, why))

    async def take_back(self, keeper_id: str, parcel_id: str) -> ParcelView:
        """Record that a parcel was taken by hand from a door gone from `station.toml`; it is put in anew."""
        return await self._act(lambda conn: self._taking.take_back_tx(conn, keeper_id, parcel_id))

    async def open_door(self, keeper_id: str, label: str, reason: str) -> str:
        """Open a door without a parcel in hand; return its open_request_id. RefusedError over the budget."""
        why, door = _reason(reason), self._door(label)

        def fn(conn: sqlite3.Connection) -> str:
            if wait_s := self._budget.spend_tx(conn, f"keeper:{keeper_id}"):
                raise RefusedError("desk.budget", "too many doors in ten minutes", wait_s=wait_s)
            wish = DoorWish(door, ActorKind.KEEPER, keeper_id, Purpose.INSPECTION, why, None)
            return self._doors.request_tx(conn, wish)

        return await self._act(fn)

    async def mark(self, keeper_id: str, label: str, out_of_service: bool, reason: str) -> None:
        """Take a compartment out of use or back; back also allows its parcel three more pulses."""
        why, door = _reason(reason), self._door(label)

        def fn(conn: sqlite3.Connection) -> None:
            self._parcels.mark_tx(
                conn, door, out_of_service=out_of_service, reason=why, keeper_id=keeper_id
            )
            if not out_of_service:
                store.allow_pulses_again(conn, door)

        await self._act(fn)

    async def start(self) -> None:
        """Let go of doors that are gone and rebuild the view from the database; `doors.start()` comes first."""
        await self._db.write(self._put_in.let_go_tx)
        await self.refresh()

    async def refresh(self) -> None:
        """Read the task in hand anew and wake the screens."""
        self._copy = await self._db.read(self._read)
        self.watch.bump()

    async def run(self) -> None:
        """Work and follow the doors until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._steady.run(), name="desk acts")
            group.create_task(self._follow_doors(), name="desk doors")

    async def _follow_doors(self) -> None:
        version = -1
        while True:
            version = await self._doors.watch.wait(version)
            await self.refresh()

    async def _act(self, fn: Callable[[sqlite3.Connection], T], task_id: str | None = None) -> T:
        def tx(conn: sqlite3.Connection) -> T:
            desk_store.require(conn, task_id)
            return fn(conn)

        async def act() -> T:
            result = await self._db.write(tx)
            fp("pickup.desk_committed")
            self._doors.kick()
            await self.refresh()
            return result

        return await self._steady.do(act)

    def _scan_tx(
        self, conn: sqlite3.Connection, keeper_id: str, label: str, avoid: frozenset[str]
    ) -> ScanResult:
        parcel = self._parcels.by_label_tx(conn, label)
        if parcel is None:
            return self._unknown_tx(conn, keeper_id, label)
        task = desk_store.current(conn)
        if task is not None and task.busy and task.parcel_id == parcel.parcel_id:
            return self._step(conn, task)  # the wedge fired twice
        if refused := self.look.hindrance_tx(conn, parcel):
            return refused
        if started := self._put_in.start_tx(conn, parcel, keeper_id, avoid):
            return self._step(conn, started)
        return ScanRefused("put_in.no_compartment", self.look.view_tx(conn, parcel.parcel_id))

    def _unknown_tx(self, conn: sqlite3.Connection, keeper_id: str, label: str) -> UnknownParcel:
        # Perhaps somebody's pickup code, alone or with the phone's digits behind it: neither log nor hub may see it.
        digits = "".join(sign for sign in label if sign.isalnum())
        secret = digits.isdecimal() and len(digits) in (CODE_DIGITS, CODE_DIGITS + TAIL_DIGITS)
        if secret and len(digits) == CODE_DIGITS:
            raise InvalidError("desk.code_not_here", "pickup codes belong on the touchscreen")
        told = "*" * CODE_DIGITS + digits[CODE_DIGITS:] if secret else label
        body = ParcelUnknownScanned(label=told, keeper_id=keeper_id)
        self._outbox.append_tx(conn, body, occurred_at=self._clock.wall())
        return UnknownParcel(label)

    def _step(self, conn: sqlite3.Connection, task: Task) -> PutInStep:
        return PutInStep(
            self.look.view_tx(conn, task.parcel_id), task.compartment, task.open_request_id
        )

    def _door(self, label: str) -> str:
        if (door := self._labels.get(label.strip().upper())) is None:
            raise NotFoundError("desk.door_unknown", f"there is no door {label}")
        return door

    def _unusable_doors(self) -> frozenset[str]:
        """Return doors that stand open or whose sensor is silent: no place for a parcel now."""
        return frozenset(label for label, d in self._doors.view().items() if d.open is not False)

    def _age_s(self, task: Task) -> float:
        if task.boot_id != self._clock.boot_id:
            return 0.0 if task.busy else UNDO_S + 1
        return self._clock.monotonic_s() - task.changed_s

    def _read(self, conn: sqlite3.Connection) -> _Copy | None:
        task = desk_store.current(conn)
        if task is None or self._parcels.find_tx(conn, task.parcel_id) is None:
            return None
        return _Copy(task, self.look.view_tx(conn, task.parcel_id))


def _reason(text: str) -> str:
    reason = text.strip()
    if not REASON_MIN <= len(reason) <= 200:
        raise InvalidError("desk.reason_missing", f"give a reason of at least {REASON_MIN} letters")
    return reason
