"""The hub of level 1: its rooms and its gateway's handlers, started and stopped as a program would be."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.engine import Connection

from cloud.app import Rooms
from cloud.orders.models import parcel
from cloud.sync import SyncServer
from cloud.sync.models import alarm, event, quarantine
from cloud.verify import violations_tx
from common.contract import protocol
from common.kit.chance import seeded_chance
from common.kit.errors import LinliError
from common.kit.problems import problem_bytes
from edge.sync.client import Answer
from linli.world.clock import WorldClock
from linli.world.level1.desk import HubBooks, Place, RoomsDesk
from linli.world.level1.ground import Ground
from linli.world.level1.life import Away, Crash, HubFile, Life

T = TypeVar("T")
SWEEP_S = 12 * 3600.0
PATIENCE_S = 60.0
_ODD_CASES = frozenset({"fact_does_not_fit", "parcel_unknown"})


class _Request:
    """As much of a request as the gateway's handlers read."""

    def __init__(self, query: Mapping[str, str], session: int) -> None:
        self.query = query
        self.headers = {protocol.SESSION_HEADER: str(session)}


class HubHost:
    """Where the hub runs."""

    def __init__(self, ground: Ground, seed: int, clock: WorldClock) -> None:
        """Have the files; nothing runs yet."""
        self._ground, self._seed, self._clock = ground, seed, clock
        self._starts = 0
        self.life = Life()
        self.life.end()
        self.on_news: list[Callable[[], None]] = []
        self.rooms: Rooms
        self.desk: RoomsDesk
        self._server: SyncServer
        self._sweeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin a new life."""
        self._starts += 1
        self.life = Life()
        db = HubFile(self._ground.db, self.life)
        chance = seeded_chance(f"{self._seed}|hub|{self._starts}")
        ports = self._ground.hub_ports(self._clock, chance, db)
        self.rooms = Rooms(ports, self._ground.hub_config, db)
        self.desk = RoomsDesk(self.rooms, self._ground.paired.station.station_id)
        self._server = SyncServer(self.rooms.gateway, db, self._clock)
        db.on_hint(self._hint)
        self._sweeper = asyncio.ensure_future(self._sweep())

    def stop(self) -> None:
        """End this life, in order or by a crash: a hub keeps nothing but its database."""
        self.life.end()
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._hint("")

    async def ask(self, act: Callable[[RoomsDesk], Awaitable[T]]) -> T:
        """Return what a person gets from the hub; Away when it is down or dies over it."""
        if not self.life.alive:
            raise Away
        return await self.life.guard(_awaited(act(self.desk)), PATIENCE_S)

    async def insist(self, act: Callable[[RoomsDesk], Awaitable[T]]) -> T:
        """Ask until it answers; for acts that may be repeated."""
        while True:
            try:
                return await self.ask(act)
            except Away:
                await asyncio.sleep(30.0)

    async def answer(
        self, method: str, path: str, query: Mapping[str, str], session: int, body: bytes
    ) -> Answer:
        """Answer a station's request; Away when the hub is down or dies before it has answered."""
        if not self.life.alive:
            raise Away
        life, handler = self.life, self._server.handlers()[method, path]
        request = cast("web.Request", _Request(query, session))
        try:
            response = await life.guard(
                _awaited(handler(request, self._ground.paired.station.station_id, body)), PATIENCE_S
            )
        except LinliError as error:
            return Answer(error.status, problem_bytes(error), None)
        content = bytes(cast("Any", response.body) or b"")
        packed = response.headers.get("Content-Encoding") == "gzip"
        return Answer(response.status, gzip.decompress(content) if packed else content, None)

    async def sweep(self) -> None:
        """Do what only time brings about."""
        await self.rooms.stations.sweep()
        await self.rooms.orders.sweep()

    async def books(self, parcel_ids: tuple[str, ...]) -> HubBooks:
        """Read the database and ask the rooms; what `linli hub verify` says stands among the odd."""
        db, station_id = self._ground.db, self._ground.paired.station.station_id
        status = db.read_now(lambda conn: self.rooms.gateway.station_status_tx(conn, station_id))
        events, odd = db.read_now(_log)
        for case in await self.rooms.orders.cases():
            if case.kind in _ODD_CASES:
                odd.append(f"a fact that fits nothing: {case.detail}")
        odd += [f"linli hub verify: {sentence}" for sentence in db.read_now(violations_tx)]
        custody = {one: await self.rooms.orders.custody(one) for one in parcel_ids}
        return HubBooks(
            head_op=status.head_op,
            lag_ops=status.lag_ops,
            events=events,
            odd=tuple(odd),
            parcels=db.read_now(_states),
            custody={
                parcel_id: tuple((step.cause, step.source) for step in steps)
                for parcel_id, steps in custody.items()
            },
        )

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep()
            except Crash:
                return

    def _hint(self, topic: str) -> None:
        if not topic or topic.startswith("station:"):
            for told in self.on_news:
                told()


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _log(conn: Connection) -> tuple[dict[Place, tuple[bytes, str]], list[str]]:
    columns = (event.c.lane, event.c.boot_epoch, event.c.seq, event.c.chain, event.c.body)
    found = {
        (row.lane, row.boot_epoch, row.seq): (bytes(row.chain), row.body)
        for row in conn.execute(sa.select(*columns))
    }
    odd = [f"quarantined: {row.type}: {row.reason}" for row in conn.execute(sa.select(quarantine))]
    rows = conn.execute(sa.select(alarm).where(alarm.c.kind.not_in(("fenced", "taken_over"))))
    return found, odd + [f"alarm {row.kind}: {row.detail}" for row in rows]


def _states(conn: Connection) -> dict[str, str]:
    rows = conn.execute(sa.select(parcel.c.parcel_id, parcel.c.state))
    return {row.parcel_id: row.state for row in rows}
