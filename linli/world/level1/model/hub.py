"""The model hub in the place of a hub: started, stopped, asked by people, and by the station at its client port."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cloud.orders.machine import ParcelTrigger
from cloud.orders.service import CustodyStep, Wish
from common.contract import protocol
from common.contract.base import Message
from common.kit.chance import seeded_chance
from common.kit.errors import LinliError, RefusedError
from common.kit.failpoints import fp as passes
from linli.world.clock import WorldClock
from linli.world.level1.desk import BY, REASON, Bought, Desk, HubBooks
from linli.world.level1.ground import Ground
from linli.world.level1.life import Away, Crash, Life
from linli.world.level1.model import feed, sessions
from linli.world.level1.model.books import Books, Keeping, first_books
from linli.world.level1.model.drawing import Drawing
from linli.world.level1.model.facts import Facts
from linli.world.level1.model.lanes import Lanes
from linli.world.level1.model.shop import Acts

T = TypeVar("T")
SWEEP_S = 12 * 3600.0
_INSIST_S = 30.0
_EXPECTED = frozenset({"fenced", "taken_over"})
_TRIGGERS = {
    CustodyStep.PACKED: ParcelTrigger.PACK,
    CustodyStep.DEPARTED: ParcelTrigger.DEPART,
    CustodyStep.ARRIVED: ParcelTrigger.ARRIVE,
}
Reply = Message | LinliError | None
"""What a station's request comes to; None: nothing to say yet."""


class ModelHub:
    """The gateway's side of the model and the life of the program around it."""

    def __init__(self, ground: Ground, seed: int, clock: WorldClock) -> None:
        """Have the books of the first day; nothing runs yet."""
        self._ground, self._seed, self._clock = ground, seed, clock
        self._starts = 0
        self.keeping = Keeping(first_books(ground.opening))
        self.on_news = self.keeping.on_news
        self.life = Life()
        self.life.end()
        self._sweeper: asyncio.Task[None] | None = None
        self.desk: ModelDesk
        self._lanes: Lanes
        self._facts: Facts

    def start(self) -> None:
        """Begin a new life: other ids and codes are drawn, the books are those of the last commit."""
        self._starts += 1
        self.life = Life()
        chance = seeded_chance(f"{self._seed}|hub|{self._starts}")
        acts = Acts(Drawing(self._ground.opening, self._clock, chance))
        self._facts = Facts(acts)
        station_id = self._ground.paired.station.station_id
        self._lanes = Lanes(station_id, self._facts.effects(), self._facts.forked)
        self.desk = ModelDesk(self.keeping, acts)
        self._sweeper = asyncio.ensure_future(self._sweep())

    def stop(self) -> None:
        """End this life."""
        self.life.end()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for told in self.on_news:
            told()

    async def ask(self, act: Callable[[Desk], Awaitable[T]]) -> T:
        """Return what a person gets; Away when the hub is down or dies over it."""
        if not self.life.alive:
            raise Away
        try:
            return await act(self.desk)
        except Crash:
            raise Away from None

    async def insist(self, act: Callable[[Desk], Awaitable[T]]) -> T:
        """Ask until it answers; for acts that may be repeated."""
        while True:
            try:
                return await self.ask(act)
            except Away:
                await asyncio.sleep(_INSIST_S)

    def answer(self, path: str, said: Message, session: int) -> Reply:
        """Answer a station's request; Away when the hub is down or dies before it has answered."""
        if not self.life.alive:
            raise Away
        try:
            return self._answer(path, said, session)
        except LinliError as error:
            return error
        except Crash:
            raise Away from None

    async def sweep(self) -> None:
        """Do what only time brings about."""
        now_ms = self._now_ms()
        self.keeping.write(lambda books: self._facts.sweep(books, now_ms))

    async def books(self, parcel_ids: tuple[str, ...]) -> HubBooks:
        """Return what stands in the books."""
        books = self.keeping.books
        return HubBooks(
            head_op=books.speaker.head_op,
            lag_ops=books.speaker.head_op - books.speaker.applied_op,
            events={place: (one.chain, one.body) for place, one in books.events.items()},
            odd=tuple(
                f"{kind}: {said}" for kind, said in books.odd.items() if kind not in _EXPECTED
            ),
            parcels={one: books.parcels[one].state.value for one in parcel_ids},
            custody={one: books.parcels[one].story for one in parcel_ids},
        )

    def _now_ms(self) -> int:
        return self._clock.true_ms()

    def _answer(self, path: str, said: Message, session: int) -> Reply:
        books, now_ms = self.keeping.books, self._now_ms()
        if isinstance(said, protocol.Hello):
            return self._hello(said, now_ms)
        feed.check_session(books.speaker, session)
        if isinstance(said, protocol.EventsBatch):
            found = self.keeping.write(lambda draft: self._take(draft, said, now_ms))
            passes("sync.hub.events_committed")
            return found
        if isinstance(said, protocol.OpsQuery):
            sessions.heard(self.keeping, now_ms)
            return feed.ops(self.keeping.books, said)
        if isinstance(said, protocol.SnapshotQuery):
            return feed.snapshot(books, said)
        if isinstance(said, protocol.DigestsQuery):
            return feed.digests(books, said)
        raise TypeError(f"the model hub has no {path}")

    def _take(self, draft: Books, said: protocol.EventsBatch, now_ms: int) -> Reply:
        found = self._lanes.take(draft, said, now_ms)
        sessions.note_heard(draft, now_ms)
        return found

    def _hello(self, said: protocol.Hello, now_ms: int) -> Reply:
        answer = self.keeping.write(lambda draft: sessions.hello(draft, said, now_ms))
        passes("sync.hub.hello_committed")
        if answer is None:
            return RefusedError("sync.fenced", "another daemon speaks for this station")
        return answer

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep()
            except Crash:
                return


class ModelDesk:
    """The desk of the model: each act one transaction."""

    def __init__(self, keeping: Keeping, acts: Acts) -> None:
        """Write through `acts`."""
        self._keeping, self._acts = keeping, acts

    async def place(self, wish: Wish) -> str:
        """Order."""
        lines: Counter[str] = Counter()
        for sku, qty in wish.lines:
            lines[sku] += qty
        return self._keeping.write(lambda books: self._acts.place(books, wish.person_id, lines))

    async def pay(self, order_id: str) -> None:
        """Pay."""
        self._keeping.write(lambda books: self._acts.pay(books, order_id))

    async def lock(self, order_id: str) -> None:
        """Lock."""
        self._keeping.write(lambda books: self._acts.lock(books, order_id))

    async def bought(self, order_id: str, person_id: str) -> Bought | None:
        """Look at the order's page as its owner."""
        books = self._keeping.books
        order = books.orders[order_id]
        grant = books.grants.get(order.grant_id or "")
        shown = grant is not None and not grant.revoke_asked and order.person_id == person_id
        if grant is None or grant.digits is None or not shown:
            return None
        parcels = tuple((one, books.parcels[one].label) for one in order.parcel_ids)
        return Bought(order_id, grant.grant_id, grant.digits, float(grant.valid_for_s), parcels)

    async def hand_on(self, parcel_id: str, step: CustodyStep) -> None:
        """Scan."""
        self._keeping.write(lambda books: self._acts.hand_on(books, parcel_id, _TRIGGERS[step]))

    async def cancel(self, order_id: str) -> None:
        """Cancel."""
        self._keeping.write(lambda books: self._acts.cancel(books, order_id))

    async def revoke(self, grant_id: str) -> None:
        """Revoke."""
        self._keeping.write(lambda books: self._acts.revoke(books, grant_id))

    async def open_door(self, label: str) -> None:
        """Give the command."""
        self._keeping.write(lambda books: self._acts.open_door(books, label, REASON, BY))
