"""Placements and allocation: the station, not the hub, chooses the compartment (zone → size → reach → wear)."""

import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime

from common.contract.events import CompartmentMarked
from common.contract.words import Size
from common.kit.clock import Clock, to_ms
from edge.config import StationConfig
from edge.parcels import store
from edge.parcels.model import Parcel, PlacementState, Site
from edge.sync.outbox import Outbox
from edge.wiring import CompartmentSection

_ORDER = {Size.S: 0, Size.M: 1, Size.L: 2}


class Parcels:
    """What lies here. One parcel, one compartment (docs/decisions)."""

    def __init__(self, config: StationConfig, clock: Clock, outbox: Outbox) -> None:
        """Allocate among the compartments of `config`."""
        classes = {zone.name: zone.temperature_class for zone in config.zone}
        self.compartments: Sequence[CompartmentSection] = config.compartment
        self._class_of = {part.label: classes[part.zone] for part in config.compartment}
        self._clock, self._outbox = clock, outbox

    def has_door(self, label: str) -> bool:
        """Tell whether this compartment is still in `station.toml`."""
        return label in self._class_of

    def allocate_tx(
        self, conn: sqlite3.Connection, parcel: Parcel, exclude: Collection[str] = ()
    ) -> str | None:
        """Return the best free compartment for `parcel`, or None: full, or nothing large enough."""
        taken = set(store.occupied(conn)) | set(store.out_of_service(conn)) | set(exclude)
        uses = store.wear(conn)
        fitting = [
            part
            for part in self.compartments
            if part.label not in taken
            and self._class_of[part.label] is parcel.temperature_class
            and _ORDER[part.size] >= _ORDER[parcel.size]
        ]
        best = min(
            fitting,
            key=lambda part: (
                _ORDER[part.size],
                not part.easy_reach,
                uses.get(part.label, 0),
                part.label,
            ),
            default=None,
        )
        return best.label if best else None

    def not_larger(self, compartment: str) -> frozenset[str]:
        """Return the labels no larger than `compartment`: what "too small" rules out."""
        limit = next(_ORDER[part.size] for part in self.compartments if part.label == compartment)
        return frozenset(p.label for p in self.compartments if _ORDER[p.size] <= limit)

    def find_tx(self, conn: sqlite3.Connection, parcel_id: str) -> Parcel | None:
        """Return the announced parcel `parcel_id`."""
        return store.by_id(conn, parcel_id)

    def by_label_tx(self, conn: sqlite3.Connection, label: str) -> Parcel | None:
        """Return the parcel whose barcode says `label`."""
        return store.by_label(conn, label)

    def by_compartment_tx(self, conn: sqlite3.Connection, label: str) -> Parcel | None:
        """Return the parcel that lies in compartment `label`."""
        return store.by_compartment(conn, label)

    def by_tail_tx(self, conn: sqlite3.Connection, tail: str) -> list[Parcel]:
        """Return parcels whose phone or order number ends in `tail`; narrows a list, opens nothing."""
        return store.by_tail(conn, tail)

    def of_day_tx(self, conn: sqlite3.Connection, day: str, since_ms: int) -> list[Parcel]:
        """Return the parcels that concern local date `day`, which began at `since_ms`."""
        return store.of_day(conn, day, since_ms)

    def placed_tx(self, conn: sqlite3.Connection) -> list[Parcel]:
        """Return every announced parcel that lies here now."""
        return store.placed(conn)

    def occupied_tx(self, conn: sqlite3.Connection) -> dict[str, str]:
        """Return compartment → parcel_id of everything that lies here."""
        return store.occupied(conn)

    def out_of_service_tx(self, conn: sqlite3.Connection) -> dict[str, str]:
        """Return label → reason of compartments that must not be used."""
        return store.out_of_service(conn)

    def site_tx(self, conn: sqlite3.Connection) -> Site | None:
        """Return what the hub says about this site, None before the first sync."""
        return store.site(conn)

    def forget_tx(self, conn: sqlite3.Connection, parcel_id: str) -> bool:
        """Undo a put-in; False when the parcel did not lie here."""
        return store.forget_placement(conn, parcel_id)

    def hand_over_unplaced_tx(
        self, conn: sqlite3.Connection, parcel_id: str, keeper_id: str, at: datetime
    ) -> None:
        """Record a parcel that went from the crate straight into the person's hands."""
        store.handed_over_unplaced(conn, parcel_id, keeper_id, to_ms(at))

    def place_tx(
        self,
        conn: sqlite3.Connection,
        parcel_id: str,
        compartment: str,
        keeper_id: str,
        at: datetime,
    ) -> None:
        """Record that the parcel lies in `compartment`."""
        store.put_placement(conn, parcel_id, compartment, keeper_id, to_ms(at))

    def end_tx(
        self, conn: sqlite3.Connection, parcel_id: str, state: PlacementState, at: datetime
    ) -> bool:
        """Record that the parcel left; False when it did not lie here (a repeat changes nothing)."""
        return store.end_placement(conn, parcel_id, state, to_ms(at))

    def mark_tx(
        self,
        conn: sqlite3.Connection,
        label: str,
        *,
        out_of_service: bool,
        reason: str,
        keeper_id: str | None,
    ) -> None:
        """Take a compartment out of use or back, and report it."""
        at = self._clock.wall()
        store.put_mark(
            conn, label, out=out_of_service, reason=reason, keeper_id=keeper_id, at_ms=to_ms(at)
        )
        self._outbox.append_tx(
            conn,
            CompartmentMarked(
                compartment=label,
                out_of_service=out_of_service,
                reason=reason,
                keeper_id=keeper_id,
            ),
            occurred_at=at,
        )
