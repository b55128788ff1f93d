"""`linli drill hub-restore`: the hub's database is lost and put back from an older backup, its station is further on.

What the station keeps refills the hub; what only the hub had is gone, and no code may come back to life by it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from cloud.backup import backup
from cloud.verify import violations_tx
from common.kit.errors import LinliError, NotFoundError
from linli.world.clock import WorldClock
from linli.world.copies.desk import SKUS, Desk
from linli.world.copies.site import Order, Site, facts_of
from linli.world.level1.ground import Ground
from linli.world.level1.hub import HubHost
from linli.world.level1.life import Away
from linli.world.loop import VirtualLoop

HOUR_S = 3600.0
SPAN_S = 16 * HOUR_S
_ORDERS = 10
_SETTLED_S = 1800.0
_LOOK_S = 0.25


class Restore:
    """One seed."""

    def __init__(self, loop: VirtualLoop, ground: Ground, seed: int) -> None:
        """Lay out hub and station."""
        self._loop, self._ground = loop, ground
        self._rng = random.Random(f"restore|{seed}")
        self._hub = HubHost(ground, seed, WorldClock(loop, boot_id="hub"))
        self._desk = Desk(ground, self._hub)
        self._site = Site(loop, ground, self._hub, "station", seed)
        self._keeper = str(ground.paired.access.keepers[0]["keeper_id"])
        self._backup = Path(f"{ground.hub}-copy")
        self.found: list[str] = []
        self.figures: Counter[str] = Counter()
        self._orders: list[Order] = []
        self._told: set[tuple[Any, ...]] = set()
        """What the hub had acknowledged before it was lost, place by place."""
        self._jobs: list[asyncio.Task[Any]] = []

    async def run(self) -> None:
        """Live until the reckoning."""
        rng = self._rng
        self._hub.start()
        try:
            await self._site.start()
            backup_s = rng.uniform(HOUR_S, SPAN_S * 0.6)
            lost_s = rng.uniform(backup_s + 600, SPAN_S * 0.9)
            for job in (*self._life(), self._copy(backup_s), self._lose(lost_s)):
                self._jobs.append(self._loop.create_task(job))
            await asyncio.sleep(SPAN_S + 2 * HOUR_S)
            self._site.wire.cut(False)
            await asyncio.sleep(_SETTLED_S)
            await self._everybody_again()
            await asyncio.sleep(_SETTLED_S)
            await self._reckon()
        finally:
            for task in self._jobs:
                task.cancel()
            await self._site.stop()
            self._hub.stop()

    def _life(self) -> list[Coroutine[Any, Any, None]]:
        rng = self._rng
        life = [self._errand(n, rng.uniform(0, SPAN_S * 0.8)) for n in range(_ORDERS)]
        life += [
            self._cut(rng.uniform(0, SPAN_S), rng.expovariate(1 / HOUR_S))
            for _ in range(rng.randint(0, 3))
        ]
        if rng.random() < 0.5:
            life.append(self._restart(rng.uniform(0, SPAN_S)))
        return life

    async def _errand(self, number: int, at_s: float) -> None:
        await asyncio.sleep(at_s)
        order = await self._desk.buy(number, self._rng.choice(SKUS))
        if order is None:
            return
        self._orders.append(order)
        for _ in range(4):  # the van waits while the row is on its way
            await asyncio.sleep(self._rng.uniform(120, 1800))
            if await self._site.put_in(order, self._keeper):
                break
        await asyncio.sleep(self._rng.expovariate(1 / (3 * HOUR_S)))
        await self._try(order)

    async def _try(self, order: Order) -> None:
        used = bool(order.openings)
        opened = await self._site.type_code(order) if self._site.is_up else None
        if opened and used:
            self.found.append(f"the code of {order.label} opened a second time")
        self.figures["opened"] += bool(opened)

    async def _cut(self, at_s: float, for_s: float) -> None:
        await asyncio.sleep(at_s)
        self._site.wire.cut(True)
        await asyncio.sleep(for_s)
        self._site.wire.cut(False)

    async def _restart(self, at_s: float) -> None:
        await asyncio.sleep(at_s)
        await self._site.stop()
        await asyncio.sleep(30)
        await self._site.start()

    async def _copy(self, at_s: float) -> None:
        await asyncio.sleep(at_s)
        self._backup.mkdir()
        backup(self._ground.hub_config, self._backup / "hub.db")

    async def _lose(self, at_s: float) -> None:
        """The disk of the hub dies; an operator puts the backup back, and later withdraws a code."""
        await asyncio.sleep(at_s)
        self._hub.stop()
        self._told = {_place(row) for row in self._desk.rows()}
        await asyncio.sleep(self._rng.choice((60.0, 1800.0, 3 * HOUR_S)))
        self._site.wire.cut(True)  # the operator is quicker than the station
        self._ground.restore_hub(self._backup / "hub.db")
        self.figures["facts only at the station"] += len(
            self._told - {_place(row) for row in self._desk.rows()}
        )
        self._hub.start()
        waiting = await self._withdraw()
        self._site.wire.cut(False)
        if waiting:
            await self._is_honest(waiting)

    async def _withdraw(self) -> list[Order]:
        """Revoke what the restored hub believes to be valid, until its ops count as far as before."""
        asked = []
        for order in self._orders:
            try:
                await self._hub.ask(
                    lambda desk, one=order: desk.revoke(one.grant_id)  # type: ignore[misc]
                )
            except LinliError as error:  # ended, or forgotten by this hub
                self.figures[f"not revoked: {error.key}"] += 1
            else:
                asked.append(order)
        return asked

    async def _is_honest(self, asked: list[Order]) -> None:
        """While the station still takes a code, the hub must not say that it is revoked."""
        for _ in range(int(600 / _LOOK_S)):
            await asyncio.sleep(_LOOK_S)
            if not self._site.is_up:
                continue
            live = await self._live()
            for order in asked:
                said = self._ground.db.read_now(
                    lambda c, one=order: self._hub.rooms.stations.grants.view_tx(c, one.grant_id)  # type: ignore[misc]
                )
                if said.state == "revoked" and order.grant_id in live:
                    self.found.append(f"{order.label} is called revoked and would still open")
                    return

    async def _live(self) -> set[str]:
        def read(conn: Any) -> set[str]:
            rows = conn.execute("SELECT grant_id FROM grant_use WHERE state = 'issued'")
            return {str(row["grant_id"]) for row in rows}

        try:
            return await self._site.host.ask(lambda edge: edge.state_db.read(read))
        except Away:
            return set()

    async def _everybody_again(self) -> None:
        for order in self._orders:
            await self._try(order)

    async def _reckon(self) -> None:
        edge = self._site.edge
        if backlog := (await edge.outbox.count()).facts:
            self.found.append(f"the station still keeps {backlog} facts to itself")
        rows = self._desk.rows()
        here = {_place(row) for row in rows}
        if lost := self._told - here:
            self.found.append(f"{len(lost)} facts the hub had acknowledged are lost to it")
        mine = {(row[0], row[1], row[3], row[4]) for row in facts_of(self._site.host.data)}
        if lost := mine - here:
            self.found.append(f"{len(lost)} facts of the station are not at the hub")
        self.figures["facts"] += len(here)
        cursor, station_id = await edge.replica.cursor(), self._desk.station_id
        status = self._ground.db.read_now(
            lambda c: self._hub.rooms.gateway.station_status_tx(c, station_id)
        )
        if cursor.op != status.head_op or status.lag_ops:
            self.found.append(f"the rows stand at op {cursor.op}, the hub at {status.head_op}")
        if odd := self._desk.alarms():
            self.found.append(f"the hub has the alarms {sorted(odd)}")
        for order in self._orders:
            await self._once(order)
        self.found += [f"linli hub verify: {s}" for s in self._ground.db.read_now(violations_tx)]

    async def _once(self, order: Order) -> None:
        """Each step of a parcel that this hub knows happened once."""
        try:
            steps = await self._hub.insist(lambda desk: desk.rooms.orders.custody(order.parcel_id))
        except NotFoundError:  # bought after the backup: this hub never knew it
            self.figures["orders only the lost hub knew"] += 1
            return
        for source, times in Counter(step.source for step in steps).items():
            if times > 1:
                self.found.append(f"{source} moved {order.label} {times} times")
        if sum(step.cause == "collected" for step in steps) > 1:
            self.found.append(f"{order.label} was collected more than once")


def _place(row: Any) -> tuple[Any, ...]:
    return (row.boot_epoch, row.seq, row.type, row.body)
