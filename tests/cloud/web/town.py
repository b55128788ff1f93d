"""Fills a hub's data folder for the browser: `python -m tests.cloud.web.town DIR` prints its keys as JSON.

The rooms are the hub's own; what stations report comes through the real event intake.
"""

import asyncio
import json
import math
import sys
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.access.caller import OPERATOR, Caller
from cloud.access.seeded import SeedAccess
from cloud.app import HubPorts, Rooms
from cloud.config import HubConfig, HubSecrets, HubSection
from cloud.migrations import upgrade_tx
from cloud.orders.custody import CustodyStep
from cloud.orders.service import OrderView, Wish
from cloud.seed import STATION_ID, seed
from cloud.stations.service import NewStation
from cloud.sync.ingest import ingest_tx
from cloud.sync.models import station as sync_station
from common.contract import events as e
from common.contract.base import Message
from common.contract.chain import Link, next_link
from common.contract.protocol import START, EventsBatch, Position, WireEvent
from common.contract.words import ActorKind, CommandState, KeypadLevel, Lane, Purpose, Quality
from common.kit.chance import system_chance
from common.kit.clock import Clock, SystemClock, to_ms
from common.kit.sqldb import SqlDb
from common.kit.work import ThreadWork
from tests.cloud.web.front import front, probes

DESK = Caller("town", "wang", frozenset({OPERATOR}))
KEEPER = "01K0KEEPER0000000000000001"
WARM_ID, SILENT_ID = "01K0CH0YVAN000000000000000", "01K0FENG11N000000000000000"
DOORS = tuple(f"{side}{n:02d}" for side in "AB" for n in range(1, 9))


@dataclass
class Town:
    """The keys of the town."""

    access: SeedAccess
    orders: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str | None] = field(default_factory=dict)
    errands: list[str] = field(default_factory=list)


class Reporter:
    """A station's voice: events with times of their own, one batch a lane."""

    def __init__(self, rooms: Rooms, station_id: str, clock: Clock | None = None) -> None:
        self._rooms, self._station_id, self._clock = rooms, station_id, clock
        self._heads: dict[Lane, Position] = {}

    async def say(self, minutes_ago: float, *bodies: Message) -> None:
        clock = self._clock or SystemClock()
        at_ms = to_ms(clock.wall() - timedelta(minutes=minutes_ago))
        for lane in Lane:
            chosen = [body for body in bodies if e.EVENT_TYPES[e.type_of(body)][0] is lane]
            if chosen:
                await self._send(lane, at_ms, chosen)

    async def _send(self, lane: Lane, at_ms: int, bodies: list[Message]) -> None:
        after = self._heads.get(lane, START)
        seq, chain, found = after.seq, bytes.fromhex(after.chain), []
        for body in bodies:
            seq += 1
            kind, text = e.type_of(body), body.model_dump_json()
            found.append(
                WireEvent(boot_epoch=1, seq=seq, occurred_at_ms=at_ms, type=kind, body=text)
            )
            link = Link(self._station_id, lane.value, 1, seq, at_ms, kind, 1, text)
            chain = next_link(chain, link)
        batch = EventsBatch(lane=lane, after=after, events=tuple(found), chain=chain.hex())
        handlers, station_id = self._rooms.gateway.handlers, self._station_id
        await self._rooms.db.write(lambda c: ingest_tx(c, station_id, batch, at_ms, handlers))
        self._heads[lane] = Position(boot_epoch=1, seq=seq, chain=chain.hex())


async def fill(data: Path) -> Town:
    """Make the town: a busy station, a warm one, a silent one; orders in every interesting state."""
    secrets = HubSecrets.open(data / "hub-secrets.json", system_chance())
    ports = HubPorts(SystemClock(), system_chance(), ThreadWork(), SqlDb, secrets)
    config = HubConfig(hub=HubSection(data=data))
    db = SqlDb(config.database_url())
    db.write_now(upgrade_tx)
    rooms = Rooms(ports, config, db)
    town = Town(await seed(rooms, ports, data))
    await _stations(rooms)
    busy = Reporter(rooms, STATION_ID)
    await _started(busy)
    await _orders(rooms, busy, town)
    await _news(busy, rooms)
    await _heard(rooms, STATION_ID, minutes_ago=-30)
    db.close()
    ports.work.close()
    return town


async def _stations(rooms: Rooms) -> None:
    stations = rooms.stations
    await stations.pair(STATION_ID, bytes(range(32)))
    for station_id, zh, en in (
        (WARM_ID, "翠湖苑 1 号", "Cuihuyuan 1"),
        (SILENT_ID, "枫林路自提点", "Fenglin Road"),
    ):
        await stations.create_station(NewStation(zh, en, "400-820-0123", station_id=station_id))
        await stations.pair(station_id, bytes(range(1, 33)))
        voice = Reporter(rooms, station_id)
        await voice.say(
            40,
            e.StationStarted(
                app_version="0.1.0", boot_reason="cold", compartments=DOORS[:8], open_doors=()
            ),
        )
        warm = station_id == WARM_ID
        await voice.say(
            30, *_blocks("chilled", 90, 4.1, ago=0 if warm else 27, rise_c=9 if warm else 0)
        )
        if warm:
            await voice.say(
                14,
                e.ClimateOverLimit(
                    zone="chilled", over=True, temperature_c=8.4, limit_c=8.0, quality=Quality.GOOD
                ),
            )
            await _cases(rooms, voice)
    await _heard(rooms, WARM_ID, minutes_ago=-30)
    await _heard(rooms, SILENT_ID, minutes_ago=27)


def _blocks(
    zone: str, minutes: int, middle_c: float, *, ago: int = 0, rise_c: float = 0
) -> list[Message]:
    now_ms = to_ms(SystemClock().wall())

    def reading(n: int, k: int) -> float:
        risen = rise_c * max(0, n - minutes / 2) / minutes
        return round(middle_c + risen + 0.3 * math.sin((n * 6 + k) / 23), 1)

    return [
        e.ClimateBlock(
            zone=zone,
            probe=zone,
            started_at_ms=now_ms - (ago + minutes - n) * 60_000,
            period_s=10,
            temperatures_c=tuple(reading(n, k) for k in range(6)),
            humidities_pct=(70.0,) * 6,
            over_limit=False,
        )
        for n in range(minutes)
    ]


async def _started(busy: Reporter) -> None:
    await busy.say(120, front(DOORS))
    await busy.say(119, *probes(to_ms(SystemClock().wall())))
    for zone, middle in (("chilled", 3.8), ("ambient", 21.4)):
        await busy.say(0.2, *_blocks(zone, 120, middle))


async def _orders(rooms: Rooms, busy: Reporter, town: Town) -> None:
    people = [one["person_id"] for one in town.access.residents]
    wishes = {
        "ready": (people[0], [("MILK-1L", 2), ("TOFU-400", 1), ("RICE-5KG", 1)]),
        "collected": (people[1], [("YOGURT-6", 1)]),
        "departed": (people[2], [("SHRIMP-300", 1), ("EGG-10", 2)]),
        "locked": (people[0], [("APPLE-2KG", 1)]),
        "cancelling": (people[1], [("TEA-100", 1)]),
        "paid": (people[2], [("NOODLE-1KG", 3)]),
        "placed": (people[0], [("SPINACH-300", 1)]),
        "cancelled": (people[1], [("EGG-30", 1)]),
    }
    for name, (person_id, lines) in wishes.items():
        order_id = await rooms.orders.place(Wish(person_id, STATION_ID, lines))
        town.orders[name] = order_id
        town.links[name] = rooms.orders.link_token(order_id)
        if name == "placed":
            continue
        await rooms.orders.pay(order_id)
        if name in ("ready", "collected", "departed", "locked", "cancelling"):
            await rooms.orders.lock(order_id)
    await rooms.orders.cancel(town.orders["cancelled"], DESK.name)
    await rooms.orders.cancel(town.orders["cancelling"], DESK.name)
    steps = (CustodyStep.PACKED, CustodyStep.DEPARTED, CustodyStep.ARRIVED)
    for name, far in (("ready", 3), ("collected", 3), ("departed", 2)):
        view = await rooms.orders.view(town.orders[name], DESK)
        for step in steps[:far]:
            for parcel in view.parcels:
                await rooms.orders.hand_on(parcel.parcel_id, step, caller=DESK)
    await _put_in(busy, await rooms.orders.view(town.orders["ready"], DESK), ("A03", "B02"))
    await _put_in(busy, await rooms.orders.view(town.orders["collected"], DESK), ("A05",))
    await _collect(busy, await rooms.orders.view(town.orders["collected"], DESK))
    await _family(rooms, await rooms.orders.view(town.orders["ready"], DESK), town)
    for name, token in town.links.items():
        pickup = (await rooms.orders.by_link(token)).pickup
        town.codes[name] = pickup.code if pickup else None


async def _family(rooms: Rooms, view: OrderView, town: Town) -> None:
    """Give the ready order's parcels away: one code works, one is being taken back."""
    names = ("妈妈", "住在隔壁单元的王阿姨和她的小孙子")
    given = [
        await rooms.orders.give(view.order_id, view.parcels[0].parcel_id, name, "town")
        for name in names
    ]
    await rooms.orders.take_back(view.order_id, given[1], "town")
    pickup = (await rooms.orders.by_link(town.links["ready"])).pickup
    assert pickup
    town.errands = [one.link_token for one in pickup.delegates if one.link_token]


async def _put_in(busy: Reporter, view: OrderView, doors: tuple[str, ...]) -> None:
    assert view.pickup
    expires_at_ms = to_ms(SystemClock().wall() + timedelta(hours=47))
    for parcel, door in zip(view.parcels, doors, strict=True):
        await busy.say(
            0.5,
            e.ParcelPutIn(
                parcel_id=parcel.parcel_id, grant_id=view.pickup.grant_id, compartment=door,
                keeper_id=KEEPER, expires_at_ms=expires_at_ms,
            ),
        )  # fmt: skip
    await busy.say(22, e.GrantActivated(grant_id=view.pickup.grant_id, expires_at_ms=expires_at_ms))


async def _collect(busy: Reporter, view: OrderView) -> None:
    assert view.pickup
    grant_id, door = view.pickup.grant_id, "A05"
    await busy.say(0.3, e.GrantStateChanged(grant_id=grant_id, state="opening", pulses=1))
    for state in ("queued", "pulsing", "open", "closed"):
        await busy.say(0.3, _door(door, state, Purpose.PICKUP, ActorKind.RESIDENT, grant_id))
    await busy.say(
        0.2,
        e.GrantStateChanged(grant_id=grant_id, state="opened", pulses=1),
        e.ParcelCollected(parcel_id=view.parcels[0].parcel_id, grant_id=grant_id, compartment=door),
        e.GrantStateChanged(grant_id=grant_id, state="done", pulses=1),
    )


def _door(
    door: str, state: str, purpose: Purpose, actor: ActorKind, grant_id: str | None
) -> e.DoorChanged:
    return e.DoorChanged(
        open_request_id="01K0REQ0000000000000000001", compartment=door, state=state,  # type: ignore[arg-type]
        actor_kind=actor, actor_id="x", purpose=purpose, reason="", grant_id=grant_id, pulse_number=1,
    )  # fmt: skip


async def _cases(rooms: Rooms, reporter: Reporter) -> None:
    """Let a keeper scan two labels nobody knows; somebody has found out about one of them."""
    for label in ("SF1409917755301", "LL0000000000"):
        await reporter.say(13, e.ParcelUnknownScanned(label=label, keeper_id=KEEPER))
    known, _waiting = reversed(await rooms.orders.cases())
    note = "A parcel of another company; the keeper gave it back to their driver"
    await rooms.orders.close_case(known.case_id, note, DESK.name)


async def _news(busy: Reporter, rooms: Rooms) -> None:
    command = await rooms.stations.command_open_door(
        STATION_ID, label="B06", reason="resident cannot reach the screen", issued_by=DESK.name
    )
    await busy.say(
        0.15,
        e.CommandResult(command_id=command.command_id, state=CommandState.SUCCEEDED, detail=""),
    )
    await busy.say(0.1, _door("B06", "open", Purpose.REMOTE, ActorKind.OPERATOR, None))
    await busy.say(
        0.05,
        e.CompartmentMarked(
            compartment="B08", out_of_service=True, reason="Lock broken", keeper_id=KEEPER
        ),
        e.BusStateChanged(bus="bus0", unit=None, up=True, detail=""),
        e.KeypadLocked(wait_s=30, failures_24h=5),
        e.KeypadLevelChanged(level=KeypadLevel.STEP_UP, failures_24h=20),
        e.KeypadLevelChanged(level=KeypadLevel.OFF, failures_24h=100),
    )
    await rooms.stations.sites.set_service(
        STATION_ID, "A08", out_of_service=True, reason="seal is torn"
    )


async def _heard(rooms: Rooms, station_id: str, minutes_ago: float) -> None:
    """Say when the station was last heard; a time ahead keeps it online for as long as the tests run."""
    at_ms = to_ms(SystemClock().wall() - timedelta(minutes=minutes_ago))

    def write(c: Connection) -> None:
        columns = sync_station.c
        c.execute(
            sa.update(sync_station)
            .where(columns.station_id == station_id)
            .values(last_heard_ms=at_ms, backlog_facts=0 if minutes_ago < 0 else 118)
        )

    await rooms.db.write(write)


if __name__ == "__main__":
    town = asyncio.run(fill(Path(sys.argv[1])))
    sys.stdout.write(json.dumps(asdict(town), ensure_ascii=False))
