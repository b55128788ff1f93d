"""The station of a run: forked, the unmodified daemon over a real SQLite file, its wires and its hub behind the pipe.

The people at the station act in the same process: they die with it, and the parent knows what they had in hand.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
from yarl import URL

from common.kit.chance import seeded_chance
from common.kit.failpoints import fp
from common.kit.sqlite import SqliteDb
from device_sim.bus import Bus, Reply
from edge.app import Edge, build_edge
from edge.config import BusSection, HubSection, StationConfig
from edge.ports import EdgePorts
from edge.sync.client import HubClient
from edge.sync.link import LinkPorts
from linli.drill.forked.arms import Arm, Passed
from linli.drill.forked.ground import Ground, no_connector
from linli.drill.forked.hubside import Request, Response
from linli.drill.forked.pipe import Asking
from linli.world.clock import WorldClock
from linli.world.level1.life import CheapWork
from linli.world.line import WorldLine
from linli.world.loop import VirtualLoop

PATIENCE_S = 900.0
"""A life that has not come to its end by then is stuck."""
_LATENCY_S = 0.02


@dataclass(slots=True)
class Site:
    """What stands before the people of a life."""

    edge: Edge
    ask: Asking
    lines: list[WorldLine]

    def plug_changed(self) -> None:
        """Notice that an adapter was pulled or put back."""
        for line in self.lines:
            line.plug_changed()


Play = Callable[[Site], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Life:
    """One start of the daemon: of which run, the how manieth, from which second on, on which boot of the machine."""

    seed: int
    number: int
    at_s: float
    boot: int
    arm: Arm | None


async def live(
    loop: VirtualLoop, ground: Ground, config: StationConfig, life: Life, ask: Asking, play: Play
) -> None:
    """Be the station until its people are done."""
    await asyncio.sleep(life.at_s)
    passed = Passed(life.arm, lambda name: ask.tell("dying", name))
    lines: list[WorldLine] = []

    def line(section: BusSection) -> WorldLine:
        bus = cast("Bus", _RemoteBus(section.name, ask))
        lines.append(WorldLine(bus, lambda: bool(ask("plugged", section.name))))
        return lines[-1]

    ports = EdgePorts(
        clock=WorldClock(loop, boot_id=f"boot-{life.boot}"),
        chance=seeded_chance(f"{life.seed}|edge|{life.number}"),
        work=CheapWork(),
        open_db=lambda path: SqliteDb(path, inline=True),
        open_line=line,
        connector=no_connector,
        secrets=ground.secrets,
        hub_client=_by_courier(ask),
        pages=False,
    )
    edge = build_edge(ports, config, ground.station)
    running = asyncio.ensure_future(edge.run())
    ready = asyncio.ensure_future(edge.ready.wait())
    await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        acting = asyncio.ensure_future(_act(play, Site(edge, ask, lines)))
        await asyncio.wait((running, acting), return_when=asyncio.FIRST_COMPLETED)
        if acting.done():
            acting.result()
    if running.done():
        ask("violated", f"the daemon ended by itself: {running.exception()!r}")
    ask("passed", dict(passed.counts))
    ask.tell("done")


async def _act(play: Play, site: Site) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await play(site)
    except TimeoutError:
        site.ask("violated", f"stuck for {PATIENCE_S:.0f} s")


class _RemoteBus:
    """The bus of a cabinet that stands in the parent: what was written has left, whoever dies afterwards."""

    def __init__(self, name: str, ask: Asking) -> None:
        self.name, self._ask = name, ask

    def feed(self, data: bytes, _now_s: float) -> list[Reply]:
        replies: list[Reply] = self._ask("feed", self.name, data)
        fp("wire.frame_left")
        return replies


class _Content:
    """The body of an answer, as a stream of one part."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._body


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    content: _Content


class _Courier:
    """As much of an aiohttp session as the station's client uses; the parent carries each request to the hub."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask

    @asynccontextmanager
    async def request(
        self, method: str, url: URL, *, data: bytes | None, headers: Mapping[str, str], **_: Any
    ) -> AsyncIterator[_Answer]:
        await asyncio.sleep(_LATENCY_S)
        asked = Request(method, url.raw_path_qs, dict(headers), data)
        found: Response | None = self._ask("hub", asked)
        if found is None:
            raise aiohttp.ServerDisconnectedError
        now_s = asyncio.get_running_loop().time()
        await asyncio.sleep(max(_LATENCY_S, found.at_s - now_s))
        yield _Answer(found.status, found.headers, _Content(found.body))


def _by_courier(ask: Asking) -> Callable[[LinkPorts, HubSection], Any]:
    @asynccontextmanager
    async def client(ports: LinkPorts, config: HubSection) -> AsyncIterator[HubClient]:
        session = cast("aiohttp.ClientSession", _Courier(ask))
        yield HubClient(
            session, config.url, ports.secrets, ports.clock, ports.chance, config.request_timeout_s
        )

    return client
