"""What the station keeps on its disk: the folder's lock, both databases, the watch over damage and over free space."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

from common.contract.events import StorageLevelChanged
from common.kit.disk import MIB, Disk, DiskLevel, DiskLimits, ReservedDb
from common.kit.errors import UnavailableError
from common.kit.soundness import is_sound, set_aside
from common.kit.sqlite import foreseen
from edge.config import DiskSection, StationConfig
from edge.data_folder import lock, migrate_tx
from edge.ports import EdgePorts
from edge.salvage import StateGuard
from edge.tables import STATE_MIGRATIONS, TELEMETRY_MIGRATIONS

DISK_LOOK_S = 10.0
_log = logging.getLogger(__name__)


class Stores:
    """Open from its making until `close`."""

    def __init__(self, ports: EdgePorts, config: StationConfig, data: Path) -> None:
        """Take the folder; `edge.locked`, `storage.disk` and the errors of a damaged database say why not."""
        self._ports, self._data = ports, data
        self.on_disk_level: list[Callable[[DiskLevel], None]] = []
        self._lock = lock(data)
        try:
            self._open(config)
        except (sqlite3.DatabaseError, OSError, UnavailableError) as error:
            self._lock.close()
            if isinstance(error, OSError):
                raise UnavailableError("storage.disk", f"{data}: {error.strerror}") from error
            raise foreseen(error) from error

    def _open(self, config: StationConfig) -> None:
        """Look at the disk first: on a full one only the reserve makes room to open a database."""
        data, ports = self._data, self._ports
        self.disk = Disk(data, ports.space(data), _limits(config.disk))
        if not is_sound(data / "telemetry.db", ports.clock):
            _log.error("the temperature record is begun anew: %s", set_aside(data / "telemetry.db"))
        self.guard = StateGuard(data, ports.secrets, config, ports.clock, self.disk, ports.read_at)
        at = ports.clock.wall()
        state = self.guard.open(ports.open_db, lambda conn: migrate_tx(conn, STATE_MIGRATIONS, at))
        self.state = ReservedDb(state, self.disk, ports.work, self.guard.found)
        self.telemetry = ports.open_db(data / "telemetry.db")

    async def migrate(self) -> None:
        """Bring both databases to this program's tables."""
        at = self._ports.clock.wall()
        await self.state.write(lambda conn: migrate_tx(conn, STATE_MIGRATIONS, at))
        await self.telemetry.write(lambda conn: migrate_tx(conn, TELEMETRY_MIGRATIONS, at))

    async def watch_disk(self, report: Callable[[StorageLevelChanged], Awaitable[None]]) -> None:
        """Look at the free space until cancelled and report when its level changes."""
        told = DiskLevel.OK
        while True:
            level = await self._ports.work.run(self.disk.look)
            if level is not told:
                told = level
                for tell in self.on_disk_level:
                    tell(level)
                free_mib = self.disk.free_bytes // MIB
                await report(StorageLevelChanged(level=level.value, free_mib=free_mib))
            await asyncio.sleep(DISK_LOOK_S)

    def close(self) -> None:
        """Finish the writers and let go of the folder."""
        self.state.close()
        self.telemetry.close()
        self._lock.close()


def _limits(part: DiskSection) -> DiskLimits:
    return DiskLimits(
        part.low_mib * MIB, part.critical_mib * MIB, part.full_mib * MIB, part.reserve_mib * MIB
    )
