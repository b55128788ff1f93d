"""One place with doors: a cabinet, a daemon on a disk of its own, a wire to the hub, and what people do there."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from yarl import URL

from common.contract import protocol
from common.kit.errors import ConflictError, UnavailableError
from edge.app import Edge
from edge.pickup.views import Accepted, DeskStep, PutInStep, Refused, Step
from edge.sync.client import Answer
from linli.world.clock import WorldClock
from linli.world.level1.cabinet import Cabinet
from linli.world.level1.ground import Ground
from linli.world.level1.hub import HubHost
from linli.world.level1.life import Away
from linli.world.level1.link import Wire
from linli.world.level1.station import StationHost
from linli.world.loop import VirtualLoop

LOOK_S = 1.0
_LOOKS = 90
_DATABASES = ("state.db", "telemetry.db")


@dataclass(eq=False, slots=True)
class Order:
    """One order of one parcel: what opens it, and where it lies."""

    order_id: str
    grant_id: str
    code: str
    label: str
    parcel_id: str
    door: str = ""
    openings: list[tuple[float, str]] = field(default_factory=list)
    """When and where its code was taken."""


class Listening(Wire):
    """A wire that lets the drill hear what the hub answers to a hello."""

    def __init__(self, hub: HubHost, rng: random.Random, heard: Callable[[int], None]) -> None:
        """Call `heard` with the status of every answer that arrives."""
        super().__init__(hub, rng, lambda *_: None)
        self._heard = heard

    async def call(self, method: str, path: URL, session: int, body: bytes) -> Answer:
        """Carry a request."""
        answer = await super().call(method, path, session, body)
        if path.path == protocol.HELLO_PATH:
            self._heard(answer.status)
        return answer


class Site:
    """A daemon and its doors; `start` and `stop` are its power."""

    def __init__(
        self,
        loop: VirtualLoop,
        ground: Ground,
        hub: HubHost,
        name: str,
        seed: int,
        data: Path | None = None,
    ) -> None:
        """Stand ready; nothing runs yet."""
        self.name, self._loop, self._ground, self._hub, self._seed = name, loop, ground, hub, seed
        labels = tuple(part.label for part in ground.config.compartment)
        self.cabinet = Cabinet(labels, random.Random(f"{seed}|{name}|cabinet"))
        self.on_hello: list[Callable[[int], None]] = []
        self.wire = Listening(hub, random.Random(f"{seed}|{name}|wire"), self._heard)
        self.clock = WorldClock(loop, boot_id=f"{name}-1")
        self.host = StationHost(ground, f"{seed}|{name}", self.clock, self.cabinet, self.wire, data)
        self.on_power: list[Callable[[], None]] = []

    @property
    def edge(self) -> Edge:
        """Return the daemon of the present life."""
        return self.host.edge

    @property
    def is_up(self) -> bool:
        """Return whether it serves."""
        return self.host.up.is_set()

    async def start(self) -> None:
        """Switch it on; whatever keeps it from serving ends the drill."""
        if not await self.host.start():
            raise RuntimeError(f"the daemon {self.name} does not start: {self.host.surprises}")

    async def stop(self) -> None:
        """Switch it off in order."""
        await self.host.stop()

    def copy_disk(self, to: Path) -> None:
        """Take an image of the disk, be it while the daemon runs."""
        to.mkdir(parents=True)
        for name in _DATABASES:
            with (
                closing(sqlite3.connect(self.host.data / name)) as source,
                closing(sqlite3.connect(to / name)) as target,
            ):
                source.backup(target)

    async def put_in(self, order: Order, keeper_id: str) -> bool:
        """Let the keeper bring the parcel behind a door; False when the station takes nothing in."""
        try:
            found = await self.host.ask(lambda edge: edge.desk.scan(keeper_id, order.label))
        except (Away, ConflictError, UnavailableError):
            return False
        if not isinstance(found, PutInStep):
            return False
        for _ in range(_LOOKS):
            await asyncio.sleep(LOOK_S)
            view = self.edge.desk.put_in_view() if self.is_up else None
            if view is not None and view.step is DeskStep.OPEN:
                self.cabinet.push(view.compartment)
            elif view is not None and view.step is DeskStep.STORED:
                order.door = view.compartment
                return True
        return False

    async def type_code(self, order: Order) -> bool | None:
        """Type the code, take what is there and shut the door; None: the station cannot say."""
        try:
            answer = await self.host.ask(lambda edge: edge.pickup.submit(order.code))
        except (Away, ConflictError, UnavailableError):
            return None
        if isinstance(answer, Refused) and answer.wait_s:
            return None
        if not isinstance(answer, Accepted):
            return False
        order.openings.append((self._loop.time(), self.name))
        await self._take()
        return True

    async def _take(self) -> None:
        for _ in range(_LOOKS):
            await asyncio.sleep(LOOK_S)
            view = self.edge.pickup.session() if self.is_up else None
            if view is None or view.step is Step.DONE:
                return
            if view.step is Step.OPEN:
                self.cabinet.push(view.compartment)
            elif view.step is Step.CLOSED:
                try:
                    await self.host.ask(lambda edge: edge.pickup.finish())
                except (Away, ConflictError, UnavailableError):
                    return

    def _heard(self, status: int) -> None:
        for told in self.on_hello:
            told(status)


def facts_of(data: Path) -> list[tuple[int, int, int, str, str]]:
    """Return every fact on a disk: boot epoch, seq, time, type, body."""
    with closing(sqlite3.connect(data / "state.db")) as conn:
        return conn.execute(
            "SELECT boot_epoch, seq, occurred_at_ms, type, body FROM outbox WHERE lane = 'facts'"
        ).fetchall()
