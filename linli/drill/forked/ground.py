"""What every run starts from: images of both programs' files at three moments of a day in town, made once a process.

Making them is also the warm-up: both programs have run in this process before the first fork.
"""

import asyncio
import logging
import os
import shutil
import sqlite3
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from cloud.access.seeded import SeedAccess
from cloud.app import HubPorts
from cloud.config import HubConfig, HubSecrets
from common.kit.chance import Chance, seeded_chance
from common.kit.identity import StationSecrets
from common.kit.sqldb import SqlDb
from device_sim.config import CabinetConfig
from device_sim.config import load as load_cabinet
from edge.config import StationConfig
from edge.ports import EdgePorts
from linli.drill.alone import CABINET
from linli.journey.hub import HubUser
from linli.journey.story import Bought, bring, buy, put_in
from linli.world.clock import WorldClock
from linli.world.level1.life import CheapWork
from linli.world.loop import VirtualLoop, run_virtual
from linli.world.town import HUB_HOST, PORTS, Town

NEW, PAIRED, ANNOUNCED, PLACED = "new", "paired", "announced", "placed"
_MINE, _NEIGHBOURS = (("MILK-1L", 1), ("TEA-100", 1)), (("TOFU-400", 1),)
_SETTINGS = {
    "LINLI_DOORS__POLL_IDLE_S": "5",
    "LINLI_DOORS__LEFT_OPEN_S": "20",
    "LINLI_HUB__HEARTBEAT_S": "300",
    "LINLI_HUB__POLL_WAIT_S": "5",
    "LINLI_HUB__BACKOFF_MAX_S": "0.5",
    "LINLI_DISK__COPY_EVERY_S": "86400",
    "LINLI_DISK__RESERVE_MIB": "0",
    "LINLI_ZONE__0__SAMPLE_S": "30",
    "LINLI_ZONE__1__SAMPLE_S": "30",
}


@dataclass(frozen=True, slots=True)
class Image:
    """Files of a moment, what lay behind the doors then (door → parcel), and the second of the world."""

    folder: Path
    inside: dict[str, str]
    at_s: float


class SharedDb(SqlDb):
    """The hub's database with engines that know every statement already; the files come and go below them."""

    def __init__(self, shared: SqlDb) -> None:
        """Use the engines of `shared`, with listeners of its own."""
        self.url, self.is_sqlite, self.inline = shared.url, True, True
        self.engine, self._reader = shared.engine, shared._reader  # noqa: SLF001 - the same class
        self._writes, self._reads = shared._writes, shared._reads  # noqa: SLF001 - unused: no thread
        self._listeners = []

    def close(self) -> None:
        """Let go of the files; the engines stay."""
        self.engine.dispose()
        self._reader.dispose()


@dataclass(slots=True)
class Ground:
    """One process's ground, under `root`; a memory file system will do: what a killed program wrote is not lost."""

    root: Path
    access: SeedAccess = field(init=False)
    secrets: StationSecrets = field(init=False)
    hub_secrets: HubSecrets = field(init=False)
    station_config: StationConfig = field(init=False)
    mine: Bought = field(init=False)
    neighbours: Bought = field(init=False)
    tokens: tuple[str, ...] = ()
    """Bearer tokens of admin and operator."""
    qr: str = ""
    """What the app of the first order's buyer shows."""
    images: dict[str, Image] = field(default_factory=dict)
    cabinet: CabinetConfig = field(init=False)
    hub_config: HubConfig = field(init=False)
    _db: SqlDb = field(init=False)

    @property
    def live(self) -> Path:
        """Return the folder both programs work in."""
        return self.root / "live"

    def orders(self) -> int:
        """Return how many orders the hub has."""
        with closing(sqlite3.connect(self.live / "hub" / "hub.db")) as conn:
            return int(conn.execute("SELECT count(*) FROM customer_order").fetchone()[0])

    @property
    def station(self) -> Path:
        """Return the station's data folder."""
        return self.live / "station"

    def prepare(self) -> None:
        """Live a morning and keep its images."""
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.live.mkdir(parents=True)
        self.cabinet = load_cabinet(CABINET, os.environ)
        section = HubConfig().hub.model_copy(update={"data": self.live / "hub"})
        limits = HubConfig().limits.model_copy(update={"token_hours": 24 * 30})
        self.hub_config = HubConfig().model_copy(update={"hub": section, "limits": limits})
        self._db = SqlDb(self.hub_config.database_url(), inline=True)
        run_virtual(0, self._morning)
        self.hub_secrets = HubSecrets.open(
            self.live / "hub" / "hub-secrets.json", seeded_chance("unused: the file is there")
        )

    def lay_out(self, hub: str, station: str | None) -> None:
        """Put both programs' files back to an image, the station's perhaps to another one or to none."""
        self.hub_db().close()
        for name, image in (("hub", hub), ("station", station)):
            shutil.rmtree(self.live / name, ignore_errors=True)
            if image is not None:
                shutil.copytree(self.images[image].folder / name, self.live / name)

    def hub_db(self) -> SharedDb:
        """Return the hub's database for one life."""
        return SharedDb(self._db)

    def hub_ports(self, clock: WorldClock, chance: Chance) -> HubPorts:
        """Return what a hub needs."""
        return HubPorts(clock, chance, CheapWork(), lambda _url: self.hub_db(), self.hub_secrets)

    async def _morning(self, loop: VirtualLoop) -> None:
        town = _Town(loop, self)
        await town.prepare()
        self.access, self.station_config = town.access, town.station_config
        self.secrets = town.edge_ports(town.clock).secrets
        inside: dict[str, str] = {}
        await town.start_hub()
        await self._sign_in(town)
        await self._until(town, NEW, inside)
        await town.start_hub()
        await town.start_edge()
        await self._until(town, PAIRED, inside)
        await town.start_hub()
        await town.start_edge()
        async with AsyncExitStack() as closing:
            cast = await town.cast(closing)
            self.mine = await buy(cast, _MINE)
            self.neighbours = await buy(cast, _NEIGHBOURS)
            self.qr = str((await cast.buyer.get(f"/orders/{self.mine.order_id}"))["pickup"]["qr"])
            for bought in (self.mine, self.neighbours):
                await bring(cast, bought)
        await self._until(town, ANNOUNCED, inside)
        await town.start_hub()
        await town.start_edge()
        async with AsyncExitStack() as closing:
            cast = await town.cast(closing)
            for bought in (self.mine, self.neighbours):
                doors = await put_in(cast, bought)
                inside.update(zip(doors, bought.parcel_ids, strict=True))
                await cast.buyer.wait_for(f"/orders/{bought.order_id}", "state", "ready")
        await self._until(town, PLACED, inside)

    async def _sign_in(self, town: Town) -> None:
        """Get tokens that outlast every image."""
        connector = aiohttp.UnixConnector(path=f"{HUB_HOST}:{PORTS.hub}")
        async with aiohttp.ClientSession(connector=connector) as session:
            user = HubUser(session, f"http://127.0.0.1:{PORTS.hub}", seeded_chance("sign in"))
            self.tokens = tuple([
                str((await user.post("/sessions", {
                    "login": one["login"], "password": one["password"],
                }))["token"])
                for one in town.access.staff
                if one["role"] in ("admin", "operator")
            ])  # fmt: skip

    async def _until(self, town: Town, name: str, inside: dict[str, str]) -> None:
        """Let everything settle, switch both off and keep an image."""
        await asyncio.sleep(30)
        await town.stop(town.edge)
        await town.stop(town.hub)
        town.edge = town.hub = None
        self.hub_db().close()
        folder = self.root / name
        for part in ("hub", "station"):
            if (self.live / part).exists():
                shutil.copytree(self.live / part, folder / part)
        self.images[name] = Image(folder, dict(inside), town.loop.time())


class _Town(Town):
    """The town on the ground's database, hashing at the lowest cost."""

    def __init__(self, loop: VirtualLoop, ground: Ground) -> None:
        super().__init__(loop, 0, ground.cabinet, ground.live)
        self._ground = ground
        self.settings = _SETTINGS

    def _hub_config(self) -> HubConfig:
        return self._ground.hub_config

    def hub_ports(self) -> HubPorts:
        return replace(
            super().hub_ports(), work=CheapWork(), open_db=lambda _url: self._ground.hub_db()
        )

    def edge_ports(self, clock: WorldClock) -> EdgePorts:
        return replace(super().edge_ports(clock), work=CheapWork())


def no_connector() -> aiohttp.BaseConnector:
    """Refuse: a forked station has no sockets."""
    raise RuntimeError("a forked station has no sockets")
