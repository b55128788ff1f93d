"""The resident's session as transactions: accepted code, opening, door news, next item, end (DESIGN section 3).

Each `…_tx` is one commit with everything it touches: grant, intent, placement, outbox.
"""

import logging
import sqlite3

from common.contract.events import ParcelCollected
from common.contract.words import ActorKind, DoorState, GrantState, Purpose
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.errors import ConflictError
from common.kit.failpoints import fp
from common.kit.ids import new_id
from edge.config import StationConfig
from edge.doors import DoorChange, Doors, DoorWish
from edge.parcels import Parcels, PlacementState
from edge.pickup import session_store, store
from edge.pickup.grants import Grants
from edge.pickup.machine import Trigger
from edge.pickup.right import Right
from edge.pickup.session_store import Session
from edge.pickup.store import Item, Use
from edge.pickup.verdict import Hindrance, Verdict
from edge.sync.outbox import Outbox

_log = logging.getLogger(__name__)

SUSPECT = "did not open after three pulses"
_NOT_OPENED = frozenset(
    {DoorState.FAILED_OPEN, DoorState.INDETERMINATE, DoorState.BUS_DOWN, DoorState.EXPIRED}
)
IN_FLIGHT = frozenset(
    {DoorState.QUEUED, DoorState.PRECHECK, DoorState.PULSING, DoorState.WAIT_OPEN}
)


class Sessions:
    """Rules of opening with a code; knows the rooms below, no screen and no loop."""

    def __init__(
        self,
        config: StationConfig,
        clock: Clock,
        chance: Chance,
        doors: Doors,
        parcels: Parcels,
        grants: Grants,
        outbox: Outbox,
    ) -> None:
        """Tell doors to let this room know of every transition."""
        self._config, self._clock, self._chance = config, clock, chance
        self._doors, self._parcels, self._grants = doors, parcels, grants
        self._outbox, self._right = outbox, Right(parcels, grants)
        doors.on_change_tx.append(self.on_door_tx)
        doors.judges.append(self._right.judge_tx)

    def start_tx(self, conn: sqlite3.Connection, use: Use) -> Verdict:
        """Use an accepted grant: intent, events and session in one commit; or say what stands in the way."""
        if not self._grants.in_time(use):
            return Verdict(accepted=False, hindrance=Hindrance.TIME_UNSURE)
        first = next(iter(self._waiting(conn, use.grant_id)), None)
        if first is None:
            return Verdict(accepted=False, hindrance=Hindrance.NO_DOOR)
        session = Session(
            session_id=new_id(self._clock, self._chance),
            grant_id=use.grant_id,
            parcel_id=first.parcel_id,
            boot_id=self._clock.boot_id,
            started_mono_s=self._clock.monotonic_s(),
            took_s=None,
        )
        self.finish_tx(conn)  # one whose parcel the keeper took out meanwhile
        session_store.start_session(conn, session)
        self._ask_tx(conn, first)
        fp("pickup.accepted")
        return Verdict(accepted=True)

    def again_tx(self, conn: sqlite3.Connection) -> None:
        """Pulse the same door once more; ConflictError when the session has no pulse left for it."""
        item = self._item_in_hand(conn)
        if item.opened_at_ms:
            self._reopen_tx(conn, item)
            return
        self._grants.reconcile_tx(conn, item.grant_id)
        alive = self._right.is_alive_tx(conn, item.grant_id) and self._right.lies_there_tx(
            conn, item
        )
        may = alive and item.door_state not in IN_FLIGHT
        if not may or not self.pulses_left(item):
            raise ConflictError("pickup.no_pulse_left", "this door may not be pulsed again now")
        self._ask_tx(conn, item)
        fp("pickup.again_asked")

    def reopen_tx(self, conn: sqlite3.Connection) -> None:
        """Open the door of the item in hand once more; ConflictError outside the window or used up."""
        self._reopen_tx(conn, self._item_in_hand(conn))

    def proceed_tx(self, conn: sqlite3.Connection) -> bool:
        """Take the next unopened item in hand and open its door; False when none is left, or the one in hand moves."""
        session = session_store.live_session(conn)
        if session is None:
            raise ConflictError("pickup.no_session", "nobody is at the screen")
        in_hand = store.item(conn, session.grant_id, session.parcel_id)
        if in_hand is not None and in_hand.door_state in IN_FLIGHT | {DoorState.OPEN}:
            return False  # one door after the other
        waiting = self._waiting(conn, session.grant_id)
        others = [item for item in waiting if item.parcel_id != session.parcel_id]
        if not others or not self._right.is_alive_tx(conn, session.grant_id):
            return False  # only the door in hand is left: that is `again`
        if len(others) < len(waiting) and not self.pulses_left(others[0]):
            return False  # from a door that stays shut to another one that does
        session_store.turn_session(conn, session.session_id, others[0].parcel_id)
        self._ask_tx(conn, others[0])
        fp("pickup.proceeded")
        return True

    def finish_tx(self, conn: sqlite3.Connection) -> None:
        """Take the session off the screen; items never opened stay collectable with the same code."""
        session = session_store.live_session(conn)
        if session is not None:
            session_store.end_session(conn, session.session_id)
            self._settle_tx(conn, session.grant_id)
            fp("pickup.finished")

    def on_door_tx(self, conn: sqlite3.Connection, change: DoorChange) -> None:
        """Move the grant in the commit that stores what the door did."""
        item = store.item_by_request(conn, change.open_request_id)
        if item is None:
            by_staff = change.wish.actor_kind is not ActorKind.RESIDENT
            if by_staff and change.state is DoorState.OPEN:
                store.allow_pulses_again(conn, change.compartment)
            return
        store.set_door_state(conn, item, change.state, item.pulses_before + change.pulses)
        if change.state is DoorState.OPEN:
            self._opened_tx(conn, item, change)
        elif change.state is DoorState.CLOSED:
            self._closed_tx(conn, item, change)
        elif change.state in _NOT_OPENED:
            self._not_opened_tx(conn, item, change)
        fp(f"pickup.door_{change.state.value}")

    def pulses_left(self, item: Item) -> int:
        """Return how many pulses the item may still have before its door was first seen open."""
        return max(0, self._config.doors.max_pulses - item.pulses)

    def reopen_left_s(self, item: Item) -> float:
        """Return the seconds in which the door may be opened once more; a reboot ends them."""
        if item.closed_mono_s is None or item.closed_boot_id != self._clock.boot_id:
            return 0.0
        gone_s = self._clock.monotonic_s() - item.closed_mono_s
        return max(0.0, self._config.pickup.reopen_within_s - gone_s)

    def reopens_left(self, item: Item) -> int:
        """Return how often the door may be opened once more."""
        return max(0, self._config.pickup.max_reopens - item.reopens)

    def another_tx(self, conn: sqlite3.Connection, in_hand: Item) -> bool:
        """Tell whether, while the door in hand stays shut, another one of the order may still be opened."""
        if in_hand.opened_at_ms or in_hand.door_state in IN_FLIGHT:
            return False
        waiting = self._waiting(conn, in_hand.grant_id)
        return any(one.parcel_id != in_hand.parcel_id and self.pulses_left(one) for one in waiting)

    def refused_tx(self, conn: sqlite3.Connection, grant_id: str) -> bool:
        """Tell whether something of the order still lies here that its code does not open now."""
        return not self._right.is_alive_tx(conn, grant_id) and bool(self._waiting(conn, grant_id))

    def has_door(self, item: Item) -> bool:
        """Tell whether the item's door is still in `station.toml`."""
        return self._parcels.has_door(item.compartment)

    def _waiting(self, conn: sqlite3.Connection, grant_id: str) -> list[Item]:
        """Return the items never seen open that still lie there, without doors that are gone from `station.toml`.

        Doors that may be pulsed come first: one that stays shut must not keep the order's other doors shut.
        """
        unopened = [
            item
            for item in store.items(conn, grant_id)
            if not item.opened_at_ms and self._right.lies_there_tx(conn, item)
        ]
        for item in unopened:
            if not self.has_door(item):
                _log.warning(
                    "a parcel lies in %s, which is not in station.toml: put the compartment back",
                    item.compartment,
                )
        there = [item for item in unopened if self.has_door(item)]
        return sorted(there, key=lambda item: not self.pulses_left(item))

    def _item_in_hand(self, conn: sqlite3.Connection) -> Item:
        session = session_store.live_session(conn)
        item = store.item(conn, session.grant_id, session.parcel_id) if session else None
        if item is None:
            raise ConflictError("pickup.no_session", "nobody is at the screen")
        return item

    def _ask_tx(self, conn: sqlite3.Connection, item: Item, *, reopen: bool = False) -> None:
        """Write the intent; without a pulse left, or with the door busy, the screen shows the way on instead."""
        if not reopen and not self.pulses_left(item):
            return
        wish = DoorWish(
            compartment=item.compartment,
            actor_kind=ActorKind.RESIDENT,
            actor_id=item.grant_id,
            purpose=Purpose.PICKUP,
            reason="re-open" if reopen else "code",
            grant_id=item.grant_id,
        )
        try:
            open_request_id = self._doors.request_tx(conn, wish)
        except ConflictError:  # a keeper stands at this door, or its last opening is not over
            return
        store.set_request(conn, item, open_request_id, reopen=reopen)
        self._grants.move_tx(conn, item.grant_id, Trigger.OPEN_ASKED)

    def _reopen_tx(self, conn: sqlite3.Connection, item: Item) -> None:
        use = store.use(conn, item.grant_id)
        if (
            use is None
            or use.state is not GrantState.OPENED
            or item.door_state in IN_FLIGHT | {DoorState.OPEN}
            or not self.reopens_left(item)
            or not self.reopen_left_s(item)
            or not self._right.may_reopen_tx(conn, item)
        ):
            raise ConflictError("pickup.no_reopen", "this door may not be opened again now")
        self._ask_tx(conn, item, reopen=True)
        fp("pickup.reopen_asked")

    def _opened_tx(self, conn: sqlite3.Connection, item: Item, change: DoorChange) -> None:
        store.set_opened(conn, item, to_ms(change.at))
        store.mark_used(conn, item.grant_id, to_ms(change.at))
        self._grants.move_tx(conn, item.grant_id, Trigger.DOOR_OPENED)
        self._grants.spend_others_tx(conn, item.grant_id, item.parcel_id)
        session = session_store.live_session(conn)
        here = session is not None and session.grant_id == item.grant_id
        if session and here and session.boot_id == self._clock.boot_id:
            took_s = self._clock.monotonic_s() - session.started_mono_s
            session_store.set_took(conn, session.session_id, took_s)

    def _closed_tx(self, conn: sqlite3.Connection, item: Item, change: DoorChange) -> None:
        mono_s = self._clock.monotonic_s()
        store.set_closed(conn, item, to_ms(change.at), self._clock.boot_id, mono_s)
        if self._parcels.end_tx(conn, item.parcel_id, PlacementState.COLLECTED, change.at):
            body = ParcelCollected(
                parcel_id=item.parcel_id, grant_id=item.grant_id, compartment=item.compartment
            )
            self._outbox.append_tx(conn, body, occurred_at=change.at)
        self._settle_if_left_tx(conn, item.grant_id)

    def _not_opened_tx(self, conn: sqlite3.Connection, item: Item, change: DoorChange) -> None:
        use = store.use(conn, item.grant_id)
        if use is not None and use.state in (GrantState.OPENING, GrantState.OPENED):
            self._grants.move_tx(conn, item.grant_id, Trigger.NOT_OPENED)
        pulses = item.pulses_before + change.pulses
        spent = pulses >= self._config.doors.max_pulses and not item.opened_at_ms
        if spent and item.compartment not in self._parcels.out_of_service_tx(conn):
            self._parcels.mark_tx(
                conn, item.compartment, out_of_service=True, reason=SUSPECT, keeper_id=None
            )
        self._settle_if_left_tx(conn, item.grant_id)
        self._grants.reconcile_tx(conn, item.grant_id)

    def _settle_if_left_tx(self, conn: sqlite3.Connection, grant_id: str) -> None:
        session = session_store.live_session(conn)
        if session is None or session.grant_id != grant_id:
            self._settle_tx(conn, grant_id)

    def _settle_tx(self, conn: sqlite3.Connection, grant_id: str) -> None:
        """Nobody stands here any more: items left make the code valid again, none left and all shut is DONE."""
        use = store.use(conn, grant_id)
        if use is None or use.state is not GrantState.OPENED:
            return
        items = store.items(conn, grant_id)
        if any(not item.opened_at_ms for item in items):
            self._grants.move_tx(conn, grant_id, Trigger.ITEMS_LEFT)
            self._grants.reconcile_tx(conn, grant_id)
        elif all(item.closed_at_ms for item in items):
            self._grants.move_tx(conn, grant_id, Trigger.ALL_TAKEN)
