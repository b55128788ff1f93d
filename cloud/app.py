"""Builds the hub: every room, its neighbours and its jobs; the only place in `cloud` that knows them all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from cloud.access.routes import AccessRoutes
from cloud.access.sealing import Sealer
from cloud.access.service import Access
from cloud.api.assemble import add_api, add_document
from cloud.api.gate import HubGate, RateLimit
from cloud.api.idempotency import ClaimingDb, Idempotency
from cloud.catalog.routes import CatalogRoutes
from cloud.catalog.service import Catalog
from cloud.cdp.routes import PeopleRoutes
from cloud.cdp.service import People
from cloud.config import HubConfig, HubSecrets
from cloud.migrations import upgrade_tx
from cloud.money.service import Money
from cloud.orders.routes import OrderRoutes
from cloud.orders.service import OrderPorts, Orders
from cloud.stations.routes import StationRoutes
from cloud.stations.service import StationPorts, Stations
from cloud.sync import (
    Gateway,
    GatewayPorts,
    Shelf,
    SyncServer,
    Timekeeper,
    TlsGateway,
    refuse_plain,
)
from cloud.web.assemble import add_web
from cloud.web.frame import WebPorts
from common.kit.chance import Chance
from common.kit.clock import Clock
from common.kit.errors import LinliError
from common.kit.metrics import add_metrics
from common.kit.openapi import Route, routes_of
from common.kit.sqldb import SqlDb
from common.kit.sqlwatch import watch
from common.kit.web import Limits, WebServer, make_app
from common.kit.work import Work

_SWEEP_S = 60.0
_PURGE_S = 3600.0
CLOCK_OFF = "How far the clock stands from the last sweep while it is not believed; 0 is well"
CERTIFICATE = "Until the first certificate of a station ends; NaN: none has one. Below a week: a station is away"
HANDSHAKES = "TLS handshakes that failed since the start; the log says with whom and why"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HubPorts:
    """What the hub needs from the outside."""

    clock: Clock
    chance: Chance
    work: Work
    open_db: Callable[[str], SqlDb]
    secrets: HubSecrets


class Rooms:
    """The domains on one store; also used by seed, verify and pair, without a server."""

    def __init__(self, ports: HubPorts, config: HubConfig, db: SqlDb) -> None:
        """Build every room; `db` is the plain store, domains see it through the idempotency claim."""
        self.db = db
        clock, chance, work, secrets = ports.clock, ports.chance, ports.work, ports.secrets
        domain_db = ClaimingDb(db)
        self._ports, self._domain_db = ports, domain_db
        self.access = Access(
            domain_db,
            clock,
            chance,
            work,
            login_failures=config.limits.login_failures,
            token_hours=config.limits.token_hours,
        )
        self.catalog = Catalog(domain_db)
        self.people = People(
            domain_db,
            clock,
            chance,
            index_key=secrets.derive("phone-index"),
            phone_key=secrets.derive("phone"),
        )
        self.money = Money(clock, chance)
        self.gateway = Gateway()
        self.timekeeper = Timekeeper(clock)
        self.gateway.on_hello.append(self.timekeeper.hear)
        self.stations = Stations(
            StationPorts(domain_db, clock, chance, work, secrets), self.gateway
        )
        self.stations.subscribe()
        self.orders = Orders(
            OrderPorts(domain_db, clock, chance, secrets), self.stations, self.money
        )
        self.orders.subscribe(self.gateway)
        self.idempotency = Idempotency(
            db,
            clock,
            key=secrets.derive("idempotency"),
            sealer=Sealer(secrets.derive("answers"), chance),
        )

    def web_ports(self) -> WebPorts:
        """Return what the pages use; their forms count once by the same claims as the JSON routes."""
        return WebPorts(
            access=self.access,
            stations=self.stations,
            orders=self.orders,
            catalog=self.catalog,
            people=self.people,
            gateway=self.gateway,
            once=self.idempotency,
            db=self._domain_db,
            clock=self._ports.clock,
            chance=self._ports.chance,
        )

    def routes(self) -> tuple[Route, ...]:
        """Return every JSON operation of every room."""
        holders = (
            AccessRoutes(self.access),
            CatalogRoutes(self.catalog),
            PeopleRoutes(self.people),
            StationRoutes(self.stations),
            OrderRoutes(self.orders),
        )
        return tuple(found for holder in holders for found in routes_of(holder))


class Hub:
    """The running hub."""

    def __init__(self, ports: HubPorts, config: HubConfig) -> None:
        """Build everything; nothing listens before `run`."""
        self.config = config
        self.ready = asyncio.Event()
        self.db = ports.open_db(config.database_url())
        self.rooms = Rooms(ports, config, self.db)
        self.gateway = self._tls_gateway(ports)
        self.gateway_web: WebServer | None = None
        self.app = self._application(ports)
        self.web = WebServer(self.app, config.hub.host, config.hub.port)

    async def run(self) -> None:
        """Migrate, listen, sweep until cancelled; then let held requests end and close the store."""
        try:
            await self.db.write(upgrade_tx)
            await self.web.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(self.web.run(), name="web")
                group.create_task(watch(self.db), name="other writers")
                group.create_task(_every(_SWEEP_S, self._sweep), name="sweep")
                group.create_task(_every(_PURGE_S, self._purge), name="purge")
                if self.gateway_web is not None:
                    await self.gateway_web.start()
                    group.create_task(self.gateway_web.run(), name="stations' port")
                self.ready.set()
                _log.info("hub listens on %s", self.web.url)
        finally:
            self.ready.clear()
            self.db.close()

    def _application(self, ports: HubPorts) -> web.Application:
        config, limits, rooms = self.config, self.config.limits, self.rooms
        granted = Limits(connections=limits.connections, body_bytes=limits.body_bytes)
        app = make_app(
            hosts=config.host_names(),
            limits=granted,
            not_ready=lambda: () if self.ready.is_set() else ("the database is being prepared",),
        )
        add_metrics(app, self._gauges())
        gate = HubGate(rooms.access, rooms.idempotency, RateLimit(limits.requests_per_minute))
        add_api(app, rooms.routes(), gate)
        shelf = Shelf(self.db, config.hub.data / "blobs", ports.work)
        certificates = None if self.gateway is None else self.gateway.certificates
        server = SyncServer(
            rooms.gateway, self.db, ports.clock, shelf=shelf, certificates=certificates
        )
        if self.gateway is None:
            server.routes(app)
        else:
            self.gateway_web = self.gateway.serve(server, granted, rooms.stations.enrolment.answer)
            refuse_plain(app, config.gateway.port)
        secure = config.public_url().startswith("https:")
        add_web(app, rooms.web_ports(), self.db, secure=secure)
        add_document(app, ports.work)
        return app

    def _tls_gateway(self, ports: HubPorts) -> TlsGateway | None:
        if not self.config.gateway.tls:
            return None
        needs = GatewayPorts(self.db, ports.clock, ports.chance, ports.secrets)
        return TlsGateway(needs, self.config.gateway, self.config.gateway_names())

    def _gauges(self) -> dict[str, tuple[str, Callable[[], float]]]:
        gauges = {"linli_hub_clock_off_seconds": (CLOCK_OFF, self._clock_off_s)}
        if (gateway := self.gateway) is not None:
            gauges["linli_hub_station_certificate_seconds"] = (
                CERTIFICATE, gateway.certificates.seconds_left,
            )  # fmt: skip
            gauges["linli_hub_tls_handshakes_failed"] = (HANDSHAKES, gateway.handshakes_failed)
        return gauges

    def _clock_off_s(self) -> float:
        return self.rooms.timekeeper.off_ms / 1000

    async def _may_end(self) -> bool:
        """Ask whether the clock can be believed; what time ends, it ends for good."""
        return await self.db.write(self.rooms.timekeeper.judge_tx)

    async def _sweep(self) -> None:
        if self.gateway is not None:
            await self.gateway.certificates.look()
        if not await self._may_end():
            return
        await self.rooms.stations.sweep()
        await self.rooms.orders.sweep()

    async def _purge(self) -> None:
        if not await self._may_end():
            return
        await self.rooms.access.purge()
        await self.rooms.idempotency.purge()


def build_hub(ports: HubPorts, config: HubConfig) -> Hub:
    """Return the hub; ValueError for predictable chance on a real loop."""
    if ports.chance.seeded and not getattr(asyncio.get_running_loop(), "virtual", False):
        raise ValueError("seeded chance must not guard real doors: use system_chance()")
    return Hub(ports, config)


async def _every(period_s: float, job: Callable[[], Awaitable[None]]) -> None:
    """Run `job` again and again; a failure is logged and the next round tries anew."""
    while True:
        try:
            await job()
        except LinliError as error:
            _log.warning("%s: %s", getattr(job, "__qualname__", job), error.detail)
        except Exception:  # noqa: BLE001 - supervised edge: one bad round must not stop the hub
            _log.exception("%s failed", getattr(job, "__qualname__", job))
        await asyncio.sleep(period_s)
