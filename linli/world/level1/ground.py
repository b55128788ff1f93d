"""What every seed of a process starts from: a seeded hub and a paired station as file images, made once.

The hub's engines live as long as the process, so that SQLAlchemy compiles each statement once, not once a seed.
"""

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cloud.access.seeded import SeedAccess
from cloud.app import HubPorts, Rooms
from cloud.config import HubConfig, HubSecrets
from cloud.migrations import upgrade_tx
from cloud.seed import seed
from common.kit.chance import Chance, seeded_chance
from common.kit.config import load_toml
from common.kit.identity import StationSecrets, new_private_key, public_key
from common.kit.sqldb import SqlDb
from common.kit.sqlite import SqliteDb
from device_sim.config import load as load_cabinet
from edge.config import StationConfig
from edge.data_folder import migrate_tx
from edge.tables import STATE_MIGRATIONS, TELEMETRY_MIGRATIONS
from linli.demo.ports import Ports
from linli.demo.station_file import station_toml
from linli.world.clock import DAWN, WorldClock
from linli.world.level1.life import CheapWork
from linli.world.level1.opening import Opening, first_ops
from linli.world.loop import VirtualLoop, run_virtual
from linli.world.scenario import Level, Plan

_CABINET = Path(__file__).parents[3] / "cabinets" / "yangguangli-3.toml"
# What a quiet site does all day, as seldom as it may: at level 1 news wakes everybody.
CALM = {
    "LINLI_DISK__COPY_EVERY_S": "259200",
    "LINLI_DISK__RESERVE_MIB": "0",
    "LINLI_DOORS__POLL_IDLE_S": "1",
    "LINLI_DOORS__POLL_ACTIVE_S": "0.2",
    "LINLI_HUB__HEARTBEAT_S": "43200",
    "LINLI_HUB__POLL_WAIT_S": "60",
    "LINLI_HUB__BACKOFF_MAX_S": "600",
    "LINLI_ZONE__0__SAMPLE_S": "86400",
    "LINLI_ZONE__1__SAMPLE_S": "86400",
}


_BACKOFF_S = 120.0  # where catching up is timed; production waits a minute at most


@dataclass(frozen=True, slots=True)
class Paired:
    """Who can get in where, and the station's own secrets."""

    access: SeedAccess
    station: StationSecrets
    opening: Opening


class Ground:
    """One process's ground; `fresh` lays it out anew for a seed."""

    def __init__(self, root: Path) -> None:
        """Prepare under `root`; best on a memory file system."""
        self.root = root
        self._image = root / "image"
        for folder in (self.hub, self.station, self._image):
            folder.mkdir(parents=True)
        section = HubConfig().hub.model_copy(update={"data": self.hub})
        self.hub_config = HubConfig().model_copy(update={"hub": section})
        self.hub_secrets = HubSecrets.new(seeded_chance("ground|keys"))
        self.db = SqlDb(self.hub_config.database_url(), inline=True)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.paired = run_virtual(0, self._prepare)
        self.config = self._station_config()
        self._keep()

    @property
    def opening(self) -> Opening:
        """Return what a model of the hub begins with."""
        return self.paired.opening

    @property
    def hub(self) -> Path:
        """Return the hub's data folder."""
        return self.root / "hub"

    @property
    def station(self) -> Path:
        """Return the station's data folder."""
        return self.root / "station"

    def fresh(self, level: Level = Level.ROOMS) -> None:
        """Put both programs' files back to what they were before the first day; a model has none."""
        folders = [self.station]
        if level is Level.ROOMS:
            self._let_go()
            folders.append(self.hub)
        for folder in folders:
            shutil.rmtree(folder)
            shutil.copytree(self._image / folder.name, folder)

    def restore_hub(self, copy: Path) -> None:
        """Put a backup of the hub's database in its place, as an operator does while the hub is stopped."""
        self._let_go()
        for part in ("", "-wal", "-shm"):
            (self.hub / f"hub.db{part}").unlink(missing_ok=True)
        shutil.copy(copy, self.hub / "hub.db")

    def close(self) -> None:
        """Remove everything."""
        self._let_go()
        self.db.close()
        shutil.rmtree(self.root)

    def hub_ports(self, clock: WorldClock, chance: Chance, db: SqlDb) -> HubPorts:
        """Return what the hub's rooms need."""
        return HubPorts(
            clock=clock,
            chance=chance,
            work=CheapWork(),
            open_db=lambda _url: db,
            secrets=self.hub_secrets,
        )

    def config_for(self, plan: Plan) -> StationConfig:
        """Return the station's configuration for such a week."""
        if plan.sample_s is None:
            return self.config
        zones = tuple(
            one.model_copy(update={"sample_s": plan.sample_s}) for one in self.config.zone
        )
        hub = self.config.hub.model_copy(update={"backoff_max_s": _BACKOFF_S})
        return self.config.model_copy(update={"zone": zones, "hub": hub})

    async def _prepare(self, loop: VirtualLoop) -> Paired:
        clock = WorldClock(loop, boot_id="ground")
        ports = self.hub_ports(clock, seeded_chance("ground|hub"), self.db)
        self.db.write_now(upgrade_tx)
        rooms = Rooms(ports, self.hub_config, self.db)
        access = await seed(rooms, ports, self._image)
        key = new_private_key(seeded_chance("ground|station"))
        pairing = await rooms.stations.pair(access.station_id, public_key(key))
        for path, migrations in (
            ("state.db", STATE_MIGRATIONS),
            ("telemetry.db", TELEMETRY_MIGRATIONS),
        ):
            db = SqliteDb(self.station / path, inline=True, synchronous="OFF")
            await db.write(lambda conn, m=migrations: migrate_tx(conn, m, DAWN))  # type: ignore[misc]
            db.close()
        secrets = StationSecrets(
            pairing.station_id, key, pairing.pepper, pairing.code_salt, pairing.hub_command_key
        )
        return Paired(access, secrets, await self._opening(rooms, access, secrets))

    async def _opening(self, rooms: Rooms, access: SeedAccess, station: StationSecrets) -> Opening:
        people = [await rooms.people.by_phone(one["phone"]) for one in access.residents]
        return Opening(
            secrets=self.hub_secrets,
            station=station,
            products={one.sku: one for one in await rooms.catalog.products()},
            people={one.person_id: one for one in people if one is not None},
            ops=self.db.read_now(first_ops),
        )

    def _station_config(self) -> StationConfig:
        cabinet = load_cabinet(_CABINET, os.environ)
        text = station_toml(
            cabinet,
            station_id=self.paired.access.station_id,
            ports=Ports.from_base(8800),
            ptys=self.root,
        )
        path = self._image / "station.toml"
        path.write_text(text, encoding="utf-8")
        return load_toml(StationConfig, path, CALM)

    def _keep(self) -> None:
        self._let_go()
        for folder in (self.hub, self.station):
            shutil.copytree(folder, self._image / folder.name)

    def _let_go(self) -> None:
        """Close the files; the engines open them again when they are asked."""
        self.db.engine.dispose()
        self.db._reader.dispose()  # noqa: SLF001 - the one place that lives longer than a file
