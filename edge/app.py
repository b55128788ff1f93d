"""Builds the station daemon: every room, its neighbours and its jobs; the only place in `edge` that knows them all.

Order of a start: lock, tables, boot epoch, relays off, sensors, open intents; only then is anybody served.
"""

import asyncio
import hashlib
import logging
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from common.contract.base import Message
from common.contract.events import BusStateChanged
from common.kit.clock import from_ms
from common.kit.failpoints import fp
from common.kit.trusted_time import TrustedTime
from common.kit.web import WebServer
from common.ui.charts import Sample
from edge import access, parcels, pickup
from edge.access.budget import KeeperBudget, RemoteBudget
from edge.access.code_check import CodeCheck
from edge.access.commands import Commands
from edge.access.keepers import KeeperPins
from edge.access.limiter import Limiter
from edge.access.powered import PoweredTime
from edge.access.qr_check import QrCheck
from edge.climate import Climate
from edge.config import StationConfig
from edge.doors import Doors
from edge.hardware.peripherals import Peripherals
from edge.jobs import going_on, lasting
from edge.parcels import Parcels
from edge.peripherals import WEDGE
from edge.pickup.desk import KeeperDesk
from edge.pickup.facts import StationFacts
from edge.pickup.flow import PickupFlow
from edge.pickup.grants import Grants, GrantSweeper
from edge.pickup.judge import CodeJudge
from edge.pickup.maintenance import Maintenance
from edge.pickup.papers import Papers
from edge.pickup.put_in import PutIn
from edge.pickup.sessions import Sessions
from edge.pickup.started import started
from edge.ports import EdgePorts
from edge.screen import ScreenServices, make_keeper_app, make_kiosk_app
from edge.screen.facts import ScreenFacts
from edge.screen.scans import ScanFeed
from edge.stores import Stores
from edge.sync import BlobStore, HubLink, LinkPorts, Outbox, Replica

VERSION = "0.1.0"
# Below the hub's 15 s, so that no request meets a connection that is just being closed.
HUB_KEEPALIVE_S = 8.0
_log = logging.getLogger(__name__)


class Edge:
    """The running station; rooms are attributes, `run()` is its life."""

    def __init__(self, ports: EdgePorts, config: StationConfig, data: Path) -> None:
        """Build everything; nothing moves and nothing listens before `run`."""
        self.config, self.ports = config, ports
        self.ready = asyncio.Event()
        self.stores = Stores(ports, config, data)
        self.state_db, self.telemetry_db = self.stores.state, self.stores.telemetry
        self.disk, self.guard = self.stores.disk, self.stores.guard
        # Every room is given this clock: a wall clock that jumps reaches none of them.
        self.clock = clock = TrustedTime(ports.clock)
        db = self.state_db
        self.outbox = Outbox(db, clock, ports.chance, config.station.id)
        self.replica = Replica(db, self.outbox, clock)
        for table in (*parcels.REPLICA_TABLES, *access.REPLICA_TABLES, *pickup.REPLICA_TABLES):
            self.replica.register(table)
        self.blobs = BlobStore(db, data / "blobs", ports.work, clock, self.outbox)
        self.link = HubLink(
            LinkPorts(
                clock,
                ports.chance,
                ports.connector,
                ports.secrets,
                ports.hub_client,
                clock,
                lasting,
            ),
            config.hub,
            db,
            self.outbox,
            self.replica,
            VERSION,
            self.blobs,
        )
        self.hardware = ports.hardware(config, ports.open_line)
        self.peripherals = Peripherals(config, ports.open_line, self.hardware)
        types = config.scanner is not None and config.scanner.kind == WEDGE
        self.scans = ScanFeed(self.peripherals.scanner, types=types)
        self.doors = Doors(
            db, self.hardware.door_bus, self.outbox, config.doors, clock, ports.chance
        )
        self.climate = Climate(
            db,
            self.telemetry_db,
            self.outbox,
            self.hardware,
            config,
            clock,
            lambda: self.disk.level.keeps_every,
        )
        self.parcels = Parcels(config, clock, self.outbox)
        self.powered = PoweredTime(clock)
        self._build_pickup()
        self.facts = StationFacts(
            config, db, self.doors, self.parcels, self.climate, self.link, self.outbox,
            (self.doors.watch, self.desk.watch, self.pickup.watch),
        )  # fmt: skip
        self.faces = self._build_faces() if ports.pages else ()
        self._bus_news: asyncio.Queue[BusStateChanged] = asyncio.Queue()
        self.hardware.on_bus_change(self._on_bus)
        self.peripherals.listeners.append(self._on_bus)

    def _build_pickup(self) -> None:
        config, clock, db, powered = self.config, self.clock, self.state_db, self.powered
        chance, work, secrets = self.ports.chance, self.ports.work, self.ports.secrets
        self.grants = Grants(clock, self.outbox)
        limits = config.limiter
        self.limiter = Limiter(
            "keypad",
            powered,
            burst=limits.burst,
            refill_s=limits.refill_s,
            max_failures=limits.off_failures_24h,
            step_up_failures=limits.max_failures_24h,
        )
        self.sessions = Sessions(
            config, clock, chance, self.doors, self.parcels, self.grants, self.outbox
        )
        qr = QrCheck(secrets)
        self.judge = CodeJudge(clock, self.grants, self.sessions, self.limiter, qr, self.outbox)
        check = CodeCheck(secrets, work)
        self.pickup = PickupFlow(
            config, clock, db, self.doors, self.parcels, self.sessions, self.judge, self.limiter,
            check, self.outbox,
        )  # fmt: skip
        self.maintenance = Maintenance(
            clock, db, self.doors, self.parcels, qr, KeeperBudget(powered), self.outbox
        )
        self.papers = Papers(clock, db, self.grants, qr, self.outbox, self.pickup.refresh)
        self.pins = KeeperPins(db, work, chance, powered)
        put_in = PutIn(
            clock, chance, self.doors, self.parcels, self.grants, self.outbox,
            self._refuse_obligations,
        )  # fmt: skip
        self.desk = KeeperDesk(
            config, clock, db, self.doors, self.parcels, put_in, self.pins, KeeperBudget(powered),
            self.outbox,
        )  # fmt: skip
        budget = RemoteBudget(powered, len(config.compartment))
        self.commands = Commands(secrets, clock, db, self.doors, budget, self.outbox)
        self.sweeper = GrantSweeper(db, self.grants, self.outbox, self.pickup.refresh)
        self.replica.on_applied += [self.sweeper.wake, self.commands.wake]

    def _build_faces(self) -> tuple[WebServer, ...]:
        services = ScreenServices(
            pickup=self.pickup,
            papers=self.papers,
            maintenance=self.maintenance,
            desk=self.desk,
            facts=ScreenFacts(self.facts, self.clock, self.disk),
            history=self._history,
            config=self.config,
            clock=self.clock,
            stay=self.pickup.stay,
            scans=self.scans,
            build_id=hashlib.sha256(VERSION.encode()).hexdigest()[:12],
        )
        screen = self.config.screen
        return (
            # The kiosk acts for whoever stands before the screen: it must never be reachable from outside.
            WebServer(make_kiosk_app(services), "127.0.0.1", screen.kiosk_port),
            WebServer(make_keeper_app(services), screen.keeper_host, screen.keeper_port),
        )

    async def run(self) -> None:
        """Start in order, serve until cancelled, stop in order; a second run is refused."""
        try:
            boot_reason = await self._prepare()
            async with asyncio.TaskGroup() as group:
                group.create_task(self.hardware.run(), name="hardware")
                await self.doors.start()
                fp("edge.doors_settled")
                await self._start_rooms(boot_reason)
                self._start_jobs(group)
                for face in self.faces:
                    await face.start()
                    group.create_task(face.run(), name=f"pages on {face.url}")
                self.ready.set()
                if self.faces:
                    _log.info("kiosk on %s, keeper on %s", *(face.url for face in self.faces))
        finally:
            self.ready.clear()
            self.close()

    def close(self) -> None:
        """Finish the writers and let go of the data folder; also for an Edge that never ran."""
        self.stores.close()

    async def _prepare(self) -> str:
        await self.stores.migrate()
        await self.state_db.write(self.clock.load_tx)
        await self.replica.prepare()
        await self.outbox.boot()
        await self.link.fence.settle()
        await self.blobs.start()
        reason = await self.state_db.read(self._boot_reason)
        await self.state_db.write(self.powered.now_tx)
        return reason

    async def _start_rooms(self, boot_reason: str) -> None:
        await self.climate.start()
        await self.commands.start()
        await self.sweeper.sweep()
        await self.pickup.start()
        await self.desk.start()
        await self.facts.start()
        await self.guard.tell(self._report)
        await self._report(started(self.config, self.doors.view(), VERSION, boot_reason))

    def _start_jobs(self, group: asyncio.TaskGroup) -> None:
        jobs = {
            "doors": self.doors.run(),
            "pickup": self.pickup.run(),
            "desk": self.desk.run(),
            "facts": self.facts.run(),
            "climate": going_on("climate", self.climate.run),
            "powered time": going_on(
                "powered time", lambda: self.powered.run(self.state_db, self._minute_tx)
            ),
            "grants": going_on("grants", self.sweeper.run),
            "commands": going_on("commands", self.commands.run),
            "bus news": going_on("bus news", self._tell_bus_news),
            "disk": going_on("disk", lambda: self.stores.watch_disk(self._report)),
            "hub link": going_on("hub link", lambda: lasting("hub link", self.link.run)),
            "copies": self.guard.run(self.state_db, self.ports.work),
            "damage": self.guard.watch(),
        }
        if self.peripherals.states:
            jobs |= {"peripherals": self.peripherals.run(), "scans": self.scans.run()}
        for name, job in jobs.items():
            group.create_task(job, name=name)

    def _minute_tx(self, conn: sqlite3.Connection) -> None:
        self.clock.save_tx(conn)
        self.judge.keypad_news_tx(conn)

    def _boot_reason(self, conn: sqlite3.Connection) -> str:
        return "restart" if self.powered.boot_id_tx(conn) == self.ports.clock.boot_id else "cold"

    def _refuse_obligations(self) -> None:
        """Raise when nothing may be put in: the disk is short of room, or no code would give it out again."""
        self.disk.refuse_obligations()
        self.link.fence.refuse()

    def _on_bus(self, bus: str, unit: int | None, up: bool, detail: str) -> None:
        self._bus_news.put_nowait(BusStateChanged(bus=bus, unit=unit, up=up, detail=detail))

    async def _tell_bus_news(self) -> None:
        while True:
            await self._report(await self._bus_news.get())

    async def _report(self, body: Message) -> None:
        at = self.clock.wall()
        await self.state_db.write(lambda conn: self.outbox.append_tx(conn, body, occurred_at=at))
        self.outbox.kick()

    async def _history(self, zone: str, since: datetime) -> Sequence[Sample]:
        points = await self.climate.history(zone, since)
        return tuple(Sample(from_ms(point.at_ms), point.temperature_c) for point in points)


def build_edge(ports: EdgePorts, config: StationConfig, data: Path) -> Edge:
    """Return the station; ValueError for predictable chance on a real loop, `edge.locked` for a second daemon."""
    if ports.chance.seeded and not getattr(asyncio.get_running_loop(), "virtual", False):
        raise ValueError("seeded chance must not guard real doors: use system_chance()")
    return Edge(ports, config, data)
