"""A technician at the station: a certificate of the hub opens doors here, without any network, each by name.

Doors with nothing behind them, unless she says why it must be an occupied one; those count like a keeper's.
Nothing is remembered but that a certificate was used: every act shows it again, and is judged again.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from common.contract.certificate import LIFE_MAX_S, Certificate, decode
from common.contract.papers import MaintenanceStarted
from common.contract.words import ActorKind, Purpose
from common.kit.clock import from_ms, to_ms
from common.kit.errors import InvalidError, NotFoundError, RefusedError
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from common.kit.trusted_time import ClockState, TrustedTime
from edge.access.budget import KeeperBudget
from edge.access.qr_check import QrCheck
from edge.doors import Doors, DoorWish
from edge.parcels import Parcels
from edge.parcels.model import CONTENT_UNKNOWN
from edge.pickup import withdrawn
from edge.sync.outbox import Outbox

AHEAD_MAX_MS = 5 * 60_000
"""Issued further in the station's future: one of the two clocks is wrong, and nobody can say which."""
REASON_MIN, REASON_MAX = 3, 200
DDL = (
    """CREATE TABLE maintenance (
        certificate_id TEXT PRIMARY KEY, technician TEXT NOT NULL, started_ms INTEGER NOT NULL)""",
)
_WHY = {
    "maintenance.forged": "this certificate cannot be believed",
    "maintenance.foreign": "this certificate is for another station",
    "maintenance.over": "this certificate has ended: ask the desk for a new one",
    "maintenance.revoked": "this certificate was revoked",
    "maintenance.time_unsure": "the station has not heard its hub's time since it was switched on",
}


@dataclass(frozen=True, slots=True)
class Shelf:
    """One door as a technician sees it; `open` None: the sensor cannot be read."""

    label: str
    occupied: bool
    open: bool | None


@dataclass(frozen=True, slots=True)
class MaintenanceView:
    """Who may, until when, and which doors there are."""

    technician: str
    until: datetime
    doors: tuple[Shelf, ...]


class Maintenance:
    """What a certificate allows."""

    def __init__(
        self,
        clock: TrustedTime,
        db: Db,
        doors: Doors,
        parcels: Parcels,
        qr: QrCheck,
        budget: KeeperBudget,
        outbox: Outbox,
    ) -> None:
        """Judge by trusted time and by the keys that are pinned here."""
        self._clock, self._db, self._doors, self._parcels = clock, db, doors, parcels
        self._qr, self._budget, self._outbox = qr, budget, outbox

    async def look(self, text: str) -> MaintenanceView:
        """Return what the certificate allows; RefusedError says why it allows nothing."""
        view = await self._db.write(lambda conn: self._look_tx(conn, text))
        self._outbox.kick()
        return view

    async def open(self, text: str, door: str, reason: str, *, occupied: bool = False) -> str:
        """Open a door in the technician's name; return its open_request_id.

        Errors: RefusedError (the certificate, `maintenance.occupied` without `occupied`, `desk.budget`),
        InvalidError `maintenance.no_reason`, NotFoundError, ConflictError `doors.busy`.
        """
        request = await self._db.write(
            lambda conn: self._open_tx(conn, text, door, reason.strip(), occupied)
        )
        fp("pickup.maintenance_committed")
        self._doors.kick()
        return request

    def check_tx(self, conn: sqlite3.Connection, text: str) -> Certificate:
        """Return the certificate if it holds now; its first use is reported. RefusedError."""
        try:
            certificate, signature = decode(text)
        except InvalidError as error:
            raise _refused("maintenance.forged") from error
        if key := self._refusal_tx(conn, certificate, signature):
            raise _refused(key)
        at = self._clock.wall()
        first = conn.execute(
            "INSERT OR IGNORE INTO maintenance VALUES (?, ?, ?)",
            (certificate.certificate_id, certificate.technician, to_ms(at)),
        ).rowcount
        if first:
            body = MaintenanceStarted(
                certificate_id=certificate.certificate_id,
                technician=certificate.technician,
                expires_at_ms=certificate.expires_at_ms,
            )
            self._outbox.append_tx(conn, body, occurred_at=at)
        return certificate

    def _refusal_tx(
        self, conn: sqlite3.Connection, certificate: Certificate, signature: bytes
    ) -> str | None:
        if not self._qr.is_ours(certificate.station_id):
            return "maintenance.foreign"
        holds = self._qr.holds_tx(conn, certificate.kid, certificate.message(), signature)
        if not holds or certificate.life_s > LIFE_MAX_S:
            return "maintenance.forged"
        if self._clock.is_over(certificate.expires_at_ms):
            return "maintenance.over"
        if not self._sure_of_time(certificate) or _lost_track_tx(conn):
            return "maintenance.time_unsure"
        site = self._parcels.site_tx(conn)
        floor = max(withdrawn.epoch_tx(conn), site.revocation_epoch if site else 0)
        return "maintenance.revoked" if certificate.epoch < floor else None

    def _sure_of_time(self, certificate: Certificate) -> bool:
        """Tell whether the hub has said the time in this boot: a clock that was set back must revive nothing."""
        if self._clock.view().state is not ClockState.TRUSTED:
            return False
        ahead_ms = certificate.issued_at_ms - to_ms(self._clock.wall())
        return ahead_ms <= AHEAD_MAX_MS and self._clock.allows_until(certificate.expires_at_ms)

    def _look_tx(self, conn: sqlite3.Connection, text: str) -> MaintenanceView:
        certificate, taken = self.check_tx(conn, text), self._taken_tx(conn)
        doors = tuple(
            Shelf(label, label in taken, door.open) for label, door in self._doors.view().items()
        )
        return MaintenanceView(certificate.technician, from_ms(certificate.expires_at_ms), doors)

    def _open_tx(
        self, conn: sqlite3.Connection, text: str, door: str, reason: str, occupied: bool
    ) -> str:
        certificate = self.check_tx(conn, text)
        if not REASON_MIN <= len(reason) <= REASON_MAX or not reason.isprintable():
            raise InvalidError("maintenance.no_reason", "say why in three letters or more")
        if door not in self._doors.view():
            raise NotFoundError("doors.unknown", f"no door {door}", compartment=door)
        if door in self._taken_tx(conn):
            if not occupied:
                raise RefusedError("maintenance.occupied", "something lies there", compartment=door)
            name = f"technician:{certificate.certificate_id}"
            if wait_s := self._budget.spend_tx(conn, name):
                raise RefusedError("desk.budget", "too many doors in ten minutes", wait_s=wait_s)
        wish = DoorWish(
            door, ActorKind.TECHNICIAN, certificate.technician, Purpose.INSPECTION, reason, None
        )
        return self._doors.request_tx(conn, wish)

    def _taken_tx(self, conn: sqlite3.Connection) -> frozenset[str]:
        """Return the doors that something lies behind, or may lie behind after damage of the disk."""
        marks = self._parcels.out_of_service_tx(conn)
        unknown = {label for label, reason in marks.items() if reason == CONTENT_UNKNOWN}
        return frozenset(unknown.union(self._parcels.occupied_tx(conn)))


def _lost_track_tx(conn: sqlite3.Connection) -> bool:
    """Tell whether damage took what the hub has said, revocations with it, and it has not spoken since."""
    row = conn.execute("SELECT gen FROM sync_self").fetchone()
    lost = conn.execute("SELECT 1 FROM grant_doubt WHERE cause = 'row' LIMIT 1").fetchone()
    return lost is not None and (row is None or row["gen"] == 0)


def _refused(key: str) -> RefusedError:
    return RefusedError(key, _WHY[key])
