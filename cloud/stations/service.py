"""The stations room as others see it: one object, its use cases by name."""

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from cloud.config import HubSecrets
from cloud.stations.capsules import Capsules
from cloud.stations.commands import EXPIRES_S, Commands
from cloud.stations.copies import TOUCHING, Copies
from cloud.stations.enrolment import Enrolment
from cloud.stations.facts import Facts, typed
from cloud.stations.grant_rows import GrantOrder, Kin, PreparedGrant
from cloud.stations.grants import Grants
from cloud.stations.keepers import Keepers
from cloud.stations.kit import StationKit
from cloud.stations.shown_codes import ShownCodes
from cloud.stations.sites import NewStation, Pairing, Sites
from cloud.stations.technicians import Technicians
from cloud.stations.views import CommandView, GrantView, KeeperView, StationDetail, StationView
from cloud.sync.gateway import EventCursor, Gateway, StoredEvent
from common.kit.chance import Chance
from common.kit.clock import Clock
from common.kit.sqldb import HubDb
from common.kit.work import Work

__all__ = [
    "GrantOrder",
    "GrantView",
    "Kin",
    "NewStation",
    "Pairing",
    "PreparedGrant",
    "StationPorts",
    "Stations",
    "typed",
]

RETIRE_AFTER_S = 48 * 3600
"""How long the rows of an ended grant stay at the station, for the keeper's page."""


@dataclass(frozen=True, slots=True)
class StationPorts:
    """What the room needs from the outside."""

    db: HubDb
    clock: Clock
    chance: Chance
    work: Work
    secrets: HubSecrets


class Stations:
    """Sites, keepers, grants and commands; `subscribe` once, before the gateway serves."""

    def __init__(self, ports: StationPorts, gateway: Gateway) -> None:
        """Build the use cases on one kit."""
        kit = StationKit(ports.db, gateway, ports.clock, ports.chance, ports.work, ports.secrets)
        self._kit = kit
        self.sites = Sites(kit)
        self.keepers = Keepers(kit)
        self.grants = Grants(kit)
        self.codes = ShownCodes(kit)
        self.capsules = Capsules(kit)
        self.technicians = Technicians(kit)
        self.commands = Commands(kit)
        self.enrolment = Enrolment(kit, self.sites)
        self._facts = Facts(self.grants, self.commands)

    def subscribe(self) -> None:
        """Take the events this room keeps something of."""
        self._facts.subscribe(self._kit.gateway)
        self._kit.gateway.on_fork(TOUCHING, Copies(self.grants).forked_tx)

    async def create_station(self, new: NewStation) -> str:
        """Write a new site (or the new texts of a known one) and return its id."""
        return await self.sites.create(new)

    async def pair(self, station_id: str, public_key: bytes) -> Pairing:
        """Register the device's public key and return what the device must keep."""
        return await self.sites.pair(station_id, public_key)

    async def set_keeper(
        self,
        station_id: str,
        *,
        display_name: str,
        pin: str | None,
        keeper_id: str | None = None,
        active: bool = True,
        by: str = "hub",
    ) -> KeeperView:
        """Write a keeper; see `Keepers.set`."""
        return await self.keepers.set(
            station_id,
            display_name=display_name,
            pin=pin,
            keeper_id=keeper_id,
            active=active,
            by=by,
        )

    async def command_open_door(
        self,
        station_id: str,
        *,
        label: str,
        reason: str,
        issued_by: str,
        expires_in_s: int = EXPIRES_S,
    ) -> CommandView:
        """Ask a station to open one door; see `Commands.open_door`."""
        return await self.commands.open_door(
            station_id, label=label, reason=reason, issued_by=issued_by, expires_in_s=expires_in_s
        )

    async def overview(self) -> tuple[StationView, ...]:
        """Return every station with its derived state."""
        return await self.sites.views()

    async def detail(self, station_id: str) -> StationDetail:
        """Return one station's page; NotFoundError."""
        return await self.sites.detail(station_id)

    async def events(
        self, station_id: str, *, before: EventCursor | None, limit: int
    ) -> list[StoredEvent]:
        """Return a station's newest events behind `before`, newest first; NotFoundError."""

        def read(connection: Connection) -> list[StoredEvent]:
            self._kit.station_tx(connection, station_id)
            return self._kit.gateway.events_tx(connection, station_id, before=before, limit=limit)

        return await self._kit.db.read(read)

    async def revoke_key(self, station_id: str, reason: str, by: str) -> None:
        """Let nobody speak for the station until it is paired anew; see `Sites.revoke_key`."""
        await self.sites.revoke_key(station_id, reason, by)

    async def readmit(self, station_id: str, daemon: str, by: str) -> None:
        """Let a daemon that was turned away speak for the station; see `Sites.readmit`."""
        await self.sites.readmit(station_id, daemon, by)

    def applied_op_tx(self, connection: Connection, station_id: str) -> int:
        """Return the op up to which everything rules at the station."""
        return self._kit.gateway.applied_op_tx(connection, station_id)

    async def sweep(self) -> None:
        """Do what only time brings about: expire grants and commands, settle revokes, retire rows."""
        now_ms = self._kit.now_ms()

        def write(connection: Connection) -> None:
            self.commands.sweep_tx(connection, now_ms)
            self.grants.expire_tx(connection, now_ms)
            self.grants.retire_tx(connection, now_ms - RETIRE_AFTER_S * 1000)

        await self._kit.db.write(write)
