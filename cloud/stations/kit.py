"""What every use case of the stations room works with."""

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from cloud.access.service import audit_tx
from cloud.config import HubSecrets
from cloud.stations.store import sites
from cloud.stations.store.sites import StationRecord
from cloud.sync.alarms import alarm_tx
from cloud.sync.gateway import Gateway
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.errors import NotFoundError
from common.kit.ids import new_id
from common.kit.sqldb import HubDb
from common.kit.work import Work

FOREIGN = "foreign"
"""Kind of the alarm of a station that reports about what is another's."""


@dataclass(frozen=True, slots=True)
class StationKit:
    """Ports and neighbours of the room."""

    db: HubDb
    gateway: Gateway
    clock: Clock
    chance: Chance
    work: Work
    secrets: HubSecrets

    def now_ms(self) -> int:
        """Return the wall time in milliseconds."""
        return to_ms(self.clock.wall())

    def new_id(self) -> str:
        """Return a fresh ULID."""
        return new_id(self.clock, self.chance)

    def audit_tx(self, connection: Connection, *, who: str, what: str, about: str) -> None:
        """Write down who did what to the audit, inside the transaction that does it."""
        audit_tx(connection, clock=self.clock, who=who[:80], what=what, about=about[:120])

    def is_own_tx(self, connection: Connection, speaker: str, owner: str, about: str) -> bool:
        """Return whether `speaker` reports what is its own; when it is another station's, a person is told."""
        if speaker == owner:
            return True
        alarm_tx(connection, speaker, FOREIGN, f"{about} of station {owner}", self.now_ms())
        return False

    def station_tx(self, connection: Connection, station_id: str) -> StationRecord:
        """Return the station; NotFoundError."""
        record = sites.one_station(connection, station_id)
        if record is None:
            raise NotFoundError(
                "station.not_found", "there is no such station", station_id=station_id
            )
        return record
