"""Residents: they order, come to the screen, mistype, press again, take what is theirs and shut the door, mostly."""

import asyncio
import random

from cloud.orders.service import CustodyStep, Wish
from common.kit.errors import ConflictError, LinliError, UnavailableError
from edge.pickup.views import Accepted, Refused, SessionView, Step
from linli.world.custody import Order, Parcel, Place
from linli.world.level1.cabinet import BusMood
from linli.world.level1.desk import Bought
from linli.world.level1.life import Away
from linli.world.level1.town import Town
from linli.world.scenario import Errand

LOOK_S = 1.5
_MUTE_S = 30.0
_VISITS = 12
_PRESSES = 8


class Resident:
    """One errand from the order to the food at home."""

    def __init__(self, town: Town, errand: Errand) -> None:
        """Know what to buy."""
        self._town, self._errand = town, errand
        self._rng: random.Random = town.rng(f"resident|{errand.number}")
        self._may_reopen, self._typos = errand.reopens, errand.typos
        self.order: Order | None = None

    async def run(self) -> None:
        """Live through the errand."""
        await asyncio.sleep(self._errand.at_s - self._town.loop.time())
        order = self.order = await self._buy()
        if order is None:
            return
        if self._errand.scanned:
            await self._scans(order)
        if self._errand.fetch_after_s is None:
            return
        await order.ready.wait()
        now_s, evening_s = self._town.loop.time(), self._errand.not_before_s
        await asyncio.sleep(evening_s - now_s if evening_s > now_s else self._errand.fetch_after_s)
        await self.fetch()

    async def fetch(self) -> None:
        """Go to the station until everything is at home, the time is over, or it makes no sense any more."""
        order = self.order
        if order is None:
            return
        for _ in range(_VISITS):
            asked = order.cancel_asked or order.revoke_asked
            if not order.doors or asked or self._town.oracle.is_over(order):
                return
            await self._visit(order)
            await asyncio.sleep(self._rng.uniform(900, 7200))

    async def _buy(self) -> Order | None:
        town, errand = self._town, self._errand
        person_id = town.person_id(errand.person)
        wish = Wish(person_id, town.ground.paired.station.station_id, errand.basket)
        try:
            order_id = await town.hub.insist(lambda desk: desk.place(wish))
            await town.hub.insist(lambda desk: desk.pay(order_id))
            await town.hub.insist(lambda desk: desk.lock(order_id))
        except LinliError as error:  # sold out, or the hub was away until it was too late to pay
            town.note("no order", errand.number, error.key)
            return None
        bought = await town.hub.insist(lambda desk: desk.bought(order_id, person_id))
        return None if bought is None else self._known(bought)

    def _known(self, bought: Bought) -> Order:
        order = Order(
            self._errand.number, bought.order_id, bought.grant_id, bought.code,
            bought.valid_for_s, phone_tail=self._town.phone_tail(self._errand.person),
        )  # fmt: skip
        order.parcels = [
            Parcel(parcel_id, label, order, arrives_s=self._errand.arrives_s)
            for parcel_id, label in bought.parcels
        ]
        self._town.oracle.orders.append(order)
        self._town.note("ordered", order.number, *(one.label for one in order.parcels))
        return order

    async def _scans(self, order: Order) -> None:
        for step in CustodyStep:
            for parcel in order.parcels:
                try:
                    await self._scan(parcel, step)
                except ConflictError:
                    return

    async def _scan(self, parcel: Parcel, step: CustodyStep) -> None:
        await self._town.hub.insist(lambda desk: desk.hand_on(parcel.parcel_id, step))

    async def _visit(self, order: Order) -> None:
        town = self._town
        async with town.screen:
            await town.station_up()
            typos, self._typos = self._typos, 0  # the next time she reads it twice
            for _ in range(typos):
                if not await self._type(_mistyped(order.code, self._rng), None):
                    return
                await asyncio.sleep(self._rng.uniform(2, 10))
            if self._errand.muted:
                town.later(_mute(town))
            if await self._type(order.code, order):
                await self._stand(order)

    async def _type(self, code: str, order: Order | None) -> bool:
        """Type a code; True when the screen says yes, or says no to a code that was a slip."""
        town = self._town
        verdict = await type_code(town, code, order)
        if order is None:
            return isinstance(verdict, Refused)
        return isinstance(verdict, Accepted)

    async def _stand(self, order: Order) -> None:
        """Do what the screen says until it says nothing any more."""
        presses = 0
        while presses < _PRESSES:
            await asyncio.sleep(LOOK_S)
            try:
                view = self._town.look(lambda edge: edge.pickup.session())
            except Away:
                await self._hands(order)
                return
            if view is None or view.step is Step.DONE:
                return
            if view.step is Step.OPEN or (self._errand.hasty and view.step is Step.OPENING):
                await self._use(order, view.compartment)
            elif view.step in (Step.NOT_OPENED, Step.CLOSED, Step.FAILED):
                presses += 1
                if not await self._go_on(order, view):
                    return

    async def _use(self, order: Order, label: str) -> None:
        """Take what is behind an open door, and shut it."""
        town = self._town
        if not town.cabinet.doors[label].open:
            return
        if self._errand.revoked_at_door and not order.revoke_asked:
            town.later(revoke(town, order))
        if self._errand.helped and (
            others := [
                one for one in order.parcels if one.place is Place.DOOR and one.door != label
            ]
        ):
            town.later(town.hand_over(others[0]))
        town.busy_doors.add(label)
        try:
            town.oracle.takes(order, label, Place.PERSON)
            await asyncio.sleep(self._rng.uniform(5, 25))
            if self._rng.random() < 0.95:  # the others leave it to whoever comes by
                town.cabinet.push(label)
        finally:
            town.busy_doors.discard(label)

    async def _hands(self, order: Order) -> None:
        """No door, or no screen: watch for a while, take what an open door offers."""
        for _ in range(4):
            for label in sorted(order.doors):
                await self._use(order, label)
            await asyncio.sleep(8.0)

    async def _go_on(self, order: Order, view: SessionView) -> bool:
        """Press what the screen offers; False: walk away."""
        rng = self._rng
        if view.step in (Step.FAILED, Step.NOT_OPENED):
            before = order.doors
            await self._hands(order)
            if order.doors != before:
                return True
        if view.step is Step.FAILED:
            elsewhere = order.may_open - {view.compartment}
            return view.another and await self._press("proceed", order, elsewhere)
        if view.step is Step.NOT_OPENED:
            if rng.random() < 0.15:
                return False
            return await self._press("again", order, {view.compartment}, again=False)
        lies_there = view.compartment in order.doors  # somebody shut it before she took it
        if (self._may_reopen or lies_there) and view.reopens_left and view.reopen_left_s > 5:
            self._may_reopen = False
            return await self._press("reopen", order, {view.compartment}, again=True)
        if view.index < view.total or rng.random() < 0.6:
            return await self._press("proceed", order, order.may_open - {view.compartment})
        return False

    async def _press(
        self, key: str, order: Order, doors: frozenset[str] | set[str], *, again: bool = False
    ) -> bool:
        town = self._town
        act = town.oracle.act(f"{key} of order {order.number}", doors, order, again=again)
        town.note("press", key, order.number)
        try:
            await town.station.ask(lambda edge: getattr(edge.pickup, key)())
        except (ConflictError, UnavailableError):
            town.oracle.void(act)
            await asyncio.sleep(5.0)
            return True
        except Away:
            await self._hands(order)
            return False
        town.oracle.granted(act)
        return True


async def _mute(town: Town) -> None:
    """Let the bus obey without answering for half a minute."""
    cabinet = town.cabinet
    if cabinet.mood is not BusMood.WELL:
        return
    town.note("the bus is mute")
    cabinet.set_mood(BusMood.MUTE)
    await asyncio.sleep(_MUTE_S)
    if cabinet.is_mood(BusMood.MUTE):
        cabinet.set_mood(BusMood.WELL)


async def revoke(town: Town, order: Order) -> None:
    """Take the right to open back, at the hub."""
    order.revoke_asked = True
    try:
        await town.hub.insist(lambda desk: desk.revoke(order.grant_id))
    except LinliError as error:
        order.revoke_asked = False
        town.note("not revoked", order.number, error.key)
    else:
        town.note("revoke asked", order.number)


async def type_code(town: Town, code: str, order: Order | None) -> Accepted | Refused | None:
    """Type a code and hold the answer against what it had to be; None: no answer."""
    oracle = town.oracle
    before = oracle.expected(order)
    act = oracle.act(
        f"code {order.number if order else 'wrong'}", order.may_open if order else (), order
    )
    try:
        answer = await town.station.ask(lambda edge: edge.pickup.submit(code))
        if isinstance(answer, Refused) and answer.second_factor:
            tail = order.phone_tail if order else "0000"
            answer = await town.station.ask(lambda edge: edge.pickup.submit(code, tail))
    except Away:
        oracle.tried()
        return None
    except (ConflictError, UnavailableError):
        oracle.void(act)
        return None
    after = oracle.expected(order)
    expected = before if before == after else "either"
    accepted = isinstance(answer, Accepted)
    wait_s = answer.wait_s if isinstance(answer, Refused) else 0
    oracle.judge(code, order, expected, accepted=accepted, wait_s=wait_s)
    if accepted:
        oracle.granted(act)
    else:
        oracle.void(act)
    return answer


def _mistyped(code: str, rng: random.Random) -> str:
    at = rng.randrange(len(code))
    digit = str((int(code[at]) + rng.randint(1, 9)) % 10)
    return code[:at] + digit + code[at + 1 :]
