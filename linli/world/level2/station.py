"""The station of the sync drill: outbox, replica and link over one file, the client with everything below it."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
from yarl import URL

from common.contract import protocol
from common.contract.base import Message
from common.contract.events import DoorUnexpected
from common.contract.replica import CompartmentRow
from common.kit.chance import Chance
from common.kit.identity import StationSecrets
from common.kit.sqlite import SqliteDb
from edge.config import HubSection
from edge.sync import DDL, HubLink, LinkPorts, Outbox, Replica, ReplicaTable
from edge.sync.client import Answer, HubAway, HubClient
from linli.world.clock import WorldClock
from linli.world.level2.files import back_up, put_back
from linli.world.level2.hub import HOST, PORT

_REPEATED = frozenset({protocol.EVENTS_PATH, protocol.OPS_PATH})
_LATE_S = 1800.0
_CALM = {"poll_wait_s": 55.0, "heartbeat_s": 3600.0, "backoff_max_s": 1200.0}


class _AgainClient(HubClient):
    """The station's client on a network that delivers some requests once more, perhaps much later.

    The repetition is signed anew: the nonce book would stop the very bytes, and this is about what lies behind it.
    """

    def trouble(self, share: float, rng: random.Random) -> None:
        """Repeat this share."""
        self._share, self._rng = share, rng
        self._late: set[asyncio.Task[None]] = set()

    async def _send(
        self, method: str, path: URL, body: bytes, held_s: float, more: Mapping[str, str]
    ) -> Answer:
        if path.path in _REPEATED and self._rng.random() < self._share:
            task = asyncio.ensure_future(self._again(method, path, body, more))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        return await super()._send(method, path, body, held_s, more)

    def forget(self) -> None:
        """Repeat nothing any more: the connection they would go over is closed."""
        for task in self._late:
            task.cancel()

    async def _again(self, method: str, path: URL, body: bytes, more: Mapping[str, str]) -> None:
        await asyncio.sleep(self._rng.uniform(0.01, _LATE_S))
        with suppress(HubAway, ConnectionResetError, RuntimeError):
            await super()._send(method, path, body, 0.0, more)


class SyncStation:
    """Started, stopped, killed, imaged and put back."""

    def __init__(
        self, folder: Path, clock: WorldClock, chance: Chance, secrets: StationSecrets, again: float
    ) -> None:
        """Make the file."""
        self.path, self._clock, self._chance = folder / "state.db", clock, chance
        self.secrets, self._again = secrets, again
        self._task: asyncio.Task[None] | None = None
        self.died = asyncio.Event()
        """Set when the daemon ended by itself: somebody was struck."""
        self._open()

    @property
    def is_up(self) -> bool:
        """Return whether it runs."""
        return self._task is not None

    async def start(self) -> None:
        """Boot and talk to the hub."""
        await self.outbox.boot()
        await self.replica.prepare()
        rng = random.Random(self._chance.jitter.random())

        @asynccontextmanager
        async def client(ports: LinkPorts, config: HubSection) -> AsyncIterator[HubClient]:
            jar = aiohttp.DummyCookieJar()
            async with aiohttp.ClientSession(connector=ports.connector(), cookie_jar=jar) as http:
                made = _AgainClient(
                    http, config.url, ports.secrets, ports.clock, ports.chance,
                    config.request_timeout_s,
                )  # fmt: skip
                made.trouble(self._again, rng)
                try:
                    yield made
                finally:
                    made.forget()

        ports = LinkPorts(self._clock, self._chance, _connector, self.secrets, client)
        config = HubSection(url=f"http://127.0.0.1:{PORT}").model_copy(update=_CALM)
        link = HubLink(ports, config, self.db, self.outbox, self.replica, "drill")
        self._task = asyncio.ensure_future(link.run())
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End it, wherever its tasks stand."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def restart(self) -> None:
        """Let go of the file and open it anew, as a killed daemon does."""
        await self.stop()
        self.db.close()
        self._open()

    def image(self) -> None:
        """Copy the file, as somebody who clones the card does."""
        back_up(self.path, self.path.with_suffix(".image"))

    async def put_back(self) -> None:
        """Go back to the image."""
        await self.stop()
        self.db.close()
        put_back(self.path.with_suffix(".image"), self.path)
        self._open()

    async def tell(self, body: Message) -> None:
        """Append an event; it is committed on return."""
        at = self._clock.wall()
        await self.db.write(lambda conn: self.outbox.append_tx(conn, body, occurred_at=at))
        self.outbox.kick()

    async def fact(self, name: str) -> None:
        """Tell a fact by that name."""
        await self.tell(DoorUnexpected(compartment=name, open=True))

    async def waiting(self) -> int:
        """Return how many events the hub has not acknowledged."""
        backlog = await self.outbox.count()
        return backlog.facts + backlog.telemetry

    async def rows(self) -> dict[str, str]:
        """Return the rows as they came."""
        return await self.db.read(
            lambda conn: {
                str(r["key"]): str(r["body"]) for r in conn.execute("SELECT * FROM sync_row")
            }
        )

    async def shown(self) -> set[str]:
        """Return the rows the rooms would see."""
        query = "SELECT label FROM replica_compartment"
        return await self.db.read(lambda conn: {str(r["label"]) for r in conn.execute(query)})

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task is self._task and not task.cancelled():
            self.died.set()

    def _open(self) -> None:
        self.db = SqliteDb(self.path, inline=True, synchronous="OFF")
        self.db.write_now(_make_tables)
        self.outbox = Outbox(self.db, self._clock, self._chance, self.secrets.station_id)
        self.replica = Replica(self.db, self.outbox, self._clock)
        self.replica.register(_COMPARTMENTS)


def _connector() -> aiohttp.BaseConnector:
    return aiohttp.UnixConnector(path=f"{HOST}:{PORT}", keepalive_timeout=120)


def _make_tables(conn: sqlite3.Connection) -> None:
    for statement in DDL:
        conn.execute(statement)


def _put(conn: sqlite3.Connection, row: Message) -> None:
    assert isinstance(row, CompartmentRow)
    conn.execute("INSERT OR REPLACE INTO replica_compartment VALUES (?)", (row.label,))


def _delete(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("DELETE FROM replica_compartment WHERE label = ?", (key,))


_COMPARTMENTS = ReplicaTable(
    "compartment",
    ("CREATE TABLE replica_compartment (label TEXT PRIMARY KEY) STRICT",),
    _put,
    _delete,
)
