"""The station of level 1: the unmodified daemon without pages, started, stopped and killed as power would."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import aiohttp

from common.kit.chance import seeded_chance
from edge.app import Edge, build_edge
from edge.config import StationConfig
from edge.ports import EdgePorts
from linli.world.clock import WorldClock
from linli.world.level1.cabinet import Cabinet, CabinetHardware
from linli.world.level1.ground import Ground
from linli.world.level1.life import Away, CheapWork, Life, StationFile
from linli.world.level1.link import Network
from linli.world.line import WorldLine

T = TypeVar("T")
PATIENCE_S = 60.0


class _AmpleSpace:
    """A disk with room, whatever the machine's own has left: another drill fills disks."""

    def __init__(self, _folder: Path) -> None:
        """Look at nothing."""

    def free_bytes(self) -> int:
        """Return more than anybody asks for."""
        return 1 << 40

    def is_readonly(self) -> bool:
        """Take everything."""
        return False


class StationHost:
    """The machine in the cabinet; `edge` is the daemon of its present life."""

    def __init__(
        self,
        ground: Ground,
        seed: int | str,
        clock: WorldClock,
        cabinet: Cabinet,
        wire: Network,
        data: Path | None = None,
        config: StationConfig | None = None,
    ) -> None:
        """Have files and settings, the ground's or those given; nothing runs yet."""
        self._ground, self._seed, self.clock = ground, seed, clock
        self._config = config or ground.config
        self.data = data or ground.station
        self._cabinet, self._wire = cabinet, wire
        self._starts = 0
        self.life = Life()
        self.life.end()
        self.up = asyncio.Event()
        """Set while the daemon serves."""
        self.edge: Edge
        self._task: asyncio.Task[None] | None = None
        self.on_start: list[Callable[[Edge], None]] = []
        self.on_surprise: list[Callable[[], None]] = []
        self.surprises: list[str] = []
        """Ends of the daemon that nobody brought about."""

    async def start(self) -> bool:
        """Begin a new life; False when it died before it served anybody."""
        self._starts += 1
        life = self.life = Life()
        ports = EdgePorts(
            clock=self.clock,
            chance=seeded_chance(f"{self._seed}|edge|{self._starts}"),
            work=CheapWork(),
            open_db=lambda path: StationFile(path, life),
            open_line=_no_line,
            connector=_no_connector,
            secrets=self._ground.paired.station,
            space=_AmpleSpace,
            hardware=lambda config, _open: CabinetHardware(self._cabinet, config, life),
            hub_client=self._wire.client,
            pages=False,
        )
        self.edge = edge = build_edge(ports, self._config, self.data)
        for told in self.on_start:
            told(edge)
        self._task = task = asyncio.ensure_future(edge.run())
        ready = asyncio.ensure_future(edge.ready.wait())
        await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if life.alive and not task.done():  # it may have died just as it began to serve
            task.add_done_callback(lambda done: self._ended(done, life))
            self.up.set()
            return True
        task.cancel()
        await self._reap(task, life)
        return False

    def kill(self) -> None:
        """End this life at once; what its tasks still try reaches nothing."""
        self.up.clear()
        self.life.end()

    async def stop(self) -> None:
        """Switch the daemon off in order, or clear away one that was killed."""
        task, life = self._task, self.life
        self.up.clear()
        if task is None:
            return
        if not task.done():
            task.cancel()
        await self._reap(task, life)
        life.end()
        self._task = None

    async def ask(self, act: Callable[[Edge], Awaitable[T]], within_s: float = PATIENCE_S) -> T:
        """Return what a person gets from the station; Away when it is down or dies over it."""
        if not self.up.is_set():
            raise Away
        return await self.life.guard(_awaited(act(self.edge)), within_s)

    def _ended(self, task: asyncio.Task[None], life: Life) -> None:
        if life.alive and not task.cancelled():
            self.surprises.append(repr(task.exception()))
            self.up.clear()
            life.end()
            for told in self.on_surprise:
                told()

    async def _reap(self, task: asyncio.Task[None], life: Life) -> None:
        try:
            await task
        except asyncio.CancelledError:
            return
        except BaseException as error:  # noqa: BLE001 - a killed daemon ends with its Crash
            if life.alive:
                self.surprises.append(repr(error))


def _no_line(_section: object) -> WorldLine:
    raise RuntimeError("level 1 has no wires")


def _no_connector() -> aiohttp.BaseConnector:
    raise RuntimeError("level 1 has no sockets")


async def _awaited(work: Awaitable[T]) -> T:
    return await work
