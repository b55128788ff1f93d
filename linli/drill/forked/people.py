"""Resident and keeper as they stand at a station that may die before their eyes: they look, and go on.

`hasty` hands use a door as soon as it springs open, others wait for what the screen says.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from common.kit.errors import LinliError
from device_sim.faults import Fault
from edge.access.keepers import KeeperSession
from edge.pickup.views import (
    Accepted,
    DeskStep,
    NextReason,
    ParcelState,
    PutInStep,
    Refused,
    SessionView,
    Step,
)
from linli.drill.forked.hubside import Request, Response
from linli.drill.forked.stationside import Site

T = TypeVar("T")
LOOK_S = 0.4
HANDS_S = 0.6
MOST_TRIES = 8
_REST_S = 3.0


class Hands:
    """Hands, eyes and memory of a person; the cabinet and the memory are in the parent."""

    def __init__(self, site: Site) -> None:
        """Stand before `site`."""
        self.site, self._ask = site, site.ask

    def violate(self, sentence: str) -> None:
        """Say that a promise was broken."""
        self._ask("violated", sentence)

    def remembers(self, what: str) -> bool:
        """Tell whether something was done before, in this life or an earlier one; from now on it was."""
        return bool(self._ask("mark", what, 1) > 1)

    def has_done(self, what: str) -> bool:
        """Tell whether something was counted before."""
        return bool(self._ask("mark", what, 0))

    def count(self, what: str) -> int:
        """Return the how manieth time this is."""
        return int(self._ask("mark", what, 1))

    def doors_of(self, parcel_ids: frozenset[str]) -> frozenset[str]:
        """Return the doors of parcels."""
        found: frozenset[str] = self._ask("doors_of", parcel_ids)
        return found

    def taken(self) -> frozenset[str]:
        """Return what was taken out of doors."""
        found: frozenset[str] = self._ask("taken")
        return found

    def inside(self) -> dict[str, str]:
        """Return what lies behind which door."""
        found: dict[str, str] = self._ask("inside")
        return found

    def lay(self, fault: Fault) -> None:
        """Break something."""
        self._ask("lay", fault)
        self.site.plug_changed()

    def lift(self) -> None:
        """Mend everything."""
        self._ask("lift")

    def open_doors(self) -> tuple[str, ...]:
        """Look which doors stand open."""
        found: tuple[str, ...] = self._ask("open_doors")
        return found

    async def take(self, label: str, mine: frozenset[str]) -> None:
        """Take what an open door offers, and shut it."""
        await asyncio.sleep(HANDS_S)
        self._ask("take", label, mine)
        self._ask("push", label)

    async def put(self, label: str, parcel_id: str) -> None:
        """Put a parcel behind an open door, and shut it."""
        await asyncio.sleep(HANDS_S)
        self._ask("put", label, parcel_id)
        self._ask("push", label)

    async def push(self, label: str) -> None:
        """Shut a door."""
        await asyncio.sleep(HANDS_S)
        self._ask("push", label)

    async def want(
        self, what: str, doors: frozenset[str] | None, act: Callable[[], Awaitable[T]]
    ) -> T | None:
        """Ask the station for one pulse of one of `doors`; None when it refuses."""
        number = self._ask("want", what, doors)
        try:
            answer = await act()
        except LinliError:
            self._ask("void", number)
            return None
        if isinstance(answer, Refused) or (what == "scan" and not isinstance(answer, PutInStep)):
            self._ask("void", number)
        return answer

    async def phone(self, method: str, path: str, token: str) -> Any:
        """Ask the hub as an app does; None when it does not answer."""
        headers = {"Authorization": f"Bearer {token}"}
        found: Response | None = self._ask("hub", Request(method, f"/api/v1{path}", headers, None))
        await asyncio.sleep(LOOK_S)
        return json.loads(found.body) if found is not None and found.status == 200 else None


@dataclass(slots=True)
class Resident:
    """Types the code, or shows the QR code, until everything is in her hands and the app says so."""

    hands: Hands
    mine: frozenset[str]
    enter: Callable[[], Awaitable[Accepted | Refused]]
    is_settled: Callable[[], Awaitable[bool]]
    hasty: bool
    reopens: bool = False
    leaves_open_s: float = 0.0
    call_keeper: Callable[[str], Awaitable[None]] | None = None
    """After three pulses the station wants its keeper to look at the door."""
    ponders_s: float = 0.0
    """How long she stands before a door that did not open."""

    async def collect(self) -> None:
        """Go on until it is done."""
        flow = self.hands.site.edge.pickup
        while True:
            await asyncio.sleep(LOOK_S)
            view = flow.session()
            await self._use_hands(view)
            if view is None or view.step is Step.DONE:
                if self.mine <= self.hands.taken() and await self.is_settled():
                    return
                if flow.session() is None:
                    await self._enter()
            else:
                await self._press(view)

    async def _enter(self) -> None:
        if self.hands.count("entered") > MOST_TRIES:
            self.hands.violate("the code is refused or leads nowhere, again and again")
            await asyncio.sleep(3600)
        answer = await self.hands.want("code", self.hands.doors_of(self.mine), self.enter)
        if isinstance(answer, Refused):
            if not self.mine <= self.hands.taken() and not answer.wait_s:
                self.hands.violate("the code is refused while something lies there")
            await asyncio.sleep(answer.wait_s + _REST_S)
        elif answer is None:  # the station needs its hub first, or somebody stands there
            await asyncio.sleep(_REST_S)

    async def _press(self, view: SessionView) -> None:
        flow, door = self.hands.site.edge.pickup, frozenset({view.compartment})
        if view.step is Step.NOT_OPENED:
            await asyncio.sleep(self.ponders_s)
            await self.hands.want("again", door, flow.again)
            await asyncio.sleep(_REST_S)
        elif view.step is Step.CLOSED:
            if self.reopens and view.reopens_left and not self.hands.remembers("reopened"):
                await self.hands.want("reopen", door, flow.reopen)
            else:
                await self.hands.want("proceed", self.hands.doors_of(self.mine), flow.proceed)
        elif view.step is Step.FAILED:
            await flow.finish()
            if self.call_keeper is not None:
                await self.call_keeper(view.compartment)

    async def _use_hands(self, view: SessionView | None) -> None:
        if view is not None and view.step is Step.OPENING and not self.hasty:
            return
        for label in self.hands.open_doors():
            if self.leaves_open_s and not self.hands.remembers("left open"):
                await asyncio.sleep(self.leaves_open_s)
            await self.hands.take(label, self.mine)


@dataclass(slots=True)
class Keeper:
    """Signs in, scans, puts in, shuts; looks at the parcel's page to know whether it is stored."""

    hands: Hands
    keeper_id: str
    pin: str
    hasty: bool

    async def sign_in(self) -> None:
        """Sign in; a PIN that the station knows must work."""
        desk = self.hands.site.edge.desk
        for _ in range(MOST_TRIES):
            found = await desk.sign_in(self.pin)
            if isinstance(found, KeeperSession):
                return
            await asyncio.sleep(found.wait_s + _REST_S)
        self.hands.violate("the keeper's PIN is refused again and again")

    async def put_in(self, parcel_id: str, label: str) -> None:
        """Bring one parcel behind a door so that the station knows it."""
        desk = self.hands.site.edge.desk
        while not self.hands.has_done(f"stored {label}"):
            await asyncio.sleep(LOOK_S)
            view = desk.put_in_view()
            await self._use_hands(view.step if view else None, parcel_id)
            if view is not None and view.step is DeskStep.FAILED:
                await self.hands.want("did not open", None, self._next)
                await asyncio.sleep(_REST_S)
            elif view is None or view.step in (DeskStep.STORED, DeskStep.DONE):
                if await self._is_stored(parcel_id):
                    self.hands.count(f"stored {label}")
                    return
                if self.hands.count(f"scanned {label}") > MOST_TRIES:
                    self.hands.violate(f"{label} is not taken")
                    return
                await self.hands.want("scan", None, lambda: desk.scan(self.keeper_id, label))
                await asyncio.sleep(_REST_S)

    async def take_out(
        self, parcel_id: str, what: str, act: Callable[[], Awaitable[object]], *ends: ParcelState
    ) -> None:
        """Take one parcel out of its door until the station calls it one of `ends`."""
        desk, only = self.hands.site.edge.desk, frozenset({parcel_id})
        for _ in range(3 * MOST_TRIES):
            await asyncio.sleep(LOOK_S)
            view = desk.put_in_view()
            if view is None or view.step is not DeskStep.OPENING or self.hasty:
                for label in self.hands.open_doors():  # perhaps the last one's, from before a death
                    await self.hands.take(label, frozenset(self.hands.inside().values()))
            if view is not None and view.step in (DeskStep.OPENING, DeskStep.OPEN):
                continue
            if await self._state(parcel_id) in ends and only <= self.hands.taken():
                return
            if view is not None and view.step is DeskStep.FAILED:
                act = self._again
            await self.hands.want(what, self.hands.doors_of(only), act)
            await asyncio.sleep(_REST_S)
        self.hands.violate(f"{what} of {parcel_id} comes to no end")

    async def mend(self, label: str) -> None:
        """Look at a door and put it back into use; its parcel may be tried again."""
        await self.hands.site.edge.desk.mark(self.keeper_id, label, False, "looked at")

    async def inspect(self, label: str) -> None:
        """Look behind a door that nobody needs now."""
        desk = self.hands.site.edge.desk
        for _ in range(MOST_TRIES):
            await asyncio.sleep(LOOK_S)
            if label in self.hands.open_doors():
                await self.hands.push(label)
                return
            await self.hands.want(
                "inspection",
                frozenset({label}),
                lambda: desk.open_door(self.keeper_id, label, "a smell"),
            )
            await asyncio.sleep(_REST_S)
        self.hands.violate(f"{label} does not open for its keeper")

    async def _next(self) -> PutInStep:
        return await self.hands.site.edge.desk.put_in_next(self.keeper_id, NextReason.DID_NOT_OPEN)

    async def _again(self) -> None:
        await self.hands.site.edge.desk.try_again(self.keeper_id)

    async def _state(self, parcel_id: str) -> ParcelState | None:
        day = await self.hands.site.edge.desk.today()
        return next((one.state for one in day.parcels if one.parcel_id == parcel_id), None)

    async def _is_stored(self, parcel_id: str) -> bool:
        stored = await self._state(parcel_id) is ParcelState.PLACED
        if stored and not self.hands.doors_of(frozenset({parcel_id})):
            self.hands.violate("the station calls a parcel stored that is not")
        return stored

    async def _use_hands(self, step: DeskStep | None, parcel_id: str) -> None:
        if step is DeskStep.OPENING and not self.hasty:
            return
        for label in self.hands.open_doors():
            await self.hands.put(label, parcel_id)
