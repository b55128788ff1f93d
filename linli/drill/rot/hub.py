"""The hub as the damaged station meets it again: the log it had when the image was made, and what it takes after that.

What stands in the log has taken effect there, once for each place: a fact under two places took effect twice.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from common.contract.base import Message
from common.contract.protocol import EventsBatch, Hello, HelloAnswer, Position, Positions
from common.contract.words import Lane
from common.kit.clock import Clock, to_ms
from common.kit.errors import LinliError
from edge.app import Edge
from edge.config import HubSection
from edge.ports import EdgePorts
from edge.sync import HubLink
from edge.sync.client import HubClient
from edge.sync.link import LinkPorts
from linli.world.level1.model.books import Books, Stored
from linli.world.level1.model.lanes import Lanes
from linli.world.level1.model.wire import trouble

M = TypeVar("M", bound=Message)
_SESSION = 1
_PATIENCE_S = 600
_NOT_OF_THE_IMAGE = frozenset({"storage.damaged", "replica.applied"})
"""What a start says of itself, damaged or not."""


@dataclass(frozen=True, slots=True)
class Log:
    """What a hub holds of the station."""

    station_id: str
    books: Books

    @classmethod
    def of(cls, database: Path, station_id: str) -> "Log":
        """Read it out of a hub's database."""
        books = Books()
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as conn:
            for lane, epoch, seq, kind, body, chain in conn.execute(
                "SELECT lane, boot_epoch, seq, type, body, chain FROM sync_event"
            ):
                books.events[lane, epoch, seq] = Stored(kind, body, chain)
            for lane, epoch, seq, chain in conn.execute(
                "SELECT lane, boot_epoch, seq, chain FROM sync_lane"
            ):
                place = Position(boot_epoch=epoch, seq=seq, chain=chain.hex())
                books.heads[Lane(lane)] = place
        return cls(station_id, books)


class LogHub(HubClient):
    """Answers the station's own link with a copy of `log`; it has no rows to give."""

    def __init__(self, log: Log, clock: Clock) -> None:
        """Hold what `log` holds."""
        self.session = 0
        self.clock_offset_ms = 0
        self._books, self._clock = log.books.draft(), clock
        self._lanes = Lanes(log.station_id, {}, lambda _books, _facts: None)

    @asynccontextmanager
    async def client(self, _ports: LinkPorts, _config: HubSection) -> AsyncIterator[HubClient]:
        """Be the client of a link."""
        yield self

    def effects(self) -> Counter[str]:
        """Return how often each fact took effect."""
        return Counter(
            f"{one.type} {one.body}"
            for one in self._books.events.values()
            if one.type not in _NOT_OF_THE_IMAGE
        )

    async def get(
        self, path: str, query: Message, answer: type[M], *, held_s: float = 0.0
    ) -> M | None:
        """Have no rows to give, ever."""
        del path, query, answer, held_s
        await asyncio.Event().wait()
        return None

    async def post(self, path: str, message: Message, answer: type[M]) -> M:
        """Take a hello or a batch; a refusal rises as the client of production tells it."""
        said: Message | LinliError
        if isinstance(message, Hello):
            said = self._hello(message)
        elif isinstance(message, EventsBatch):
            said = self._lanes.take(self._books, message, to_ms(self._clock.wall()))
        else:
            raise TypeError(f"nothing to say to {path}")
        if isinstance(said, LinliError):
            raise trouble(said)
        if not isinstance(said, answer):
            raise TypeError(f"answered a {type(said).__name__}, not a {answer.__name__}")
        return said

    def _hello(self, hello: Hello) -> HelloAnswer:
        heads = self._books.heads
        known = max(place.boot_epoch for place in heads.values())
        return HelloAnswer(
            session=_SESSION,
            min_boot_epoch=max(hello.boot_epoch, known + 1),
            gen=hello.gen,
            head_op=hello.op,
            server_time_ms=to_ms(self._clock.wall()),
            acked=Positions(facts=heads[Lane.FACTS], telemetry=heads[Lane.TELEMETRY]),
        )


async def meet(edge: Edge, ports: EdgePorts, log: Log) -> Counter[str]:
    """Let the station's link run until the hub has everything; return how often each fact took effect there."""
    hub = LogHub(log, ports.clock)
    linked = LinkPorts(ports.clock, ports.chance, ports.connector, ports.secrets, hub.client)
    config = HubSection(url="http://hub")
    link = HubLink(linked, config, edge.state_db, edge.outbox, edge.replica, "drill")
    await link.fence.settle()
    task = asyncio.create_task(link.run())
    try:
        await _until_empty(edge, link)
    finally:
        task.cancel()
        await asyncio.wait([task])
    return hub.effects()


async def _until_empty(edge: Edge, link: HubLink) -> None:
    """Wait; what has not gone up after the patience is missing at the hub, and the oracle says so."""
    for _ in range(_PATIENCE_S):
        await asyncio.sleep(1)
        waiting = await edge.outbox.count()
        if link.view().online and not waiting.facts and not waiting.telemetry:
            return
