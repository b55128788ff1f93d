"""The hub link: hello, one poll down, two lanes up and a janitor, each its own task, so that none waits for another."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import aiohttp
from pydantic import ValidationError

from common.contract.events import ReplicaApplied, TelemetryGap
from common.contract.protocol import HELLO_PATH, Hello, HelloAnswer, Problem
from common.contract.versions import FIRST, OURS
from common.contract.words import Lane
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.failpoints import fp
from common.kit.identity import StationSecrets
from common.kit.sqlite import Db
from common.kit.trusted_time import TrustedTime
from edge.config import HubSection
from edge.sync import lanes
from edge.sync.bloblane import BlobLane
from edge.sync.blobs import BlobStore
from edge.sync.client import HubAway, HubClient, HubRefused
from edge.sync.contact import Backoff, Contact, LinkView
from edge.sync.downlink import Downlink
from edge.sync.fence import Fence, Why
from edge.sync.outbox import Outbox
from edge.sync.replica import Replica, cursor_tx
from edge.sync.sense import check_answer
from edge.sync.shadow import Shadow
from edge.sync.tears import close_tears_tx
from edge.sync.uplink import Uplink

_log = logging.getLogger(__name__)
JANITOR_S = 600.0
_SHUT = {"sync.fenced": Why.FENCED, "sync.revoked": Why.REVOKED}
_LOUD = dict.fromkeys(
    ("sync.proto", "sync.projection"), "the hub wants a newer station: %s; update it"
) | {"sync.invalid": "no hub takes what this station says of itself: %s; keep state.db, report it"}
OFFSET_MAX_MS = 2**52
COUNT_S = 1.0  # the backlog on a screen is at most this old


Way = Callable[[], Awaitable[None]]
OpenClient = Callable[["LinkPorts", HubSection], AbstractAsyncContextManager[HubClient]]


@asynccontextmanager
async def over_http(ports: "LinkPorts", config: HubSection) -> AsyncIterator[HubClient]:
    """Yield the production's client: signed requests through one aiohttp session."""
    async with aiohttp.ClientSession(
        connector=ports.connector(), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield HubClient(
            session, config.url, ports.secrets, ports.clock, ports.chance, config.request_timeout_s
        )


async def as_it_is(_name: str, way: Way) -> None:
    """Let a way of the link end as it ends, and the link with it."""
    await way()


@dataclass(frozen=True, slots=True)
class LinkPorts:
    """What the link needs from outside."""

    clock: Clock
    chance: Chance
    connector: Callable[[], aiohttp.BaseConnector]
    secrets: StationSecrets
    client: OpenClient = over_http
    time: TrustedTime | None = None  # told what the hub says of the time
    keep: Callable[[str, Way], Coroutine[None, None, None]] = as_it_is
    """Runs each way by its name: a defect in one must not hold up the others (`edge.jobs.lasting`)."""


class HubLink:
    """Runs the station's end of LSP/1."""

    def __init__(
        self,
        ports: LinkPorts,
        config: HubSection,
        db: Db,
        outbox: Outbox,
        replica: Replica,
        app_version: str = "",
        blobs: BlobStore | None = None,
    ) -> None:
        """Use the hub of `config`; `outbox.boot()` and `replica.prepare()` must have run before `run`."""
        self._ports, self._config, self._db = ports, config, db
        self._outbox, self._app_version = outbox, app_version
        self._bell = outbox.listen()
        self.fence = fence = Fence(db)
        self._contact = Contact(ports.clock, lambda: fence.why)
        fence.on_change.append(self._contact.tell)
        self._downlink = Downlink(
            replica, Shadow(db, replica), self._contact, self._backoff(), config.poll_wait_s,
            fence.caught_up,
        )  # fmt: skip
        self._uplinks = [
            Uplink(lane, db, outbox, self._contact, ports.clock, self._backoff()) for lane in Lane
        ]

        self._blobs = None
        if blobs is not None:
            self._blobs = BlobLane(blobs, outbox, self._contact, self._backoff())

    def view(self) -> LinkView:
        """Return whether the hub is there; synchronous."""
        return self._contact.view()

    def on_change(self, told: Callable[[], None]) -> None:
        """Call `told` when the hub goes away or comes back."""
        self._contact.on_change.append(told)

    async def run(self) -> None:
        """Talk to the hub until cancelled; its absence is nothing unusual."""
        async with (
            self._ports.client(self._ports, self._config) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for name, way in self._ways(client).items():
                tasks.create_task(self._ports.keep(name, way), name=name)

    def _ways(self, client: HubClient) -> dict[str, Way]:
        ways: dict[str, Way] = {
            "sync.hello": partial(self._greet, client),
            "sync.ops": partial(self._downlink.run, client),
        }
        for uplink, lane in zip(self._uplinks, Lane, strict=True):
            ways[f"sync.{lane}"] = partial(uplink.run, client)
        if self._blobs is not None:
            ways["sync.blobs"] = partial(self._blobs.run, client)
        return ways | {"sync.count": self._count, "sync.janitor": self._tidy}

    def _backoff(self) -> Backoff:
        return Backoff(self._ports.chance.jitter, self._config.backoff_max_s)

    async def _greet(self, client: HubClient) -> None:
        """Say hello at start, when a task wants it, and as the heartbeat."""
        backoff = self._backoff()
        while True:
            self._contact.hello_wanted.clear()
            try:
                await self._hello(client)
            except HubAway as error:
                self._contact.lost(error)
                await asyncio.sleep(backoff.next_s(error.retry_after_s))
                continue
            except HubRefused as error:
                await self._turned_away(error)
                await asyncio.sleep(backoff.next_s())
                continue
            backoff.reset()
            try:
                async with asyncio.timeout(self._config.heartbeat_s):
                    await self._contact.hello_wanted.wait()
            except TimeoutError:
                continue

    async def _hello(self, client: HubClient) -> None:
        try:
            hello = await self._db.read(self._hello_tx(client.clock_offset_ms))
        except ValidationError as error:  # an older release stored what it was told
            names = ", ".join(str(wrong["loc"][0]) for wrong in error.errors())
            said = f"state.db holds what cannot be said ({names})"
            raise HubRefused(Problem(key="sync.invalid", detail=said)) from error
        answer = await client.post(HELLO_PATH, hello, HelloAnswer)
        check_answer(hello, answer)
        fp("sync.edge.hello_answered")
        time = self._ports.time
        if time is not None:
            time.hear(answer.server_time_ms)

        now_ms, rows = to_ms(self._ports.clock.wall()), (answer.gen, answer.head_op)
        station_id = self._outbox.station_id

        def tx(conn: sqlite3.Connection) -> None:
            conn.execute(
                "UPDATE sync_self SET greeted = 1, session = ?, boot_epoch = max(boot_epoch, ?)",
                (answer.session, answer.min_boot_epoch),
            )
            for lane in Lane:  # before the fence looks: what the hub stands at may be lost here
                close_tears_tx(conn, station_id, lane, answer.acked.of(lane), now_ms)
            if self.fence.admitted_tx(conn, answer.acked.facts, rows, now_ms):
                self._speak_tx(conn)
            if time is not None:
                time.save_tx(conn)

        await self._db.write(tx)
        fp("sync.edge.session_stored")
        await self.fence.settle()
        client.session = answer.session
        client.proto = answer.proto or FIRST
        now_ms = to_ms(self._ports.clock.wall())
        client.clock_offset_ms = answer.server_time_ms - now_ms
        for uplink in self._uplinks:
            await uplink.reconcile(answer.acked)
        self._downlink.gen = answer.gen
        self._contact.refusal = ""
        self._contact.heard()
        self._contact.ready.set()

    def _speak_tx(self, conn: sqlite3.Connection) -> None:
        """Say where the rows stand: any fact of ours shows the hub which of its facts we do not know."""
        place = cursor_tx(conn)
        body = ReplicaApplied(gen=place.gen, op=place.op)
        self._outbox.append_tx(conn, body, occurred_at=self._ports.clock.wall())

    def _hello_tx(self, clock_offset_ms: int) -> Callable[[sqlite3.Connection], Hello]:
        backlog = self._outbox.backlog()
        seen = self._ports.time.view() if self._ports.time else None
        # Told of the machine's own clock: that is the one somebody has to set.
        offset_ms = clock_offset_ms - (seen.system_off_ms if seen else 0)

        def tx(conn: sqlite3.Connection) -> Hello:
            own = conn.execute("SELECT * FROM sync_self").fetchone()
            return Hello(
                install_id=own["install_id"],
                hello_id=own["hello_id"],
                session=own["session"],
                boot_epoch=own["boot_epoch"],
                gen=own["gen"],
                op=own["op"],
                digest=own["digest"].hex(),
                app_version=self._app_version,
                backlog_facts=backlog.facts,
                backlog_telemetry=backlog.telemetry,
                oldest_s=None if backlog.oldest_age_s is None else int(backlog.oldest_age_s),
                clock_offset_ms=max(-OFFSET_MAX_MS, min(OFFSET_MAX_MS, offset_ms)),
                protos=OURS.protos,
                projections=OURS.projections,
                clock_state=seen.state.value if seen else None,
                time_ms=to_ms(self._ports.clock.wall()),
                run_id=self._outbox.run_id,
            )

        return tx

    async def _turned_away(self, error: HubRefused) -> None:
        """Say once that another daemon holds the station (a copied disk, or our own older self for five minutes),
        that the hub no longer speaks our language, or that our numbers are none: everything is kept, and pickups
        go on without it."""
        self._contact.ready.clear()
        if (loud := _LOUD.get(error.key)) is not None and self._contact.refusal != error.key:
            _log.error(loud, error.problem.detail)
        self._contact.refusal = error.key
        if (why := _SHUT.get(error.key)) is not None:
            await self.fence.turned_away(to_ms(self._ports.clock.wall()), why)
        self._contact.lost(HubAway(str(error), reached=True))

    async def _count(self) -> None:
        """Keep the backlog right while nothing can be sent."""
        while True:
            await self._bell.wait()
            self._bell.clear()
            await self._outbox.count()
            await asyncio.sleep(COUNT_S)

    async def _tidy(self) -> None:
        """Let go of what the hub has had for long; drop telemetry that would fill the disk, and say so."""
        while True:
            wall = self._ports.clock.wall()

            def tidy_tx(conn: sqlite3.Connection, now_ms: int = to_ms(wall)) -> bool:
                for lane in Lane:
                    lanes.trim_tx(conn, lane, now_ms)
                dropped = lanes.drop_telemetry_tx(conn)
                for part in dropped:
                    gap = TelemetryGap(
                        boot_epoch=part.boot_epoch, first_seq=part.first_seq,
                        count=part.count, last_chain=part.last_chain,
                    )  # fmt: skip
                    self._outbox.append_tx(conn, gap, occurred_at=self._ports.clock.wall())
                return bool(dropped)

            if await self._db.write(tidy_tx):
                self._outbox.kick()
            await asyncio.sleep(JANITOR_S)
