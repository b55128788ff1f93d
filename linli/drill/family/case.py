"""One seed: parcels with several codes each, visitors who come at the wrong moment, codes taken back, power that goes.

The cabinet's own log of doors is the judge: one parcel, one opening; and what nobody has opened opens at last.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

from common.contract.replica import GrantRow
from common.kit.codes import confusable, new_code
from common.kit.errors import ConflictError, LinliError
from common.kit.failpoints import arm, disarm_all
from device_sim.config import CabinetConfig
from edge.pickup.papers import PaperSays
from edge.pickup.views import Accepted, Refused, Step
from linli.drill.lone import LoneStation, PowerCut
from linli.world.loop import VirtualLoop

PARCELS, CHILDREN_MAX, EVENTS = 6, 3, 16
POINTS = ("pickup.accepted", "pickup.door_open", "pickup.door_closed", "pickup.finished")
POWER_SHARE, RUDE_SHARE, UNTOLD_SHARE = 0.35, 0.5, 0.3
BY_SHEET_SHARE = 0.5
BETWEEN_S = 1800.0
"""Long enough for the keypad's bucket; two days in all, and the codes live three."""
_OPENS_WITHIN_S = 12


def _cut() -> None:
    raise PowerCut


@dataclass(eq=False, slots=True)
class Right:
    """One code over a parcel: the owner's, or one that she gave away; `told`: the station has its row."""

    row: GrantRow
    code: str
    told: bool = True
    ended: bool = False


@dataclass(eq=False, slots=True)
class Goods:
    """One parcel behind its door."""

    door: str
    rights: list[Right]
    opened: bool = False

    @property
    def owner(self) -> Right:
        """Return the right that the others were given away from."""
        return self.rights[0]


class Case:
    """A station and the people who come to it."""

    def __init__(self, loop: VirtualLoop, seed: int, cabinet: CabinetConfig, data: Path) -> None:
        """Build the station; nothing runs yet."""
        self._station = LoneStation(loop, seed, cabinet, data)
        self._draw = self._station.chance.jitter
        self._codes: list[str] = []
        self._goods: list[Goods] = []
        self._epoch = 0
        self.found: list[str] = []
        self.sums: Counter[str] = Counter()
        self.highest: dict[str, int] = {}

    async def run(self) -> None:
        """Live through it; `found` holds what was violated."""
        await self._station.start()
        try:
            for number in range(PARCELS):
                self._goods.append(await self._given(number))
            for _ in range(EVENTS):
                await self._one(self._draw.choice(self._goods))
                await asyncio.sleep(self._draw.uniform(0.5, 1.5) * BETWEEN_S)
            for goods in self._goods:
                await self._at_last(goods)
            self._judge()
        except (LinliError, TimeoutError, AssertionError) as error:
            self.found.append(f"the station could not go on: {error!r}")
        finally:
            disarm_all()
            await self._station.cut()

    async def _given(self, number: int) -> Goods:
        """Put a parcel in, and give it away to some."""
        station, draw = self._station, self._draw
        code = self._new_code()
        parent = await station.deliver(f"LL{number:08d}", code, "0042")
        door = json.loads(station.events("parcel.put_in")[-1])["compartment"]
        goods = Goods(door, [Right(parent, code)])
        for _ in range(draw.randint(1, CHILDREN_MAX)):
            code = self._new_code()
            update = {
                "grant_id": station.id(), "verifier": station.tag(code).hex(),
                "parent_id": parent.grant_id,
            }  # fmt: skip
            right = Right(parent.model_copy(update=update), code, draw.random() >= UNTOLD_SHARE)
            if right.told:
                await station.put(right.row)
            goods.rights.append(right)
            self.sums["given"] += 1
        return goods

    async def _one(self, goods: Goods) -> None:
        kind = self._draw.random()
        if kind < 0.68:
            await self._visit(goods, self._draw.choice(goods.rights))
        elif kind < 0.82:
            await self._end(self._draw.choice(goods.rights[1:]), "taken_back")
        elif kind < 0.94:
            if self._draw.random() < BY_SHEET_SHARE:
                await self._withdraw(goods.owner)
            else:
                await self._end(goods.owner, "revoked")
            for right in goods.rights:  # the hub's rows for the children are still on the way
                right.ended = True
        else:
            await self._reboot()

    async def _end(self, right: Right, name: str) -> None:
        await self._station.put(right.row.model_copy(update={"state": "revoked"}))
        right.told = right.ended = True
        self.sums[name] += 1

    async def _withdraw(self, right: Right) -> None:
        """Carry a sheet to the station; then a hub put back from its backup says that the code is good."""
        self._epoch += 1
        sheet = self._station.sheet(self._epoch, right.row.grant_id)
        answer = await self._station.edge.papers.show(sheet)
        if answer.says is not PaperSays.APPLIED:
            self.found.append(f"a sheet that holds was not applied: {answer.says}")
        await self._station.put(right.row)
        self.sums["withdrawn_by_sheet"] += 1

    async def _visit(self, goods: Goods, right: Right) -> None:
        """Somebody shows a code; power may go at any step, and somebody else may be waiting behind."""
        if self._draw.random() < POWER_SHARE:
            arm(self._draw.choice(POINTS), _cut)
        try:
            if await self._shows(goods, right):
                await self._stands_there(goods, right)
        finally:
            disarm_all()
        if self._station.running.done():
            await self._reboot()
            await self._leave_shut(goods)

    async def _stands_there(self, goods: Goods, right: Right) -> None:
        station = self._station
        if not await self._living(station.until(Step.OPEN, within_s=_OPENS_WITHIN_S)):
            return
        goods.opened = True
        if self._draw.random() < RUDE_SHARE:  # the next one does not wait until the door is shut
            self.sums["came_at_an_open_door"] += 1
            others = [one for one in goods.rights if one is not right]
            if await self._living(station.edge.pickup.finish()):
                await self._shows(goods, self._draw.choice(others))
        if not station.running.done():
            await self._leave_shut(goods)

    async def _shows(self, goods: Goods, right: Right) -> bool:
        """Show a code by keypad or scanner and judge the answer; True when a door is on its way."""
        flow = self._station.edge.pickup
        scanned = not right.told or self._draw.random() < 0.5
        text = self._station.qr(right.row)
        over = goods.opened or right.ended
        answer: list[Accepted | Refused] = []

        async def ask() -> None:
            answer.append(await (flow.submit_qr(text) if scanned else flow.submit(right.code)))

        self.sums["shown"] += 1
        try:
            if not await self._living(ask()):
                return False
        except ConflictError:  # somebody is at the screen
            return False
        accepted = isinstance(answer[0], Accepted)
        who = "the owner's code" if right is goods.owner else "a given code"
        if accepted and over:
            why = "was used up" if goods.opened else "had ended"
            self.found.append(f"{who} over door {goods.door} was accepted though it {why}")
        if not accepted and not over:
            self.found.append(f"{who} over door {goods.door} was refused though nobody had come")
        self.sums["accepted"] += accepted
        return accepted

    async def _living(self, act: Awaitable[object]) -> bool:
        """Wait for `act`; False when the daemon died first."""
        running, doing = self._station.running, asyncio.ensure_future(act)
        await asyncio.wait({running, doing}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
            return False
        doing.result()
        return True

    async def _reboot(self) -> None:
        self.sums["restarts"] += 1
        await self._station.cut()
        await asyncio.sleep(self._draw.uniform(1, 120))
        await self._station.start(cold=self._draw.random() < 0.5)

    async def _leave_shut(self, goods: Goods) -> None:
        """Shut the door as whoever stands there does, and let the station see it."""
        station = self._station
        await asyncio.sleep(self._draw.uniform(2, 20))
        if self._is_open(goods.door):
            goods.opened = True
            await station.push(goods.door)
        if await self._living(asyncio.sleep(10)):
            await self._living(station.edge.pickup.finish())
        if station.running.done():
            disarm_all()
            await self._reboot()

    async def _at_last(self, goods: Goods) -> None:
        """Whoever still has a right gets in, unless somebody was there before."""
        rights = [one for one in goods.rights if not one.ended]
        if goods.opened or not rights:
            return
        right = self._draw.choice(rights)
        if await self._shows(goods, right):
            await self._stands_there(goods, right)
        if not goods.opened:
            self.found.append(f"door {goods.door} opened to nobody")
        await asyncio.sleep(BETWEEN_S)

    def _judge(self) -> None:
        for goods in self._goods:
            own = [
                one
                for one in self._station.cabinet.witness.movements
                if one.label == goods.door and one.open
            ]
            openings = len(own) - 1  # the first was the keeper's
            self.sums["opened"] += openings
            if openings > 1:
                self.found.append(f"door {goods.door} opened {openings} times for one parcel")

    def _is_open(self, label: str) -> bool:
        doors = self._station.cabinet.state().doors
        return next(one for one in doors if one.label == label).open

    def _new_code(self) -> str:
        while True:
            code = new_code(self._station.chance)
            if not any(confusable(code, other) for other in self._codes):
                self._codes.append(code)
                return code
