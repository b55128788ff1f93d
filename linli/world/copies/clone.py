"""`linli drill clone`: a station's disk is copied, both machines live on, and everybody tries every code at both.

The bound that is promised: once a daemon has heard from the hub that it may not speak, no code opens there; and
what the hub had heard of when it last listened to a daemon, opens there no second time.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud.verify import violations_tx
from edge.sync.fence import Why
from linli.world.clock import WorldClock
from linli.world.copies.desk import Desk
from linli.world.copies.site import Order, Site, facts_of
from linli.world.level1.ground import Ground
from linli.world.level1.hub import HubHost
from linli.world.level1.life import Away
from linli.world.loop import VirtualLoop

HOUR_S = 3600.0
BEFORE_S, AFTER_S = 2 * HOUR_S, 8 * HOUR_S
_ORDERS = 9
_SETTLED_S = 1800.0
_GOOD, _FENCED = 200, 403


@dataclass(slots=True)
class Watch:
    """What the drill knows of one daemon, from its wire alone."""

    told_off: bool = False
    """The hub's last word to it was that another speaks."""
    known: set[str] = field(default_factory=set)
    """The openings the hub knew of when it last listened."""


class Clone:
    """One seed."""

    def __init__(self, loop: VirtualLoop, ground: Ground, seed: int) -> None:
        """Lay out hub, station and room for its copy."""
        self._loop, self._ground, self._seed = loop, ground, seed
        self._rng = random.Random(f"clone|{seed}")
        self._hub = HubHost(ground, seed, WorldClock(loop, boot_id="hub"))
        self._desk = Desk(ground, self._hub)
        self.found: list[str] = []
        self.figures: Counter[str] = Counter()
        self._orders: list[Order] = []
        self._keeper = str(ground.paired.access.keepers[0]["keeper_id"])
        self._copy = Path(f"{ground.station}-copy")
        self._true = Site(loop, ground, self._hub, "true", seed)
        self._twin = Site(loop, ground, self._hub, "twin", seed, self._copy)
        self._watches = {site.name: self._watch(site) for site in (self._true, self._twin)}
        self._jobs: list[asyncio.Task[Any]] = []

    async def run(self) -> None:
        """Live until the reckoning."""
        self._hub.start()
        try:
            await self._true.start()
            await asyncio.sleep(60)
            await self._before()
            await self._take_copy()
            self._spawn(self._lives(self._twin, self._rng.choice((0.0, 120.0, HOUR_S))))
            for job in self._plan():
                self._spawn(job)
            await asyncio.sleep(AFTER_S)
            await self._heal()
            self._two_do_not_serve()
            await self._true_one_stays()
            self._reckon()
        finally:
            for task in self._jobs:
                task.cancel()
            for site in (self._true, self._twin):
                await site.stop()
            self._hub.stop()

    def _watch(self, site: Site) -> Watch:
        watch = Watch()

        def heard(status: int) -> None:
            if status == _FENCED:
                watch.told_off = True
                self.figures["hellos refused"] += 1
            elif status == _GOOD:
                watch.told_off, watch.known = False, self._desk.opened()

        site.on_hello.append(heard)
        return watch

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        self._jobs.append(self._loop.create_task(job))

    async def _before(self) -> None:
        """Fill the cabinet; some come for theirs before the disk is copied."""
        await self._stock(self._true, _ORDERS - 3)
        for order in self._orders[: self._rng.randint(0, 3)]:
            await self._try(self._true, order)
        await asyncio.sleep(self._rng.uniform(0, BEFORE_S))

    async def _stock(self, site: Site, pieces: int) -> None:
        for number in range(pieces):
            order = await self._desk.buy(number, self._rng.choice(("MILK-1L", "TEA-100")))
            if order is None:
                continue
            await asyncio.sleep(120)
            if await site.put_in(order, self._keeper):
                self._orders.append(order)

    async def _take_copy(self) -> None:
        """Copy the disk of a running daemon, of a stopped one, or of one whose boot nobody answered."""
        how = self._rng.choice(("running", "stopped", "unanswered"))
        self.figures[f"copied {how}"] += 1
        if how == "running":
            self._true.copy_disk(self._copy)
            return
        await self._true.stop()
        if how == "unanswered":
            self._true.wire.cut(True)
            await self._true.start()
            await asyncio.sleep(60)
            await self._true.stop()
            self._true.wire.cut(self._rng.random() < 0.5)
        self._true.copy_disk(self._copy)
        await asyncio.sleep(self._rng.choice((0.0, 30.0, 900.0)))
        await self._true.start()

    def _plan(self) -> list[Coroutine[Any, Any, None]]:
        rng, sites = self._rng, (self._true, self._twin)
        plan: list[Coroutine[Any, Any, None]] = [self._more()]
        for site in sites:
            plan += [
                self._cut(site, self._moment(), rng.expovariate(1 / HOUR_S))
                for _ in range(rng.randint(0, 3))
            ]
            plan += [
                self._restart(site, self._moment(), rng.choice((5.0, 60.0, 900.0)))
                for _ in range(rng.randint(0, 2))
            ]
        plan += [self._decide(self._moment()) for _ in range(rng.randint(0, 3))]
        for order in self._orders:
            plan += [
                self._comes(rng.choice(sites), order, self._moment())
                for _ in range(rng.randint(1, 4))
            ]
        return plan

    def _moment(self) -> float:
        return self._rng.uniform(0, AFTER_S - 600)

    async def _lives(self, site: Site, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await site.start()

    async def _more(self) -> None:
        """Parcels come after the copy, too: to the cabinet where the keeper is."""
        await asyncio.sleep(self._moment() / 2)
        known = len(self._orders)
        await self._stock(self._true, 3)
        for order in self._orders[known:]:
            await asyncio.sleep(self._rng.uniform(0, HOUR_S))
            await self._try(self._rng.choice((self._true, self._twin)), order)

    async def _cut(self, site: Site, at_s: float, for_s: float) -> None:
        await asyncio.sleep(at_s)
        site.wire.cut(True)
        await asyncio.sleep(for_s)
        site.wire.cut(False)

    async def _restart(self, site: Site, at_s: float, for_s: float) -> None:
        await asyncio.sleep(at_s)
        if site.is_up:
            await site.stop()
            await asyncio.sleep(for_s)
            await site.start()

    async def _decide(self, at_s: float) -> None:
        """An operator lets somebody in, right or wrong."""
        await asyncio.sleep(at_s)
        if waiting := await self._desk.waiting():
            await self._desk.readmit(self._rng.choice(waiting))
            self.figures["let in"] += 1

    async def _comes(self, site: Site, order: Order, at_s: float) -> None:
        await asyncio.sleep(at_s)
        await self._try(site, order)

    async def _try(self, site: Site, order: Order) -> bool | None:
        """Type a code at a site, and judge what it did."""
        watch, before = self._watches[site.name], list(order.openings)
        told_off, known = watch.told_off, order.grant_id in watch.known
        opened = await site.type_code(order) if site.is_up else None
        self.figures["codes tried"] += 1
        if not opened:
            return opened
        at = f"{self._loop.time():.0f} s, {site.name}: the code of {order.label}"
        if told_off:
            self.found.append(f"{at} opened though the hub had said that another speaks")
        elif before and known:
            self.found.append(f"{at} opened again, and the hub knew that it was used")
        elif before:
            self.figures["opened twice within the bound"] += 1
        self.figures["opened"] += 1
        return True

    async def _heal(self) -> None:
        for site in (self._true, self._twin):
            site.wire.cut(False)
        await asyncio.sleep(_SETTLED_S)

    def _two_do_not_serve(self) -> None:
        """With whole cables one of the two takes codes, not both and not none."""
        free = [s.name for s in (self._true, self._twin) if s.is_up and not s.edge.link.view().why]
        if len(free) != 1:
            self.found.append(f"with all cables whole {free or 'nobody'} may open by codes")

    async def _true_one_stays(self) -> None:
        """The copy is switched off, the desk lets the true one speak: it must be whole again within half an hour."""
        await self._twin.stop()
        if self._true.edge.link.view().why is Why.FENCED:
            mine = await self._true.host.ask(lambda edge: edge.state_db.read(_hello_id))
            if not await self._desk.readmit(mine):
                self.found.append("the true one does not stand on the page that lets it speak")
        await asyncio.sleep(_SETTLED_S)
        if self._true.edge.link.view().why:
            self.found.append("the true one was let in and still opens nothing")
            return
        for order in self._orders:
            if self._true.is_up:
                await self._last_visit(order)
        await asyncio.sleep(_SETTLED_S)

    async def _last_visit(self, order: Order) -> None:
        state = await self._hub.insist(
            lambda desk: desk.rooms.db.read(
                lambda c: desk.rooms.stations.grants.view_tx(c, order.grant_id).state
            )
        )
        try:
            opened = await self._try(self._true, order)
        except Away:
            opened = None
        if state == "active" and not opened and not order.openings:
            self.found.append(f"{order.label} is valid at the hub and does not open")

    def _reckon(self) -> None:
        backlog = self._true.edge.outbox.backlog()
        if backlog.facts:
            self.found.append(f"the true one still keeps {backlog.facts} facts to itself")
        stored = self._desk.facts()
        mine = {row[2:] for row in facts_of(self._true.host.data)}
        if lost := mine - stored:
            self.found.append(f"{len(lost)} facts of the true one never arrived")
        foreign = stored - mine - {row[2:] for row in facts_of(self._copy)}
        if foreign:
            self.found.append(f"the hub holds {len(foreign)} facts that nobody tells")
        theirs, alarms = stored - mine, self._desk.alarms()
        self.figures["facts of the copy"] += len(theirs)
        if theirs and "fork" not in alarms:
            self.found.append("the hub took two stories and no alarm says so")
        for kind in ("fenced", "taken_over", "readmitted", "fork"):
            self.figures[f"alarm {kind}"] += kind in alarms
        self.found += [
            f"linli hub verify: {one}" for one in self._ground.db.read_now(violations_tx)
        ]


def _hello_id(conn: Any) -> str:
    return str(conn.execute("SELECT hello_id FROM sync_self").fetchone()["hello_id"])
