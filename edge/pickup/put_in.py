"""Putting in, taking back, handing over, removing: the keeper's acts at one door as transactions.

A put-in counts when the door is seen shut; whatever leaves counts when the door is seen open.
"""

import sqlite3
from collections.abc import Callable, Collection
from dataclasses import replace

from common.contract.words import ActorKind, DoorState, Purpose
from common.kit.chance import Chance
from common.kit.clock import Clock
from common.kit.errors import ConflictError
from common.kit.failpoints import fp
from common.kit.ids import new_id
from edge.doors import DoorChange, Doors, DoorWish
from edge.parcels import Parcel, Parcels
from edge.pickup import desk_store, session_store
from edge.pickup.desk_store import Task
from edge.pickup.grants import Grants
from edge.pickup.keeping import Keeping
from edge.pickup.sessions import SUSPECT
from edge.pickup.views import DeskKind, DeskStep, NextReason
from edge.sync.outbox import Outbox

UNDO_S = 600.0
MAX_TRIES = 3
_PURPOSE = {
    DeskKind.PUT_IN: Purpose.PUT_IN,
    DeskKind.UNDO: Purpose.PUT_IN,
    DeskKind.HAND_OVER: Purpose.INSPECTION,
    DeskKind.REMOVE: Purpose.INSPECTION,
}
_FAILED = frozenset(
    {DoorState.FAILED_OPEN, DoorState.INDETERMINATE, DoorState.BUS_DOWN, DoorState.EXPIRED}
)


class PutIn:
    """One task in the keeper's hands at a time."""

    def __init__(
        self,
        clock: Clock,
        chance: Chance,
        doors: Doors,
        parcels: Parcels,
        grants: Grants,
        outbox: Outbox,
        refuse_when_full: Callable[[], None],
    ) -> None:
        """Tell doors to let this room know of every transition; `refuse_when_full` raises before a new put-in."""
        self._refuse_when_full = refuse_when_full
        self._clock, self._chance, self._doors = clock, chance, doors
        self._parcels, self._keeping = parcels, Keeping(parcels, grants, outbox)
        doors.on_change_tx.append(self.on_door_tx)

    def start_tx(
        self,
        conn: sqlite3.Connection,
        parcel: Parcel,
        keeper_id: str,
        avoid: Collection[str],
        ruled_out: frozenset[str] = frozenset(),
    ) -> Task | None:
        """Choose a compartment and open it; None when nothing fits. `avoid`: doors not usable right now."""
        self._refuse_when_full()
        self.free_hands_tx(conn)
        unusable = ruled_out | set(avoid) | session_store.session_compartments(conn)
        tired = unusable | self._doors.tired_tx(conn)
        opened = self._first_free_tx(conn, parcel, keeper_id, tired, ruled_out)
        return opened or self._first_free_tx(conn, parcel, keeper_id, unusable, ruled_out)

    def _first_free_tx(
        self,
        conn: sqlite3.Connection,
        parcel: Parcel,
        keeper_id: str,
        unusable: Collection[str],
        ruled_out: frozenset[str],
    ) -> Task | None:
        passed = set(unusable)
        while label := self._parcels.allocate_tx(conn, parcel, passed):
            try:
                return self._open_tx(
                    conn, DeskKind.PUT_IN, parcel.parcel_id, label, keeper_id, ruled_out=ruled_out
                )
            except ConflictError:  # its last opening is not over yet
                passed.add(label)
        return None

    def next_tx(
        self, conn: sqlite3.Connection, keeper_id: str, reason: NextReason, avoid: Collection[str]
    ) -> Task | None:
        """Try the next compartment, or the same door again; None when nothing else fits."""
        task = self._in_hand(conn)
        if self.door_gone(task):
            raise _say_where(task)
        parcel = self._parcels.find_tx(conn, task.parcel_id)
        if parcel is None:
            raise ConflictError("put_in.nothing_in_hand", "scan a parcel first")
        if reason is NextReason.DID_NOT_OPEN:
            if task.step is not DeskStep.FAILED:
                raise ConflictError("put_in.door_moving", "wait until the door has been judged")
            if task.tries < MAX_TRIES:
                return self._retry_tx(conn, task)
        ruled_out = task.ruled_out | self._unfit_tx(conn, task, reason, keeper_id)
        desk_store.drop_current(conn)
        return self.start_tx(conn, parcel, keeper_id, avoid, ruled_out)

    def again_tx(self, conn: sqlite3.Connection) -> Task:
        """Open the door of a failed undo, hand-over or removal once more."""
        task = desk_store.current(conn)
        if task is None or task.step is not DeskStep.FAILED or task.tries >= MAX_TRIES:
            raise ConflictError("put_in.nothing_in_hand", "there is no door to try again")
        return self._retry_tx(conn, task)

    def cancel_tx(self, conn: sqlite3.Connection) -> None:
        """Let go of the task: shutting the door stores nothing any more. ConflictError while a parcel is taken out."""
        task = desk_store.current(conn)
        if task is None or task.step in (DeskStep.STORED, DeskStep.DONE):
            raise ConflictError("put_in.nothing_in_hand", "scan a parcel first")
        if task.kind is not DeskKind.PUT_IN and task.busy:
            raise ConflictError("put_in.door_moving", "wait until the door has been judged")
        desk_store.drop_current(conn)

    def settle_tx(self, conn: sqlite3.Connection, keeper_id: str) -> None:
        """Take the keeper's word that the parcel in hand lies behind a door which is gone from `station.toml`.

        The other answer, that she has the parcel, is `cancel_tx`.
        """
        task = self._in_hand(conn)
        if not self.door_gone(task):
            raise ConflictError("put_in.door_there", "the door itself tells")
        at = self._clock.wall()
        self._keeping.stored_tx(conn, task.parcel_id, task.compartment, keeper_id, at)
        desk_store.drop_current(conn)  # a door that comes back and shuts has nothing to add

    def let_go_tx(self, conn: sqlite3.Connection) -> None:
        """End, at a start, what waits for a door gone from `station.toml` and has no question left to ask."""
        task = desk_store.current(conn)
        taking = task if task and task.kind is not DeskKind.PUT_IN else None
        if taking and not self._parcels.has_door(taking.compartment):
            desk_store.drop_current(conn)

    def door_gone(self, task: Task) -> bool:
        """Tell whether only the keeper can say what became of this put-in: its door is gone from `station.toml`."""
        open_end = task.kind is DeskKind.PUT_IN and task.step is not DeskStep.STORED
        return task.current and open_end and not self._parcels.has_door(task.compartment)

    def taken_by_hand_tx(
        self, conn: sqlite3.Connection, kind: DeskKind, parcel: Parcel, keeper_id: str, reason: str
    ) -> None:
        """Record at once what the keeper took out of a compartment that is gone from `station.toml`."""
        assert parcel.compartment is not None
        self._keeping.taken_out_tx(
            conn, kind, parcel.parcel_id, parcel.compartment, keeper_id, reason, self._clock.wall()
        )

    def undo_tx(self, conn: sqlite3.Connection, keeper_id: str) -> str:
        """Open the last stored compartment to take its parcel back; return parcel_id."""
        task = desk_store.current(conn)
        if task is None or not self.undo_left_s(task):
            raise ConflictError("put_in.undo_over", "there is no put-in left to take back")
        self._require_placed(conn, task.parcel_id, task.compartment)
        self._open_tx(conn, DeskKind.UNDO, task.parcel_id, task.compartment, keeper_id)
        return task.parcel_id

    def take_out_tx(
        self, conn: sqlite3.Connection, kind: DeskKind, parcel: Parcel, keeper_id: str, reason: str
    ) -> None:
        """Open a parcel's compartment to hand it over or remove it."""
        self.free_hands_tx(conn)
        assert parcel.compartment is not None
        self._open_tx(conn, kind, parcel.parcel_id, parcel.compartment, keeper_id, reason=reason)

    def hand_over_tx(
        self, conn: sqlite3.Connection, parcel: Parcel, keeper_id: str, reason: str
    ) -> None:
        """Record a parcel given to the person straight from the crate; ConflictError while its put-in door is open."""
        task = desk_store.current(conn)
        if task is not None and task.parcel_id == parcel.parcel_id:
            self.free_hands_tx(conn)
            desk_store.drop_current(conn)  # else "try again" would store what is gone
        self._keeping.handed_over_unplaced_tx(
            conn, parcel.parcel_id, keeper_id, reason, self._clock.wall()
        )

    def free_hands_tx(self, conn: sqlite3.Connection) -> None:
        """ConflictError while the keeper's door is on its way or open."""
        task = desk_store.current(conn)
        if task is not None and self.door_gone(task):
            raise _say_where(task)
        if task is not None and task.busy:
            raise ConflictError(
                "put_in.door_open",
                f"close {task.compartment} first",
                compartment=task.compartment,
            )

    def undo_left_s(self, task: Task) -> float:
        """Return the seconds in which a stored parcel may be taken back; a reboot ends them."""
        stored = task.kind is DeskKind.PUT_IN and task.step is DeskStep.STORED
        there = self._parcels.has_door(task.compartment)
        if not (stored and there) or task.boot_id != self._clock.boot_id:
            return 0.0
        return max(0.0, UNDO_S - (self._clock.monotonic_s() - task.changed_s))

    def on_door_tx(self, conn: sqlite3.Connection, change: DoorChange) -> None:
        """Move the task, and what it means for the parcel, in the commit that stores what the door did."""
        task = desk_store.by_request(conn, change.open_request_id)
        if task is None:
            return
        if change.state is DoorState.OPEN:
            if task.kind is not DeskKind.PUT_IN:
                self._keeping.taken_out_tx(
                    conn, task.kind, task.parcel_id, task.compartment, task.keeper_id, task.reason,
                    change.at,
                )  # fmt: skip
            self._step_tx(conn, task, DeskStep.OPEN)
        elif change.state is DoorState.CLOSED:
            put_in = task.kind is DeskKind.PUT_IN
            if put_in:
                self._keeping.stored_tx(
                    conn, task.parcel_id, task.compartment, task.keeper_id, change.at
                )
            self._step_tx(conn, task, DeskStep.STORED if put_in else DeskStep.DONE)
        elif change.state in _FAILED:
            self._step_tx(conn, task, DeskStep.FAILED)
        fp(f"pickup.desk_{change.state.value}")

    def _step_tx(self, conn: sqlite3.Connection, task: Task, step: DeskStep) -> None:
        desk_store.set_step(conn, task, step, self._clock.boot_id, self._clock.monotonic_s())

    def _open_tx(
        self,
        conn: sqlite3.Connection,
        kind: DeskKind,
        parcel_id: str,
        compartment: str,
        keeper_id: str,
        *,
        reason: str = "",
        ruled_out: frozenset[str] = frozenset(),
    ) -> Task:
        task = Task(
            task_id=new_id(self._clock, self._chance),
            kind=kind,
            parcel_id=parcel_id,
            compartment=compartment,
            keeper_id=keeper_id,
            reason=reason or kind.value,
            open_request_id=self._ask_tx(conn, kind, compartment, keeper_id, reason or kind.value),
            step=DeskStep.OPENING,
            tries=1,
            ruled_out=ruled_out,
            current=True,
            boot_id=self._clock.boot_id,
            changed_s=self._clock.monotonic_s(),
        )
        desk_store.put(conn, task)
        fp("pickup.desk_asked")
        return task

    def _retry_tx(self, conn: sqlite3.Connection, task: Task) -> Task:
        asked = self._ask_tx(conn, task.kind, task.compartment, task.keeper_id, task.reason)
        again = replace(task, open_request_id=asked, step=DeskStep.OPENING, tries=task.tries + 1)
        desk_store.put(conn, again)
        return again

    def _ask_tx(
        self, conn: sqlite3.Connection, kind: DeskKind, label: str, keeper_id: str, reason: str
    ) -> str:
        wish = DoorWish(label, ActorKind.KEEPER, keeper_id, _PURPOSE[kind], reason, None)
        return self._doors.request_tx(conn, wish)

    def _unfit_tx(
        self, conn: sqlite3.Connection, task: Task, reason: NextReason, keeper_id: str
    ) -> frozenset[str]:
        if reason is NextReason.TOO_SMALL:
            return self._parcels.not_larger(task.compartment)
        why = "dirty" if reason is NextReason.DIRTY else SUSPECT
        self._parcels.mark_tx(
            conn, task.compartment, out_of_service=True, reason=why, keeper_id=keeper_id
        )
        return frozenset({task.compartment})

    def _in_hand(self, conn: sqlite3.Connection) -> Task:
        task = desk_store.current(conn)
        if task is None or task.kind is not DeskKind.PUT_IN or task.step is DeskStep.STORED:
            raise ConflictError("put_in.nothing_in_hand", "scan a parcel first")
        return task

    def _require_placed(self, conn: sqlite3.Connection, parcel_id: str, compartment: str) -> None:
        if self._parcels.occupied_tx(conn).get(compartment) != parcel_id:
            raise ConflictError("put_in.undo_over", "the parcel does not lie there any more")


def _say_where(task: Task) -> ConflictError:
    label = task.compartment
    return ConflictError("put_in.door_gone", f"say what became of {label} first", compartment=label)
