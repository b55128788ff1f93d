"""The hub of level 1: its rooms and its gateway's handlers, started and stopped as a program would be."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

from aiohttp import web

from cloud.app import Rooms
from cloud.sync import SyncServer
from common.contract import protocol
from common.kit.chance import seeded_chance
from common.kit.errors import LinliError
from common.kit.problems import problem_bytes
from linli.world.clock import WorldClock
from linli.world.level1.ground import Ground
from linli.world.level1.life import Away, Crash, HubFile, Life

T = TypeVar("T")
SWEEP_S = 12 * 3600.0
PATIENCE_S = 60.0


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
        self.news = asyncio.Event()
        self.rooms: Rooms
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
        self._server = SyncServer(self.rooms.gateway, db, self._clock)
        db.on_hint(self._hint)
        self._sweeper = asyncio.ensure_future(self._sweep())

    def stop(self) -> None:
        """End this life, in order or by a crash: a hub keeps nothing but its database."""
        self.life.end()
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._hint("")

    async def ask(self, act: Callable[[Rooms], Awaitable[T]]) -> T:
        """Return what a person gets from the hub; Away when it is down or dies over it."""
        if not self.life.alive:
            raise Away
        return await self.life.guard(_awaited(act(self.rooms)), PATIENCE_S)

    async def insist(self, act: Callable[[Rooms], Awaitable[T]]) -> T:
        """Ask until it answers; for acts that may be repeated."""
        while True:
            try:
                return await self.ask(act)
            except Away:
                await asyncio.sleep(30.0)

    async def answer(
        self, method: str, path: str, query: Mapping[str, str], session: int, body: bytes
    ) -> tuple[int, bytes] | None:
        """Answer a station's request; None when the hub is down or dies before it has answered."""
        if not self.life.alive:
            return None
        life, handler = self.life, self._server.handlers()[method, path]
        request = cast("web.Request", _Request(query, session))
        try:
            response = await life.guard(
                _awaited(handler(request, self._ground.paired.station.station_id, body)), PATIENCE_S
            )
        except LinliError as error:
            return error.status, problem_bytes(error)
        except Away:
            return None
        content = bytes(cast("Any", response.body) or b"")
        packed = response.headers.get("Content-Encoding") == "gzip"
        return response.status, gzip.decompress(content) if packed else content

    async def sweep(self) -> None:
        """Do what only time brings about."""
        await self.rooms.stations.sweep()
        await self.rooms.orders.sweep()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep()
            except Crash:
                return

    def _hint(self, topic: str) -> None:
        if not topic or topic.startswith("station:"):
            self.news.set()
            self.news = asyncio.Event()


async def _awaited(work: Awaitable[T]) -> T:
    return await work
