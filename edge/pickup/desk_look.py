"""What the keeper looks up: today, by last four, overdue, behind a door. Reads only."""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, time

from common.kit.clock import Clock, to_ms
from common.kit.errors import InvalidError, NotFoundError
from common.kit.sqlite import Db
from edge.parcels import Parcel, Parcels
from edge.pickup import store
from edge.pickup.parcel_views import parcel_view, zone_of
from edge.pickup.store import Use
from edge.pickup.views import DayView, DoorScan, ParcelState, ParcelView, ScanRefused


class DeskLook:
    """Parcels as the keeper sees them."""

    def __init__(self, clock: Clock, db: Db, parcels: Parcels) -> None:
        """Read from `db`; "today" is the site's local date."""
        self._clock, self._db, self._parcels = clock, db, parcels

    async def today(self) -> DayView:
        """Return today's parcels: expected, lying here, and handled since local midnight."""
        day, since_ms = await self._db.read(self._day)
        return DayView(await self._views(lambda c: self._parcels.of_day_tx(c, day, since_ms)))

    async def search_tail(self, tail: str) -> tuple[ParcelView, ...]:
        """Return parcels whose phone or order number ends in these four characters; opens nothing."""
        text = tail.strip()
        if len(text) != 4 or not text.isalnum():
            raise InvalidError("desk.tail_malformed", "give the last four characters")
        return await self._views(lambda conn: self._parcels.by_tail_tx(conn, text))

    async def overdue(self) -> tuple[ParcelView, ...]:
        """Return what lies here and must come out: expired, revoked or cancelled."""
        views = await self._views(self._parcels.placed_tx)
        out = (ParcelState.OVERDUE, ParcelState.CANCELLED)
        return tuple(view for view in views if view.state in out)

    def door_tx(self, conn: sqlite3.Connection, door: str) -> DoorScan:
        """Return what lies behind a door."""
        parcel = self._parcels.by_compartment_tx(conn, door)
        return DoorScan(door, self.view_tx(conn, parcel.parcel_id) if parcel else None)

    def view_tx(self, conn: sqlite3.Connection, parcel_id: str) -> ParcelView:
        """Return one parcel; NotFoundError when none of that id is announced here."""
        return self._view(self.known_tx(conn, parcel_id), store.uses_by_parcel(conn))

    def known_tx(self, conn: sqlite3.Connection, parcel_id: str) -> Parcel:
        """Return the announced parcel; NotFoundError when there is none of that id."""
        if (parcel := self._parcels.find_tx(conn, parcel_id)) is None:
            raise NotFoundError("desk.parcel_unknown", f"no parcel {parcel_id} is announced here")
        return parcel

    def hindrance_tx(self, conn: sqlite3.Connection, parcel: Parcel) -> ScanRefused | None:
        """Return why this parcel may not be put in now, or None."""
        view, key = self.view_tx(conn, parcel.parcel_id), None
        if view.compartment is not None:
            key = "put_in.already_placed"
        elif view.state is ParcelState.CANCELLED:
            key = "put_in.cancelled"
        elif view.state is not ParcelState.EXPECTED:
            key = "put_in.already_gone"
        elif parcel.expected_on > self._day(conn)[0]:
            key = "put_in.another_day"
        return ScanRefused(key, view) if key else None

    async def _views(
        self, find: Callable[[sqlite3.Connection], list[Parcel]]
    ) -> tuple[ParcelView, ...]:
        def fn(conn: sqlite3.Connection) -> tuple[ParcelView, ...]:
            uses = store.uses_by_parcel(conn)
            return tuple(self._view(parcel, uses) for parcel in find(conn))

        return await self._db.read(fn)

    def _view(self, parcel: Parcel, uses: Mapping[str, Use]) -> ParcelView:
        label = parcel.compartment
        gone = label is not None and not self._parcels.has_door(label)
        return parcel_view(parcel, uses, door_gone=gone)

    def _day(self, conn: sqlite3.Connection) -> tuple[str, int]:
        """Return the local date and the moment it began, milliseconds."""
        site = self._parcels.site_tx(conn)
        zone = zone_of(site.timezone if site else None)
        today = self._clock.wall().astimezone(zone).date()
        return today.isoformat(), to_ms(datetime.combine(today, time(), zone))
