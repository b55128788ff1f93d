"""Keepers: they put in what came, take out what must go, see to doors that failed, and look into one at times."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.kit.errors import LinliError
from edge.access.keepers import KeeperSession
from edge.app import Edge
from edge.pickup.views import DeskStep, NextReason, ParcelView, PutInStep, PutInView, ScanRefused
from linli.world.custody import Act, Parcel, Place
from linli.world.level1.life import Away
from linli.world.level1.town import Town

T = TypeVar("T")
LOOK_S = 1.5
_DOORS_TRIED = 4
_LOOKS = 5
_PATIENCE_S = 420.0


class Keeper:
    """One keeper at the tablet; rounds never overlap."""

    def __init__(self, town: Town) -> None:
        """Have the PIN in mind."""
        self._town, self._rng = town, town.rng("keeper")
        known = town.ground.paired.access.keepers[0]
        self._pin, self.keeper_id = known["pin"], known["keeper_id"]
        self._tablet = asyncio.Lock()
        self.is_last, self.puts_in = False, True
        """In the last rounds nothing is taken back: what is put in then is what must be fetched."""

    async def run(self) -> None:
        """Make every round of the plan."""
        for at_s in self._town.plan.keeper_rounds:
            await asyncio.sleep(max(0.0, at_s - self._town.loop.time()))
            await self.round()

    async def round(self) -> None:
        """Sign in, clear out, put in, mend."""
        async with self._tablet:
            if not await self._sign_in():
                return
            await self._mend()
            await self._clear()
            for order in list(self._town.oracle.orders):
                for parcel in order.parcels:
                    here = parcel.arrives_s <= self._town.loop.time()
                    if parcel.place is Place.VAN and self.puts_in and here:
                        await self._put_in(parcel)
            if self._rng.random() < 0.2:
                await self._inspect()

    async def help(self, parcel: Parcel) -> None:
        """Give one parcel out at the tablet, whoever stands at the screen meanwhile."""
        if self._tablet.locked() or self.is_last:
            return
        async with self._tablet:
            if await self._sign_in() and parcel.place is Place.DOOR and parcel.stored:
                await self._hand_over(parcel)

    async def _sign_in(self) -> bool:
        for _ in range(5):
            await self._town.station_up()
            try:
                found = await self._town.station.ask(lambda edge: edge.desk.sign_in(self._pin))
            except Away:
                continue
            if isinstance(found, KeeperSession):
                return True
            await asyncio.sleep(60.0 + found.wait_s)
        return False

    async def _put_in(self, parcel: Parcel) -> None:
        act = self._town.oracle.act(f"put-in of {parcel.label}", None)
        found = await self._ask(
            act, lambda edge: edge.desk.scan(self.keeper_id, parcel.label), named=_door_of
        )
        if (
            isinstance(found, ScanRefused)
            and found.key == "put_in.already_placed"
            and not parcel.unsure
        ):
            self._town.oracle.violate(f"{parcel.label} is in the van and placed at the station")
        if not isinstance(found, PutInStep) and not (
            found is None and await self._has_in_hand(parcel)
        ):
            self._town.note("not put in", parcel.label, getattr(found, "key", found))
            return
        for _ in range(_DOORS_TRIED):
            view = await self._stand(parcel)
            if view is None or view.step is not DeskStep.FAILED:
                break
            next_act = self._town.oracle.act(f"next door for {parcel.label}", None)
            reason = NextReason.DID_NOT_OPEN
            found = await self._ask(
                next_act,
                lambda edge, why=reason: edge.desk.put_in_next(self.keeper_id, why),  # type: ignore[misc]
                named=_door_of,
            )
            if found is None:
                break
        else:
            await self._ask(None, lambda edge: edge.desk.put_in_cancel(self.keeper_id))
        if (
            parcel.place is Place.DOOR
            and parcel.stored
            and self._rng.random() < 0.03
            and not self.is_last
        ):
            await self._undo(parcel)

    async def _has_in_hand(self, parcel: Parcel) -> bool:
        """Look whether the tablet, dark when she scanned, asks for this parcel: its door may stand open."""
        for _ in range(_LOOKS):
            await self._town.station_up()
            try:
                view = self._town.look(lambda edge: edge.desk.put_in_view())
            except Away:
                await asyncio.sleep(LOOK_S)
                continue
            over = view is None or view.step in (DeskStep.STORED, DeskStep.DONE)
            return not over and view.parcel.parcel_id == parcel.parcel_id
        return False

    async def _stand(self, parcel: Parcel) -> PutInView | None:
        """Follow the tablet until the door is shut again or did not open; None: the tablet stays dark."""
        town, until_s, patient = self._town, self._town.loop.time() + _PATIENCE_S, False
        while town.loop.time() < until_s:
            await asyncio.sleep(LOOK_S)
            try:
                view: PutInView | None = town.look(lambda edge: edge.desk.put_in_view())
            except Away:  # nobody walks off with the parcel from an open door
                until_s += LOOK_S
                continue
            if view is None or view.parcel.parcel_id != parcel.parcel_id:
                return None
            if view.step is DeskStep.OPEN and town.cabinet.doors[view.compartment].open:
                if parcel.place is Place.VAN:
                    town.oracle.puts(parcel, view.compartment)
                await self._shut(view.compartment)
            elif view.step is DeskStep.STORED:
                town.oracle.stored(parcel)
                return view
            elif view.step is DeskStep.DONE or (view.step is DeskStep.FAILED and patient):
                return view
            elif view.step is DeskStep.FAILED:
                patient = True  # the bolt may give way late
                await asyncio.sleep(32.0)
        return None

    async def _shut(self, label: str) -> None:
        self._town.busy_doors.add(label)
        try:
            await asyncio.sleep(self._rng.uniform(4, 9))
            self._town.cabinet.push(label)
        finally:
            self._town.busy_doors.discard(label)

    async def _undo(self, parcel: Parcel) -> None:
        act = self._town.oracle.act(f"undo of {parcel.label}", {parcel.door})
        if await self._ask(act, lambda edge: edge.desk.undo(self.keeper_id)) is not None:
            await self._take_out(parcel.door, Place.VAN)

    async def _clear(self) -> None:
        """Take out what must go; hand over what somebody asks for at the tablet."""
        views = await self._ask(None, lambda edge: edge.desk.overdue())
        for view in views or ():
            await self._remove(view)
        placed = [
            one
            for order in self._town.oracle.orders
            for one in order.parcels
            if one.place is Place.DOOR and one.stored and not order.cancel_asked
        ]
        if placed and self._rng.random() < 0.1:
            await self._hand_over(self._rng.choice(placed))

    async def _remove(self, view: ParcelView) -> None:
        label = view.compartment
        if label is None:
            return
        act = self._town.oracle.act(f"removal of {view.label}", {label})
        removed = await self._ask(
            act, lambda edge: edge.desk.remove_overdue(self.keeper_id, view.parcel_id, "over")
        )
        if removed is not None:
            await self._take_out(label, Place.KEEPER)

    async def _hand_over(self, parcel: Parcel) -> None:
        act = self._town.oracle.act(f"hand-over of {parcel.label}", {parcel.door})
        given = await self._ask(
            act, lambda edge: edge.desk.hand_over(self.keeper_id, parcel.parcel_id, "no phone")
        )
        if given is not None:
            await self._take_out(parcel.door, Place.COUNTER)

    async def _take_out(self, label: str, place: Place) -> None:
        """Wait for the door, take what lies there, hold it open until the tablet knows, shut it."""
        town, until_s = self._town, self._town.loop.time() + _PATIENCE_S
        taken: Parcel | None = None
        step, patient = None, False
        town.busy_doors.add(label)
        try:
            while town.loop.time() < until_s:
                await asyncio.sleep(LOOK_S)
                if town.cabinet.doors[label].open:
                    taken = town.oracle.takes(None, label, place) or taken
                    if taken is not None:
                        taken.unsure = True  # until the tablet has seen the door open
                step = self._step_at(label)
                if taken is not None and step in (DeskStep.OPEN, DeskStep.DONE):
                    taken.unsure = False
                if step in (DeskStep.OPEN, DeskStep.DONE) or (step is None and patient):
                    break
                if step is DeskStep.FAILED:
                    if patient:
                        break
                    patient = True  # the bolt may give way late
                    await asyncio.sleep(32.0)
            await self._shut(label)
            for _ in range(8):  # the next parcel waits until the tablet has seen it shut
                await asyncio.sleep(LOOK_S)
                if self._step_at(label) is not DeskStep.OPEN:
                    break
        finally:
            town.busy_doors.discard(label)

    def _step_at(self, label: str) -> DeskStep | None:
        """Return what the tablet says of the door in hand; OPENING while it is dark."""
        try:
            view: PutInView | None = self._town.look(lambda edge: edge.desk.put_in_view())
        except Away:
            return DeskStep.OPENING
        return view.step if view is not None and view.compartment == label else None

    async def _mend(self) -> None:
        """Put doors back into service that work again; their parcels may be tried again."""
        try:
            cells = self._town.look(lambda edge: edge.facts.doors())
        except Away:
            return
        for cell in cells:
            if cell.out_of_service and not self._town.cabinet.doors[cell.label].jammed:
                await self._ask(
                    None,
                    lambda edge, label=cell.label: edge.desk.mark(  # type: ignore[misc]
                        self.keeper_id, label, False, "looked at"
                    ),
                )
                self._town.oracle.allowed_again(cell.label)

    async def _inspect(self) -> None:
        label = self._rng.choice(sorted(self._town.cabinet.doors))
        act = self._town.oracle.act(f"look into {label}", {label})
        asked = await self._ask(
            act, lambda edge: edge.desk.open_door(self.keeper_id, label, "a smell")
        )
        if asked is None:
            return
        self._town.oracle.allowed_again(label)
        for _ in range(8):
            await asyncio.sleep(LOOK_S)
            if self._town.cabinet.doors[label].open:
                await self._shut(label)
                return

    async def _ask(
        self,
        act: Act | None,
        ask: Callable[[Edge], Awaitable[T]],
        named: Callable[[T], frozenset[str] | None] | None = None,
    ) -> T | None:
        """Ask the desk; None when it refuses or does not answer."""
        oracle = self._town.oracle
        try:
            answer = await self._town.station.ask(ask)
        except LinliError as error:
            self._town.note("desk refused", error.key)
            if act is not None:
                oracle.void(act)
            return None
        except Away:
            await self._town.station_up()
            return None
        if act is not None:
            doors = named(answer) if named else None
            if named is not None and doors is None:
                oracle.void(act)
            else:
                oracle.granted(act, doors)
        return answer


def _door_of(found: object) -> frozenset[str] | None:
    return frozenset({found.compartment}) if isinstance(found, PutInStep) else None
