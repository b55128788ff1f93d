"""A hub without HTTP on either engine, with a station that reports through the real event intake."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.catalog.checks import violations as catalog_violations
from cloud.catalog.service import Catalog, Product
from cloud.cdp.service import People
from cloud.config import HubSecrets
from cloud.money.checks import violations as money_violations
from cloud.money.service import Money
from cloud.orders.checks import violations as order_violations
from cloud.orders.service import OrderPorts, Orders
from cloud.stations.checks import violations as station_violations
from cloud.stations.service import NewStation, StationPorts, Stations
from cloud.sync.gateway import Gateway
from cloud.sync.ingest import Accepted, ingest_tx
from cloud.sync.models import quarantine
from cloud.sync.models import row as feed_row
from cloud.sync.models import station as sync_station
from common.contract.base import Message
from common.contract.chain import Link, next_link
from common.contract.events import EVENT_TYPES, ReplicaApplied, StationStarted, type_of
from common.contract.protocol import START, EventsBatch, Position, WireEvent
from common.contract.replica import REPLICA_TABLES
from common.contract.words import Lane, Size, TemperatureClass
from common.kit.chance import Chance, seeded_chance
from common.kit.clock import to_ms
from common.kit.sqldb import SqlDb
from common.kit.work import ThreadWork

STATION_ID = "01K0TESTSTATN0000000000001"
OTHER_ID = "01K0TESTSTATN0000000000009"
DOORS = ("A01", "A02", "A03", "B01")


class HandClock:
    """A clock the test moves."""

    boot_id = "test"

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 8, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return self.now.timestamp()

    def wall(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class World:
    """Every room this test needs, on one store."""

    db: SqlDb
    clock: HandClock
    chance: Chance
    work: ThreadWork
    secrets: HubSecrets
    gateway: Gateway
    stations: Stations
    catalog: Catalog
    people: People
    money: Money
    orders: Orders
    heads: dict[tuple[str, Lane], Position] = field(default_factory=dict)
    last: EventsBatch | None = None

    def now_ms(self) -> int:
        return to_ms(self.clock.wall())

    async def report(self, *bodies: Message, station_id: str = STATION_ID) -> None:
        """Let the station's events arrive, each in a batch of its own, the way the gateway takes them."""
        for body in bodies:
            await self.tell(type_of(body), body.model_dump_json(), station_id=station_id)

    async def tell(self, type_: str, body: str, *, station_id: str = STATION_ID) -> None:
        """Let an event of any text arrive, also one that no station of ours would send."""
        lane = EVENT_TYPES[type_][0]
        after = self.heads.get((station_id, lane), START)
        event = WireEvent(
            boot_epoch=1, seq=after.seq + 1, occurred_at_ms=self.now_ms(), type=type_, body=body
        )
        link = Link(
            station_id, lane.value, 1, event.seq, event.occurred_at_ms, event.type, 1, event.body
        )
        chain = next_link(bytes.fromhex(after.chain), link).hex()
        batch = EventsBatch(lane=lane, after=after, events=(event,), chain=chain)
        await self.deliver(batch, station_id)
        self.heads[station_id, lane] = Position(boot_epoch=1, seq=event.seq, chain=chain)
        self.last = batch

    async def deliver(self, batch: EventsBatch, station_id: str = STATION_ID) -> None:
        """Take a batch in; once more is nothing new."""

        def write(connection: Connection) -> object:
            return ingest_tx(connection, station_id, batch, self.now_ms(), self.gateway.handlers)

        assert isinstance(await self.db.write(write), Accepted)

    async def apply_all(self, station_id: str = STATION_ID) -> None:
        """Let the station report that it has applied everything up to the head."""

        def read(connection: Connection) -> tuple[int, int]:
            found = connection.execute(
                sa.select(sync_station.c.gen, sync_station.c.head_op).where(
                    sync_station.c.station_id == station_id
                )
            ).one()
            return found.gen, found.head_op

        gen, op = await self.db.read(read)
        await self.report(ReplicaApplied(gen=gen, op=op), station_id=station_id)

    async def rows(self, table: str, station_id: str = STATION_ID) -> list[Message]:
        """Return what the station's feed holds of a table."""

        def read(connection: Connection) -> list[Message]:
            bodies = connection.execute(
                sa.select(feed_row.c.body)
                .where(feed_row.c.station_id == station_id, feed_row.c.tbl == table)
                .order_by(feed_row.c.key)
            ).scalars()
            return [REPLICA_TABLES[table].model_validate_json(body) for body in bodies]

        return await self.db.read(read)

    async def violations(self) -> list[str]:
        """Return what the rooms' own checks find, and events nobody could take in."""

        def read(connection: Connection) -> list[str]:
            found = [
                sentence
                for check in (
                    catalog_violations,
                    money_violations,
                    station_violations,
                    order_violations,
                )
                for sentence in check(connection)
            ]
            poison = connection.execute(sa.select(quarantine.c.type, quarantine.c.reason))
            return found + [f"{kind}: {reason}" for kind, reason in poison]

        return await self.db.read(read)


def build_world(db: SqlDb) -> World:
    """Build the rooms the way `cloud.app` does."""
    clock, chance, work = HandClock(), seeded_chance("stations"), ThreadWork()
    secrets = HubSecrets.new(chance)
    gateway = Gateway()
    stations = Stations(StationPorts(db, clock, chance, work, secrets), gateway)
    stations.subscribe()
    money = Money(clock, chance)
    orders = Orders(OrderPorts(db, clock, chance, secrets), stations, money)
    orders.subscribe(gateway)
    people = People(
        db,
        clock,
        chance,
        index_key=secrets.derive("phone-index"),
        phone_key=secrets.derive("phone"),
    )
    return World(
        db, clock, chance, work, secrets, gateway, stations, Catalog(db), people, money, orders
    )


def worlds(url: str) -> Iterator[World]:
    """Yield a world on a migrated store."""
    db = SqlDb(url)
    world = build_world(db)
    yield world
    world.work.close()
    db.close()


async def open_station(world: World, station_id: str = STATION_ID) -> None:
    """Create and pair a station; it has started and told its compartments."""
    await world.stations.create_station(
        NewStation("阳光里 3 号", "Yangguangli 3", "400-820-0123", station_id=station_id)
    )
    await world.stations.pair(station_id, bytes(range(32)))
    await world.report(
        StationStarted(
            app_version="0.1.0", boot_reason="cold", compartments=DOORS, open_doors=("A02",)
        ),
        station_id=station_id,
    )


async def stock(
    world: World,
    sku: str,
    pieces: int,
    *,
    temperature_class: TemperatureClass = TemperatureClass.CHILLED,
    size: Size = Size.S,
    price_fen: int = 1590,
) -> None:
    """Put an article into the catalogue with some pieces."""
    product = Product(
        sku=sku,
        name_zh="鲜牛奶",
        name_en="Fresh milk",
        temperature_class=temperature_class,
        size=size,
        price_fen=price_fen,
        item=sku,
        units=1,
    )
    await world.catalog.add(product)
    if pieces:
        await world.catalog.receive(sku, pieces, "test")
