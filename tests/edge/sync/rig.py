"""A station and a hub in one process: real files, real sockets, the unmodified rooms; only time is held in hand."""

import asyncio
import shutil
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import aiohttp
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync import EventContext, Gateway, SyncServer
from cloud.sync import metadata as sync_metadata
from cloud.sync.admission import Admission
from cloud.sync.blobs import QUOTA_BYTES, Shelf
from cloud.sync.certificates import Certificates
from common.contract.base import Message
from common.contract.events import DoorUnexpected, KeypadLocked
from common.contract.replica import CompartmentRow
from common.contract.versions import OURS
from common.kit.chance import seeded_chance
from common.kit.identity import StationSecrets, new_private_key, public_key
from common.kit.ids import new_id
from common.kit.sqldb import SqlDb
from common.kit.sqlite import SqliteDb
from common.kit.web import WebServer, make_app
from common.kit.work import InlineWork
from edge.config import HubSection
from edge.sync import DDL, BlobStore, HubLink, LinkPorts, Outbox, Replica, ReplicaTable

T = TypeVar("T")
_business = sa.MetaData()
effect = sa.Table(
    "effect",
    _business,
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("boot_epoch", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
)
"""One row each time a door event takes effect: no key, so that a second effect shows."""


class HandClock:
    """Time that stands still until a test moves it."""

    boot_id = "hand"

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, 6, 30, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return self.now.timestamp()

    def wall(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


async def until(reached: Callable[[], bool]) -> None:
    """Give the loop turns until `reached()`; the test's own time limit bounds it."""
    while not reached():  # noqa: ASYNC110 - two programs and their threads, not one event
        await asyncio.sleep(0.005)


class HubRig:
    """The hub's gateway on a real port, its database at `path` or `url`."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.clock = HandClock()
        self.path = folder / "hub.db"
        self._url = url or f"sqlite:///{self.path}"
        self.port = _free_port()
        self.admission, self.versions = Admission(), OURS
        self.open()

    def open(self) -> None:
        self.db = SqlDb(self._url)
        sync_metadata.create_all(self.db.engine)
        _business.create_all(self.db.engine)
        self.shelf = Shelf(self.db, self.path.parent / "hub-blobs", InlineWork(), QUOTA_BYTES)
        self.gateway = Gateway()
        self.gateway.on_event("door.unexpected", self._take_effect)

    def look(self, fn: Callable[[Connection], T]) -> T:
        """Read on a connection of its own: the hub's one may be in use by its own thread."""
        eyes = SqlDb(self._url)
        try:
            return eyes.read_now(fn)
        finally:
            eyes.close()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = self.web_server()
        await server.start()
        try:
            yield
        finally:
            await server.stop()

    def web_server(self) -> WebServer:
        app = make_app()
        self.sync_server().routes(app)
        return WebServer(app, "127.0.0.1", self.port)

    def sync_server(self, certificates: Certificates | None = None) -> SyncServer:
        return SyncServer(
            self.gateway,
            self.db,
            self.clock,
            admission=self.admission,
            versions=self.versions,
            shelf=self.shelf,
            certificates=certificates,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _take_effect(self, conn: Connection, context: EventContext, body: Message) -> None:
        assert isinstance(body, DoorUnexpected)
        if body.compartment == "POISON":
            raise ValueError("nobody understands this door")
        conn.execute(
            effect.insert().values(
                label=body.compartment, boot_epoch=context.boot_epoch, seq=context.seq
            )
        )

    def register(self, station_id: str, key: bytes) -> None:
        self.db.write_now(lambda c: self.gateway.register_station_tx(c, station_id, key))

    async def put(self, station_id: str, label: str, *, broken: bool = False) -> int:
        row = CompartmentRow(label=label, out_of_service=broken, reason="")
        return await self.db.write(
            lambda c: self.gateway.put_row_tx(c, station_id, "compartment", row)
        )

    def labels(self) -> list[str]:
        """Every effect there was, in the order of the station's story."""
        return [
            str(row[0]) for row in self._ask("SELECT label FROM effect ORDER BY boot_epoch, seq")
        ]

    def quarantined(self) -> int:
        return len(self._ask("SELECT seq FROM event_quarantine"))

    def rows(self) -> set[str]:
        """The keys of the rows given to stations."""
        return {str(row[0]) for row in self._ask("SELECT key FROM sync_row")}

    def types(self) -> list[str]:
        """The type of every event in the log."""
        return [str(row[0]) for row in self._ask("SELECT type FROM sync_event")]

    def alarms(self) -> set[str]:
        return {str(row[0]) for row in self._ask("SELECT kind FROM sync_alarm")}

    def _ask(self, query: str) -> list[tuple[object, ...]]:
        """Look from outside, through a connection of our own."""
        return _ask(self.path, query)

    def copy_file(self, to: Path) -> None:
        _copy(self.path, to)

    async def restore_file(self, copy: Path) -> None:
        """Put an older copy back, as an operator would: stop, copy, start."""
        await asyncio.to_thread(self._restore, copy)

    def _restore(self, copy: Path) -> None:
        self.db.close()
        _put_back(copy, self.path)
        self.open()


class StationRig:
    """A station's sync rooms over one `state.db`."""

    def __init__(self, folder: Path, hub: HubRig, name: str = "state") -> None:
        self.clock = HandClock()
        self.chance = seeded_chance(name)
        self.path = folder / f"{name}.db"
        self._hub = hub
        station_id = new_id(self.clock, self.chance)
        self.secrets = StationSecrets(
            station_id, new_private_key(self.chance), bytes(32), bytes(16), bytes(32)
        )
        hub.register(station_id, public_key(self.secrets.private_key))
        self.config = HubSection(
            poll_wait_s=5, request_timeout_s=5, backoff_max_s=0.02, heartbeat_s=60
        )
        self.open()

    @property
    def station_id(self) -> str:
        return self.secrets.station_id

    def open(self) -> None:
        self.db = SqliteDb(self.path)
        self.db.write_now(_make_tables)
        self.outbox = Outbox(self.db, self.clock, self.chance, self.station_id)
        self.replica = Replica(self.db, self.outbox, self.clock)
        self.replica.register(COMPARTMENTS)
        folder = self.path.with_suffix(".blobs")
        self.blobs = BlobStore(self.db, folder, InlineWork(), self.clock, self.outbox, 1000)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[HubLink]:
        """Boot and talk to the hub."""
        await self.boot()
        link = self.link()
        async with self.talking(link):
            yield link

    @asynccontextmanager
    async def talking(self, link: HubLink) -> AsyncIterator[None]:
        """Let a link of this station talk for a while."""
        await link.fence.settle()
        task = asyncio.create_task(link.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()):
                raise error

    async def boot(self) -> None:
        await self.outbox.boot()
        await self.replica.prepare()
        await self.blobs.start()

    def link(self) -> HubLink:
        ports = LinkPorts(self.clock, self.chance, aiohttp.TCPConnector, self.secrets)
        config = self.config.model_copy(update={"url": self._hub.url})
        return HubLink(ports, config, self.db, self.outbox, self.replica, "test", self.blobs)

    async def door(self, *labels: str) -> None:
        """Append one door event a label, each its own transaction."""
        for label in labels:
            body = DoorUnexpected(compartment=label, open=True)
            await self.append(body)

    async def locked(self, wait_s: int) -> None:
        await self.append(KeypadLocked(wait_s=wait_s, failures_24h=0))

    async def append(self, body: Message) -> None:
        at = self.clock.wall()
        await self.db.write(lambda c: self.outbox.append_tx(c, body, occurred_at=at))
        self.outbox.kick()

    def rows(self) -> dict[str, bool]:
        """The projected rows the rooms see."""
        found = _ask(self.path, "SELECT label, broken FROM replica_compartment")
        return {str(label): bool(broken) for label, broken in found}

    def unsent(self) -> int:
        """How many blobs the hub does not have."""
        return len(_ask(self.path, "SELECT digest FROM blob WHERE sent_at_ms IS NULL"))

    def blob_file(self, digest: str) -> Path:
        return self.path.with_suffix(".blobs") / digest

    def is_empty(self) -> bool:
        """Everything sent and acknowledged."""
        return not _ask(self.path, "SELECT lane FROM sync_lane WHERE n > acked_n")

    def copy_file(self, to: Path) -> None:
        _copy(self.path, to)

    def restore_file(self, copy: Path) -> None:
        self.db.close()
        _put_back(copy, self.path)
        self.open()

    def restart(self) -> None:
        """Let go of the file and open it anew, as a killed and restarted daemon does."""
        self.db.close()
        self.open()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _ask(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute(query).fetchall()


def _copy(path: Path, to: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _put_back(copy: Path, path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(copy, path)


def _make_tables(conn: sqlite3.Connection) -> None:
    for statement in DDL:
        conn.execute(statement)


def _put(conn: sqlite3.Connection, row: Message) -> None:
    assert isinstance(row, CompartmentRow)
    conn.execute(
        "INSERT OR REPLACE INTO replica_compartment VALUES (?, ?)",
        (row.label, row.out_of_service),
    )


def _delete(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("DELETE FROM replica_compartment WHERE label = ?", (key,))


COMPARTMENTS = ReplicaTable(
    "compartment",
    ("CREATE TABLE replica_compartment (label TEXT PRIMARY KEY, broken INTEGER NOT NULL) STRICT",),
    _put,
    _delete,
)
