"""Keeper and resident as people are: the screen is away, so they wait; it is back, so they look and go on.

`hasty` hands use a door as soon as it springs open, others wait for what the screen says.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from common.kit.errors import UnavailableError
from linli.drill.cabinet import Cabinet, ViolationError
from linli.journey.forms import Browser, Page

LOOK_S = 0.05
HANDS_S = 0.6
"""What taking out or putting in takes at least; the sensor must have had time to see the door."""
PATIENCE_S = 60.0
MOST_TRIES = 5
_AWAY = (aiohttp.ClientError, ConnectionError, TimeoutError, UnavailableError)


@asynccontextmanager
async def patience(what: str) -> AsyncIterator[None]:
    """Give an act PATIENCE_S; then it is stuck, which is a violation."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    except TimeoutError as error:
        raise ViolationError(f"{what} is stuck for {PATIENCE_S:.0f} s") from error


class Screen:
    """A browser whose owner shrugs when the other side is away and looks again."""

    def __init__(self, browser: Browser) -> None:
        """Look through `browser`."""
        self._browser = browser

    async def look(self, path: str = "/") -> Page | None:
        """Return the page, None while the screen is away."""
        try:
            return await self._browser.load(path)
        except _AWAY:
            return None

    async def post(self, path: str, fields: dict[str, str]) -> Page | None:
        """Post; None when the screen went away over it."""
        try:
            return await self._browser.post(path, fields)
        except _AWAY:
            return None

    async def press(self, page: Page, action: str, **fields: str) -> Page | None:
        """Post the form of `page` that goes to `action`."""
        return await self.post(action, page.form(action).fields | fields)


@dataclass(slots=True)
class PatientResident:
    """Types the code until everything is in her hands and the hub knows it."""

    screen: Screen
    cabinet: Cabinet
    hasty: bool

    async def collect(
        self, code: str, mine: frozenset[str], is_settled: Callable[[], Awaitable[bool]]
    ) -> None:
        """Collect `mine`; ViolationError when the code is refused while something lies there."""
        typed = 0
        async with patience(f"collecting {sorted(mine)}"):
            while True:
                page = await self.screen.look()
                step = page.data.get("data-step", "code") if page else "away"
                await self._use_hands(step, mine)
                if step == "code" and page is not None:
                    if mine <= self.cabinet.taken and await is_settled():
                        return
                    typed += 1
                    if typed > MOST_TRIES:
                        raise ViolationError(f"the code is refused: {page}")
                    await self._type(page, code, mine)
                elif page is not None:
                    await self._press(page, step, mine)
                await asyncio.sleep(LOOK_S)

    async def _type(self, page: Page, code: str, mine: frozenset[str]) -> None:
        self.cabinet.ask("code", self.cabinet.doors_of(mine))
        await self.screen.post("/code", {"code": code, "key": page.data.get("data-key", "")})

    async def _press(self, page: Page, step: str, mine: frozenset[str]) -> None:
        actions = {form.action for form in page.forms}
        if step == "not_opened" and "/again" in actions:
            self.cabinet.ask("again", self.cabinet.doors_of(mine))
            await self.screen.press(page, "/again")
        elif step == "closed" and "/proceed" in actions:
            self.cabinet.ask("proceed", self.cabinet.doors_of(mine))
            await self.screen.press(page, "/proceed")
        elif step in ("failed", "done") and "/finish" in actions:
            await self.screen.press(page, "/finish")

    async def _use_hands(self, step: str, mine: frozenset[str]) -> None:
        if step in ("away", "opening") and not self.hasty:
            return
        for label in await self.cabinet.open_doors():
            await asyncio.sleep(HANDS_S)
            await self.cabinet.take(label, mine)


@dataclass(slots=True)
class PatientKeeper:
    """Scans, puts in, shuts; signs in anew and scans again when the tablet forgot."""

    screen: Screen
    cabinet: Cabinet
    pin: str
    hasty: bool

    async def put_in(self, parcel_id: str, label: str) -> None:
        """Bring one parcel behind a door so that the station knows it."""
        asked = 0
        async with patience(f"putting {label} in"):
            while True:
                page = await self.screen.look()
                step = _work(page)
                await self._use_hands(step, parcel_id)
                if page is not None and step == "sign_in":
                    await self.screen.press(page, "/sign-in", pin=self.pin)
                elif page is not None and step == "failed":
                    self.cabinet.ask("did not open", None)
                    await self.screen.press(page, "/put-in/next", reason="did_not_open")
                elif page is not None and step == "idle":
                    found = await self.screen.look(f"/parcels/{parcel_id}")
                    if found and self._is_stored(found, parcel_id):
                        return
                    if found:  # else the station has not heard of it yet: wait
                        asked += 1
                        await self._scan(page, label, asked)
                await asyncio.sleep(LOOK_S)

    async def _scan(self, page: Page, label: str, times: int) -> None:
        if times > MOST_TRIES:
            raise ViolationError(f"{label} is not taken: {page}")
        self.cabinet.ask("scan", None)
        await self.screen.press(page, "/scan", text=label)

    def _is_stored(self, found: Page, parcel_id: str) -> bool:
        """Read the parcel's page; what it calls stored must lie behind a door."""
        stored = any(form.action.endswith("/hand-over") for form in found.forms)
        if stored and not self.cabinet.doors_of(frozenset({parcel_id})):
            raise ViolationError("the station calls a parcel stored that is not")
        return stored

    async def _use_hands(self, step: str, parcel_id: str) -> None:
        if step != "open" and not self.hasty:
            return
        for label in await self.cabinet.open_doors():
            await asyncio.sleep(HANDS_S)
            await self.cabinet.put(label, parcel_id)


def _work(page: Page | None) -> str:
    """Return what the tablet shows: away, sign_in, idle, or the step of the door in hand."""
    if page is None:
        return "away"
    if not any(form.action == "/scan" for form in page.forms):
        return "sign_in"
    for step in ("opening", "open", "failed"):
        if f"work card {step}" in page.classes:
            return step
    return "idle"
