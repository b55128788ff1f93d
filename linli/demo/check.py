"""`linli demo --check`: one whole journey at the public faces, the hub switched off in the middle of it.

Every step prints one JSON line with its milliseconds; every pulse of the simulator's log must have its reason.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from common.kit.errors import UnavailableError
from linli.demo.stage import Stage
from linli.journey.hands import Pulse
from linli.journey.patience import until
from linli.journey.story import Bought, Cast, bring, buy, pick_up, put_in

_BASKET = (("MILK-1L", 1), ("TEA-100", 1))
_SECOND = (("TOFU-400", 1),)
_SYNC_S = 20.0


class CheckError(UnavailableError):
    """Something happened that must not, or did not happen that must."""


class Check:
    """One run; `run` returns when everything happened."""

    def __init__(self, stage: Stage, cast: Cast, say: Callable[[str], None]) -> None:
        """Play with `cast` on `stage`; `say` takes the JSON lines."""
        self._stage, self._cast, self._say = stage, cast, say
        self._guessed = stage.site.root / "guessed"  # the limiter remembers wrong codes for hours
        self._pulses: tuple[Pulse, ...] = ()

    async def run(self) -> None:
        """Play the journey."""
        cast = self._cast
        self._pulses = await cast.hands.pulses()
        async with self._step("order_paid_and_locked"):
            first = await buy(cast, _BASKET)
            second = await buy(cast, _SECOND)
        async with self._step("parcels_arrived"):
            await bring(cast, first)
            await bring(cast, second)
        async with self._step("put_in_online"):
            doors = await put_in(cast, first)
            await self._new_pulses(len(doors))
        async with self._step("code_live_at_the_hub"):
            await cast.buyer.wait_for(f"/orders/{first.order_id}", "state", "ready", _SYNC_S)
        guess = not self._guessed.exists()
        if guess:
            async with self._step("wrong_code_opens_nothing"):
                self._guessed.touch()
                await self._refused(_other(first.code, second.code))
        async with self._step("hub_stopped"):
            await self._stage.hub.stop()
        async with self._step("pickup_offline"):
            await self._picked_up(first, doors)
        async with self._step("put_in_offline"):
            later = await put_in(cast, second)
            await self._new_pulses(len(later))
        async with self._step("second_pickup_offline"):
            await self._picked_up(second, later)
        if guess:
            async with self._step("used_code_opens_nothing"):
                await self._refused(first.code)
        async with self._step("hub_back"):
            await self._stage.hub.start()
        async with self._step("events_applied_once"):
            for bought in (first, second):
                await self._applied_once(bought)
        await self._new_pulses(0)

    async def _picked_up(self, bought: Bought, expected: tuple[str, ...]) -> None:
        doors = await pick_up(self._cast, bought.code)
        if sorted(doors) != sorted(expected):
            raise CheckError("check.doors", f"doors {doors} opened, the parcels lie in {expected}")
        await self._new_pulses(len(doors))

    async def _refused(self, code: str) -> None:
        page = await self._cast.resident.type_code(code)
        if page.data.get("data-step", "code") != "code":
            raise CheckError("check.accepted", "a code that opens nothing was accepted")
        await self._new_pulses(0)

    async def _new_pulses(self, wanted: int) -> None:
        """Compare the witness' log with what people asked for since the last look."""
        seen = await self._cast.hands.pulses()
        fresh = seen[len(self._pulses) :]
        self._pulses = seen
        if len(fresh) != wanted:
            raise CheckError(
                "check.pulses", f"{len(fresh)} pulses where {wanted} were asked for: {fresh}"
            )

    async def _applied_once(self, bought: Bought) -> None:
        cast = self._cast
        await cast.buyer.wait_for(f"/orders/{bought.order_id}", "state", "collected", _SYNC_S)
        events = await until(
            self._events, lambda found: bool(found), what="events at the hub", within_s=_SYNC_S
        )
        for parcel_id in bought.parcel_ids:
            for kind in ("parcel.put_in", "parcel.collected"):
                count = sum(
                    event["type"] == kind and event["body"].get("parcel_id") == parcel_id
                    for event in events
                )
                if count != 1:
                    raise CheckError(
                        "check.once", f"{kind} of {parcel_id} is {count} times at the hub"
                    )

    async def _events(self) -> list[Any]:
        path = f"/stations/{self._cast.station_id}/events?limit=200"
        return list((await self._cast.staff.get(path))["events"])

    @asynccontextmanager
    async def _step(self, name: str) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        try:
            yield
        except UnavailableError as error:
            self._say(_line(name, loop.time() - started_s, ok=False, detail=error.detail))
            raise
        self._say(_line(name, loop.time() - started_s, ok=True))


def _line(name: str, took_s: float, *, ok: bool, detail: str = "") -> str:
    record: dict[str, object] = {"step": name, "ok": ok, "ms": round(took_s * 1000)}
    if detail:
        record["detail"] = detail
    return json.dumps(record, ensure_ascii=False)


def _other(*codes: str) -> str:
    """Return eight digits that are none of `codes` and not weak-looking."""
    number = int(codes[0])
    while (code := f"{number:08d}") in codes:
        number = (number + 31_415_927) % 10**8
    return code


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
