"""One seed: hours under a hostile hub, restarts in between; the cabinet's own log of pulses is the judge."""

import asyncio
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from common.contract.base import Message
from common.kit.codes import new_code
from common.kit.errors import LinliError
from device_sim.config import CabinetConfig
from edge.pickup.views import Accepted
from linli.drill.evilhub.hub import EvilHub
from linli.drill.evilhub.malice import Malice
from linli.drill.lone import TABLES, LoneStation
from linli.world.loop import VirtualLoop

HOUR_S, MINUTE_S = 3600.0, 60.0
PER_MINUTE = 3
HOUR_SHARE, HOUR_MIN = 0.10, 2
WAVES = 40
WAVE_S = 300.0
LIES_MS = (0, 0, 23 * 3_600_000, -23 * 3_600_000, 600_000)
LONGEST_PULSE_MS = 1000


class EvilStation(LoneStation):
    """A station whose only hub is the hostile one."""

    def __init__(self, loop: VirtualLoop, seed: int, cabinet: CabinetConfig, data: Path) -> None:
        """Be told everything by the hub."""
        super().__init__(loop, seed, cabinet, data)
        self.hub = EvilHub(self.clock)
        self.hub_client = self.hub.client

    async def put(self, *rows: Message) -> None:
        """Let rows come down the real way."""
        for row in rows:
            key = str(getattr(row, next(iter(type(row).model_fields))))
            self.hub.say(TABLES[type(row)], key, row.model_dump_json())
        await self.told()

    async def told(self) -> None:
        """Wait until the station has applied everything the hub said."""
        async with asyncio.timeout(120):
            while (await self.edge.replica.cursor()).op < self.hub.head:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.5)


class Case:
    """One seed."""

    def __init__(self, loop: VirtualLoop, seed: int, cabinet: CabinetConfig, data: Path) -> None:
        """Build the station; nothing runs yet."""
        self._loop = loop
        self._station = EvilStation(loop, seed, cabinet, data)
        self._draw = self._station.chance.jitter
        self._malice = Malice(self._station.hub, self._station, self._draw)
        self._started: Counter[str] = Counter()
        self.found: list[str] = []
        self.sums: Counter[str] = Counter()
        self.highest: dict[str, int] = {}

    async def run(self) -> None:
        """Live through it; `found` holds what was violated."""
        station = self._station
        await station.start()
        try:
            code = new_code(station.chance)
            await station.deliver("LL00000001", code, "0042")
            before = station.pulses
            helper = asyncio.ensure_future(self._shut_doors())
            await self._while_the_budget_is_full()
            for wave in range(WAVES):
                await self._wave(wave)
            helper.cancel()
            self._judge(before)
            await self._resident(code)
        except (LinliError, TimeoutError, AssertionError) as error:
            self.found.append(f"the station could not go on: {error!r}")
        finally:
            await station.cut()

    async def _while_the_budget_is_full(self) -> None:
        """Send what must never be carried out before a flood leaves nothing to spend on it."""
        for trick in (self._malice.stale, self._malice.foreign_key):
            trick()
            await self._station.told()
            await asyncio.sleep(HOUR_S)

    async def _wave(self, wave: int) -> None:
        station, hub = self._station, self._station.hub
        hub.lie_ms = self._draw.choice(LIES_MS)
        tricks = self._malice.tricks()
        chosen = [tricks[wave % len(tricks)], self._draw.choice(tricks)]
        for trick in chosen:
            trick()
            self.sums[trick.__name__] += 1
        await station.told()
        await asyncio.sleep(self._draw.uniform(0.2, 1.0) * WAVE_S)
        if self._draw.random() < 0.5:
            self._note_started()
            await station.cut()
            await station.start(cold=self._draw.random() < 0.5)
            self.sums["restarts"] += 1

    async def _shut_doors(self) -> None:
        """Somebody goes round and shuts what stands open, so that it can be opened again."""
        while True:
            await asyncio.sleep(20)
            for door in self._station.cabinet.state().doors:
                if door.open:
                    self._station.cabinet.push(door.label)

    def _note_started(self) -> None:
        for text in self._station.events("command.result"):
            body = json.loads(text)
            if body["state"] == "started":
                self._started[body["command_id"]] = 1

    def _judge(self, before: int) -> None:
        self._note_started()
        pulses = self._station.cabinet.witness.pulses[before:]
        times = [one.at_s for one in pulses]
        an_hour = max(HOUR_MIN, int(len(self._station.config.compartment) * HOUR_SHARE))
        self.highest = {
            "opens_in_a_minute": most(times, MINUTE_S),
            "opens_in_an_hour": most(times, HOUR_S),
        }
        self.sums["commands"] += len(self._malice.sent)
        self.sums["pulses"] += len(pulses)
        self.sums["rows"] += self._station.hub.head
        self._hold(self.highest["opens_in_a_minute"] <= PER_MINUTE, "more than three in a minute")
        self._hold(
            self.highest["opens_in_an_hour"] <= an_hour, f"more than {an_hour} doors in an hour"
        )
        self._hold(bool(pulses), "no command opened anything: the drill tests nothing")
        self._hold(
            all(one.ms <= LONGEST_PULSE_MS for one in pulses), "a coil was held longer than a pulse"
        )
        self._hold(len(pulses) <= len(self._started), "a pulse that no command asked for")
        for command_id, why in self._malice.never.items():
            self._hold(not self._started[command_id], f"{why} was carried out")
        nonces = Counter(self._malice.nonces[one] for one in self._started)
        self._hold(max(nonces.values(), default=0) <= 1, "a nonce was used twice")

    async def _resident(self, code: str) -> None:
        """Whatever the hub did, the parcel's owner gets in."""
        answer = await self._station.edge.pickup.submit(code)
        self._hold(isinstance(answer, Accepted), "a resident's right code is refused")
        if isinstance(answer, Accepted):
            await self._station.take()

    def _hold(self, kept: bool, otherwise: str) -> None:
        if not kept:
            self.found.append(otherwise)


def most(times: Sequence[float], within_s: float) -> int:
    """Return the most of these moments, which are in order, in any `within_s` seconds."""
    return max(
        (n + 1 - bisect_right(times, at - within_s) for n, at in enumerate(times)), default=0
    )
