"""The session at the screen as one read of the database shows it: where it stands, what is shown, when it is over."""

import sqlite3
from dataclasses import dataclass

from common.contract.words import DoorState, GrantState
from edge.config import StationConfig
from edge.doors import Doors
from edge.parcels import Parcel, Parcels
from edge.pickup import session_store, store
from edge.pickup.session_store import Session
from edge.pickup.sessions import IN_FLIGHT, Sessions
from edge.pickup.store import Item
from edge.pickup.views import SessionView, Step


@dataclass(frozen=True, slots=True)
class Live:
    """What one read of the database said about the live session."""

    session: Session
    items: tuple[Item, ...]
    in_hand: Item
    parcel: Parcel | None
    state: GrantState
    another: bool
    refused: bool


class LiveReader:
    """Reads and judges it."""

    def __init__(
        self, config: StationConfig, doors: Doors, parcels: Parcels, sessions: Sessions
    ) -> None:
        """Take the rooms whose facts it puts together."""
        self._config, self._doors, self._parcels = config, doors, parcels
        self._sessions = sessions

    def read_tx(self, conn: sqlite3.Connection) -> Live | None:
        """Return the live session as of now; None: there is none, or nothing of it can be served."""
        session = session_store.live_session(conn)
        if session is None:
            return None
        items = tuple(store.items(conn, session.grant_id))
        in_hand = store.item(conn, session.grant_id, session.parcel_id)
        use = store.use(conn, session.grant_id)
        if in_hand is None or use is None:  # the keeper took the parcel out meanwhile
            return None
        if not self._sessions.has_door(in_hand):  # taken out of station.toml between two runs
            return None
        parcel = self._parcels.find_tx(conn, session.parcel_id)
        refused = self._sessions.refused_tx(conn, session.grant_id)
        another = not refused and self._sessions.another_tx(conn, in_hand)
        return Live(session, items, in_hand, parcel, use.state, another, refused)

    def is_over(self, live: Live, idle_s: float) -> bool:
        """Tell whether nobody stands there any more, `idle_s` after the last touch or news."""
        step, patience_s = self.step(live), self._config.pickup.idle_s
        if step is Step.OPENING:
            return False
        if step is Step.OPEN:
            return idle_s > self._config.doors.left_open_s + patience_s
        if step is Step.CLOSED:
            all_taken = all(item.closed_at_ms for item in live.items)
            return not self._sessions.reopen_left_s(live.in_hand) and (
                all_taken or idle_s > patience_s
            )
        return idle_s > patience_s

    def step(self, live: Live) -> Step:
        """Return where the session stands."""
        item = live.in_hand
        if item.door_state in IN_FLIGHT:
            return Step.OPENING
        if item.door_state is DoorState.OPEN:
            return Step.OPEN
        if item.opened_at_ms:
            failed = item.door_state is not DoorState.CLOSED
            return Step.NOT_OPENED if failed and self._reopens_left(item) else Step.CLOSED
        alive = live.state in (GrantState.ISSUED, GrantState.OPENED) and not live.refused
        return Step.NOT_OPENED if alive and self._sessions.pulses_left(item) else Step.FAILED

    def _reopens_left(self, item: Item) -> int:
        return self._sessions.reopens_left(item) if self._sessions.reopen_left_s(item) else 0

    def view(self, live: Live) -> SessionView:
        """Return what the screen shows; no I/O."""
        item, parcel, step = live.in_hand, live.parcel, self.step(live)
        door = self._doors.view()[item.compartment]
        open_for_s = door.since_s if step is Step.OPEN else 0.0
        reopens_left = self._reopens_left(item)
        return SessionView(
            session_id=live.session.session_id,
            step=step,
            compartment=item.compartment,
            index=self._index(live),
            total=len(live.items),
            items=parcel.items if parcel else 1,
            order_tail=parcel.order_tail if parcel else "",
            person_masked=parcel.person_masked if parcel else "",
            pulses_left=reopens_left if item.opened_at_ms else self._sessions.pulses_left(item),
            reopens_left=reopens_left,
            open_for_s=open_for_s,
            reopen_left_s=self._sessions.reopen_left_s(item),
            door_left_open=open_for_s >= self._config.doors.left_open_s,
            took_s=live.session.took_s,
            another=live.another,
            refused=live.refused,
        )

    @staticmethod
    def _index(live: Live) -> int:
        """Return the place of the item in hand in the order in which the doors were opened, from 1."""
        before = [i for i in live.items if i.opened_at_ms and i.parcel_id != live.in_hand.parcel_id]
        mine = live.in_hand.opened_at_ms
        return 1 + sum(1 for i in before if not mine or (i.opened_at_ms or 0) <= mine)
