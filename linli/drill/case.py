"""One case of the kill drill: the journey with people who go on, a program that dies on the way, then the proofs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from common.kit.chance import system_chance
from common.kit.errors import LinliError, UnavailableError
from linli.demo.processes import run_once
from linli.demo.stage import Stage
from linli.drill.cabinet import Cabinet
from linli.drill.people import PatientKeeper, PatientResident, Screen
from linli.drill.places import EDGE, HUB, Plan
from linli.drill.proofs import effects_once, facts_arrived
from linli.drill.reasons import without_reason
from linli.drill.shopping import deliver, shop
from linli.drill.town import Town
from linli.drill.victim import Victim
from linli.journey.forms import Browser
from linli.journey.hands import BenchHands
from linli.journey.hub import HubUser
from linli.journey.keeper import Keeper
from linli.journey.kiosk import Resident
from linli.journey.story import Bought, Cast

_BASKET = (("MILK-1L", 1), ("TEA-100", 1))
_CASE_S = 120.0
_SETTLED_S = 6.0
_RETRY_S = 25.0
_AGAIN_S = 0.2


async def again_when_away(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send the same request, with the same Idempotency-Key, until somebody answers: what an app does."""
    until_s = asyncio.get_running_loop().time() + _RETRY_S
    while True:
        try:
            return await handler(request)
        except aiohttp.ClientConnectionError:
            if asyncio.get_running_loop().time() >= until_s:
                raise
            await asyncio.sleep(_AGAIN_S)


@dataclass(frozen=True, slots=True)
class _People:
    cast: Cast
    cabinet: Cabinet
    keeper: PatientKeeper
    resident: PatientResident


class Case:
    """Plays one plan in a copy of the town; `run` returns the violations as sentences."""

    def __init__(self, town: Town, stage: Stage, plan: Plan) -> None:
        """Kill the plan's programs on `stage`."""
        self._town, self._stage, self._plan = town, stage, plan
        self._edge = Victim(stage.edge, plan.arms(EDGE))
        self._hub = Victim(stage.hub, plan.arms(HUB))

    async def run(self) -> list[str]:
        """Play, wait, prove."""
        found: list[str] = []
        try:
            async with asyncio.timeout(_CASE_S):
                found = await self._run()
        except* (LinliError, TimeoutError, AssertionError) as group:
            found = [f"{type(error).__name__}: {error}" for error in _leaves(group)]
        return found

    async def _run(self) -> list[str]:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hub.run(), name="hub")
            group.create_task(self._edge.run(), name="daemon")
            try:
                found = await self._play()
            finally:
                await self._edge.stop()
                await self._hub.stop()
        verified = await self._verify()
        return found + verified

    async def _play(self) -> list[str]:
        async with self._people() as people:
            cast, cabinet = people.cast, people.cabinet
            await cabinet.begin()
            bought = await shop(cast, _BASKET)
            await deliver(cast, bought)
            for parcel_id, label in zip(bought.parcel_ids, bought.labels, strict=True):
                await people.keeper.put_in(parcel_id, label)
            for one in (bought, self._town.neighbour):
                settled = _Settled(cast.buyer, one.order_id)
                await people.resident.collect(one.code, frozenset(one.parcel_ids), settled)
            return await self._prove(people, bought)

    async def _prove(self, people: _People, bought: Bought) -> list[str]:
        cabinet, plan = people.cabinet, self._plan
        found = without_reason(await cabinet.pulses(), cabinet.acts, self._edge.deaths_s)
        for victim, program in ((self._edge, EDGE), (self._hub, HUB)):
            died, wanted = len(victim.deaths_s), len(plan.arms(program))
            if died != wanted:
                found.append(f"{program} was killed {died} times, not {wanted}")
        await asyncio.gather(self._edge.up(), self._hub.up())
        found += await facts_arrived(self._stage.site, self._town.work)
        parcels = (*bought.parcel_ids, *self._town.neighbour.parcel_ids)
        return found + await effects_once(people.cast.staff, parcels, orders=2)

    async def _verify(self) -> list[str]:
        try:
            await run_once(
                *("hub", "verify", "--data", str(self._stage.site.hub)),
                environment=self._stage.site.environment(),
            )
        except UnavailableError as error:
            return [error.detail]
        return []

    @asynccontextmanager
    async def _people(self) -> AsyncIterator[_People]:
        stage, plan = self._stage, self._plan
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an IP address
        patient, short = (aiohttp.ClientTimeout(total=total) for total in (_RETRY_S + 5, 10))
        async with (
            aiohttp.ClientSession(middlewares=(again_when_away,), timeout=patient) as apps,
            aiohttp.ClientSession(timeout=short) as kiosk,
            aiohttp.ClientSession(cookie_jar=jar, timeout=short) as tablet,
        ):
            cabinet = Cabinet(apps, stage.bench_url, self._town.inside)
            desk = Screen(Browser(tablet, stage.keeper_url))
            screen = Screen(Browser(kiosk, stage.kiosk_url))
            pin = self._town.access.keepers[0]["pin"]
            yield _People(
                await _cast(apps, stage, self._town),
                cabinet,
                PatientKeeper(desk, cabinet, pin, plan.hasty_keeper),
                PatientResident(screen, cabinet, plan.hasty_resident),
            )


async def _cast(apps: aiohttp.ClientSession, stage: Stage, town: Town) -> Cast:
    """Let buyer and staff take their places at the hub; keeper and resident of the drill have their own patience."""
    chance, access = system_chance(), town.access
    buyer, staff = (HubUser(apps, stage.hub_url, chance) for _ in range(2))
    person = access.residents[0]
    buyer.use_token(person["token"])
    admin = next(one for one in access.staff if one["role"] == "admin")
    await staff.sign_in(admin["login"], admin["password"])
    hands = BenchHands(apps, stage.bench_url)
    return Cast(
        buyer,
        staff,
        Keeper(Browser(apps, stage.keeper_url), hands),
        Resident(Browser(apps, stage.kiosk_url)),
        hands,
        person["person_id"],
        access.station_id,
    )


@dataclass(frozen=True, slots=True)
class _Settled:
    """Asks the hub whether an order is collected, for a while: what the order page on the phone says."""

    buyer: HubUser
    order_id: str

    async def __call__(self) -> bool:
        path = f"/orders/{self.order_id}"
        try:
            await self.buyer.wait_for(path, "state", "collected", _SETTLED_S)
        except UnavailableError:
            return False
        return True


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
