"""The cabinet as bodies meet it: doors that stand open, what lies behind them, and the witness' pulses."""

import asyncio
from typing import Any

import aiohttp

from common.kit.errors import LinliError, UnavailableError
from linli.drill.reasons import Act, Seen
from linli.journey.hands import BenchHands, shut

READ_S = 5.0


class ViolationError(LinliError):
    """A promise was broken."""

    def __init__(self, sentence: str) -> None:
        """Say what happened that must not."""
        super().__init__("drill.violation", sentence)


class Cabinet:
    """Parcels in compartments, hands on doors, and the list of what people asked for."""

    def __init__(self, session: aiohttp.ClientSession, origin: str, inside: dict[str, str]) -> None:
        """Use the simulator's bench at `origin`; `inside`: what lies where now, door → parcel id."""
        self._session, self._origin = session, origin
        self._hands = BenchHands(session, origin)
        self._inside = dict(inside)
        self._where = dict(inside)
        self.taken: set[str] = set()
        self.acts: list[Act] = []
        self._offset_s = 0.0
        self._seen_before = 0

    async def begin(self) -> None:
        """Start counting pulses here; every door must be shut."""
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        state = await self._state()
        self._offset_s = (before_s + loop.time()) / 2 - state["clock_s"]
        self._seen_before = len(state["pulses"])
        for label in await self.open_doors():
            await shut(self._hands, label)

    def ask(self, what: str, doors: frozenset[str] | None) -> None:
        """Note that somebody asks for one pulse now."""
        self.acts.append(Act(asyncio.get_running_loop().time(), what, doors))

    def doors_of(self, parcel_ids: frozenset[str]) -> frozenset[str]:
        """Return the doors behind which these parcels lie, or lay until they were taken."""
        return frozenset(door for door, parcel_id in self._where.items() if parcel_id in parcel_ids)

    async def open_doors(self) -> tuple[str, ...]:
        """Look which doors stand open."""
        return tuple(one["label"] for one in (await self._state())["doors"] if one["open"])

    async def put(self, label: str, parcel_id: str) -> None:
        """Put a parcel behind an open door and push it shut."""
        if self._inside.get(label, parcel_id) != parcel_id:
            raise ViolationError(f"{label} opened for a put-in and is not empty")
        if self.doors_of(frozenset({parcel_id})) - {label}:
            raise ViolationError(f"{label} opened, the parcel is in another door")
        self._inside[label] = self._where[label] = parcel_id
        await shut(self._hands, label)

    async def take(self, label: str, mine: frozenset[str]) -> None:
        """Take what lies behind an open door and push it shut; somebody else's parcel is a violation."""
        parcel_id = self._inside.pop(label, None)
        if parcel_id is not None and parcel_id not in mine:
            raise ViolationError(f"{label} opened and holds another one's parcel")
        if parcel_id is not None:
            self.taken.add(parcel_id)
        await shut(self._hands, label)

    async def pulses(self) -> tuple[Seen, ...]:
        """Return the witness' pulses since `begin`, on this loop's clock."""
        state = await self._state()
        labels = {(one["board"], one["channel"]): one["label"] for one in state["doors"]}
        return tuple(
            Seen(one["at_s"] + self._offset_s, labels[one["board"], one["channel"]])
            for one in state["pulses"][self._seen_before :]
        )

    async def _state(self) -> Any:
        timeout = aiohttp.ClientTimeout(total=READ_S)
        async with self._session.get(f"{self._origin}/state", timeout=timeout) as answer:
            if answer.status != 200:
                raise UnavailableError("journey.bench", f"/state answers {answer.status}")
            return await answer.json(content_type=None)
