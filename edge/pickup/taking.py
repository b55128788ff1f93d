"""What a keeper may take out of a compartment: to hand it over, because it is overdue, or to put it in elsewhere.

A door in `station.toml` is opened for it; behind one that is gone from there her hands have done it already.
"""

import sqlite3

from common.kit.errors import ConflictError
from edge.parcels import Parcel, Parcels
from edge.pickup.desk_look import DeskLook
from edge.pickup.put_in import PutIn
from edge.pickup.views import DeskKind, ParcelState, ParcelView


class Taking:
    """The rules of the ways out that need no code."""

    def __init__(self, parcels: Parcels, look: DeskLook, put_in: PutIn) -> None:
        """Judge by what `look` sees, act through `put_in`."""
        self._parcels, self._look, self._put_in = parcels, look, put_in

    def hand_over_tx(
        self, conn: sqlite3.Connection, keeper_id: str, parcel_id: str, reason: str
    ) -> ParcelView:
        """Give a parcel to its person; one that lies in no compartment is recorded at once."""
        parcel, view = self._both_tx(conn, parcel_id)
        if parcel.compartment is not None:
            self._out_tx(conn, DeskKind.HAND_OVER, parcel, keeper_id, reason)
        elif view.state is ParcelState.EXPECTED:
            self._put_in.hand_over_tx(conn, parcel, keeper_id, reason)
        else:
            word = view.state.value
            raise ConflictError("desk.parcel_gone", f"the parcel is {word}", state=word)
        return self._look.view_tx(conn, parcel_id)

    def remove_tx(
        self, conn: sqlite3.Connection, keeper_id: str, parcel_id: str, reason: str
    ) -> ParcelView:
        """Take an overdue or cancelled parcel out; ConflictError for one that may still be collected."""
        parcel, view = self._both_tx(conn, parcel_id)
        must_go = view.state in (ParcelState.OVERDUE, ParcelState.CANCELLED)
        if parcel.compartment is None or not must_go:
            raise ConflictError("desk.not_overdue", f"the parcel is {view.state}")
        self._out_tx(conn, DeskKind.REMOVE, parcel, keeper_id, reason)
        return self._look.view_tx(conn, parcel_id)

    def take_back_tx(self, conn: sqlite3.Connection, keeper_id: str, parcel_id: str) -> ParcelView:
        """Let a parcel behind a door that is gone be put in anew; ConflictError while a door can be opened."""
        parcel, view = self._both_tx(conn, parcel_id)
        if not view.door_gone or view.state is not ParcelState.PLACED:
            raise ConflictError("desk.not_by_hand", "this parcel's door can be opened")
        self._put_in.taken_by_hand_tx(conn, DeskKind.UNDO, parcel, keeper_id, "door gone")
        return self._look.view_tx(conn, parcel_id)

    def _both_tx(self, conn: sqlite3.Connection, parcel_id: str) -> tuple[Parcel, ParcelView]:
        return self._look.known_tx(conn, parcel_id), self._look.view_tx(conn, parcel_id)

    def _out_tx(
        self, conn: sqlite3.Connection, kind: DeskKind, parcel: Parcel, keeper_id: str, reason: str
    ) -> None:
        there = parcel.compartment and self._parcels.has_door(parcel.compartment)
        take_out = self._put_in.take_out_tx if there else self._put_in.taken_by_hand_tx
        take_out(conn, kind, parcel, keeper_id, reason)
