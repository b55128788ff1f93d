"""One seed: forty people in ten minutes, one code a thousand times at once, a day of guesses, and peace again."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

from common.contract.words import KeypadLevel
from common.kit.codes import confusable, new_code
from common.kit.errors import ConflictError, LinliError
from common.kit.failpoints import arm, disarm_all
from device_sim.config import CabinetConfig
from edge.pickup.views import Accepted, Refused
from linli.drill.guessing.robot import Attempts, CountedWork
from linli.drill.lone import LoneStation, PowerCut
from linli.world.loop import VirtualLoop

RIGHT_CODES = 40
RUSH_S = 600.0
AT_ONCE = 1000
DAY_S = 86_400.0
WITHOUT_FACTOR = 20
TRIES_A_DAY = 100
PLUG_SHARE = 0.3
"""How often the robot's owner pulls the plug in the moment the code has been checked and nothing is stored yet."""
VISITS = 10
QUIET_S = 2 * 3600.0
AFTER_PEACE_S = DAY_S + 3600
BATCH = 8  # parcels that lie in the cabinet at once: it has eight doors for them
_LIES = (timedelta(), timedelta(hours=20), timedelta(days=-3652))


def _cut() -> None:
    raise PowerCut


class Siege:
    """A station, its neighbours and the robot."""

    def __init__(
        self, loop: VirtualLoop, seed: int, cabinet: CabinetConfig, data: Path, guesses: int
    ) -> None:
        """Build the station; nothing runs yet."""
        self._loop, self._guesses = loop, guesses
        self._station = LoneStation(loop, seed, cabinet, data)
        self._station.work = self._work = CountedWork()
        self._draw = self._station.chance.jitter
        self._codes: list[str] = []
        self.attempts = Attempts()
        self.found: list[str] = []
        self.sums: Counter[str] = Counter()
        self.highest: dict[str, int] = {}

    async def run(self) -> None:
        """Live through it; `found` holds what was violated."""
        await self._station.start()
        try:
            await self._rush()
            await self._at_once()
            await self._day()
            await self._quiet_evening()
            await self._peace()
        except (LinliError, TimeoutError, AssertionError) as error:
            self.found.append(f"the station could not go on: {error!r}")
        finally:
            self.highest = {
                "checked_without_second_factor_in_24_h": self.attempts.most(with_factor=False),
                "checked_in_24_h": self.attempts.most(),
            }
            await self._station.cut()

    async def _rush(self) -> None:
        """Forty people with their right codes, one after the other."""
        standing_s = 0.0
        for first in range(0, RIGHT_CODES, BATCH):
            codes = [await self._parcel() for _ in range(BATCH)]
            began_s = self._loop.time()
            for code in codes:
                if await self._pick_up(code) is None:
                    self.found.append(f"right code {first} of a busy hour was refused")
                else:
                    self.sums["right_codes_passed"] += 1
            standing_s += self._loop.time() - began_s
        if standing_s > RUSH_S:
            self.found.append(f"{RIGHT_CODES} pickups took {standing_s:.0f} s")

    async def _at_once(self) -> None:
        """One code, a thousand times in the same instant; then once more when it was used."""
        code = await self._parcel()
        before = self._station.pulses
        flow = self._station.edge.pickup
        answers = await asyncio.gather(
            *(flow.submit(code) for _ in range(AT_ONCE)), return_exceptions=True
        )
        accepted = sum(isinstance(answer, Accepted) for answer in answers)
        odd = [a for a in answers if not isinstance(a, Accepted | Refused | ConflictError)]
        await self._station.take()
        for _ in range(2):
            if isinstance(await flow.submit(code), Accepted):
                accepted += 1
        openings = self._station.pulses - before
        self.sums["openings_of_one_code"] += openings
        if (accepted, openings) != (1, 1) or odd:
            self.found.append(f"one code: {accepted} accepted, {openings} pulses, {odd[:1]}")
        await asyncio.sleep(3600)  # two wrong tries, back in the bucket

    async def _day(self) -> None:
        """The robot types all day; now and then a neighbour comes, and once somebody who saw her code."""
        visits = {self._guesses * n // VISITS: n for n in range(1, VISITS)}
        for number in range(self._guesses):
            await asyncio.sleep(DAY_S / self._guesses)
            await self._guess()
            if number in visits:
                await self._visit()
        self.sums["guesses"] += self._guesses
        told = self._station.events("keypad.level_changed")
        if not any('"step_up"' in body for body in told):
            self.found.append("a day of guesses, and nobody was told")
        if self.attempts.most(with_factor=False) > WITHOUT_FACTOR:
            many = self.attempts.most(with_factor=False)
            self.found.append(f"{many} guesses of a day were checked without the second factor")
        if self.attempts.most() > TRIES_A_DAY:
            self.found.append(f"{self.attempts.most()} guesses of a day were checked")

    async def _guess(self) -> None:
        code = new_code(self._station.chance)
        if any(confusable(code, other) for other in self._codes):
            return
        level = self._station.edge.pickup.keypad().level
        knows_more = level is not KeypadLevel.NORMAL and self._draw.random() < 0.5
        tail = f"{self._draw.randrange(10_000):04d}" if knows_more else None
        if self._draw.random() < PLUG_SHARE:
            arm("pickup.code_checked", _cut)
        answer = await self._submitted(code, tail)
        disarm_all()
        if isinstance(answer, Accepted):
            self.found.append("a guess opened a door")

    async def _visit(self) -> None:
        code = await self._parcel()
        level = self._station.edge.pickup.keypad().level
        tail = None if level is KeypadLevel.NORMAL else "0042"
        answer = await self._submitted(code, tail)
        if isinstance(answer, Accepted):
            self.sums["neighbours_served"] += 1
            await self._station.take()
        elif isinstance(answer, Refused) and answer.wait_s:
            await self._by_qr()
        else:
            self.found.append("a neighbour's right code was called wrong")

    async def _by_qr(self) -> None:
        """The keypad is locked, so she holds her phone under the scanner; a second time it opens nothing."""
        text, flow = self._station.newest_qr(), self._station.edge.pickup
        if not isinstance(await flow.submit_qr(text), Accepted):
            self.found.append("a QR code was refused while the keypad is locked")
            return
        await self._station.take()
        self.sums["neighbours_served_by_qr"] += 1
        for again in (text, text[:-1] + ("A" if text[-1] != "A" else "B")):
            if isinstance(await flow.submit_qr(again), Accepted):
                self.found.append("a used or forged QR code opened a door")

    async def _quiet_evening(self) -> None:
        """The robot has gone, the keypad still asks for more: who only saw a code gets nothing, its owner does."""
        await asyncio.sleep(QUIET_S)
        code, keypad = await self._parcel(), self._station.edge.pickup.keypad()
        if keypad.level is not KeypadLevel.STEP_UP:
            self.found.append(f"after a day of guesses the keypad is at {keypad.level}")
        for tail in (None, "0000"):
            if isinstance(await self._submitted(code, tail), Accepted):
                self.found.append("a code seen over a shoulder opened without the phone number")
                await self._station.take()
                return
        if not isinstance(await self._submitted(code, "0042"), Accepted):
            self.found.append("code and phone number of its owner were refused")
            return
        await self._station.take()

    async def _submitted(self, code: str, tail: str | None) -> Accepted | Refused | None:
        """Type it; None when the power went over it. Every check is counted with its time."""
        station, before = self._station, self._work.codes_checked
        trying = asyncio.ensure_future(station.edge.pickup.submit(code, tail))
        await asyncio.wait((trying, station.running), return_when=asyncio.FIRST_COMPLETED)
        died = station.running.done()
        answer = None if died else trying.result()
        if self._work.codes_checked > before and not isinstance(answer, Accepted):
            self.attempts.note(self._loop.time(), with_factor=tail is not None)
        if died:
            trying.cancel()
            await self._back_again()
        return answer

    async def _back_again(self) -> None:
        self.sums["power_cuts"] += 1
        await self._station.cut()
        cold = self._draw.random() < 0.5
        self._station.clock.skew = self._draw.choice(_LIES)
        await self._station.start(cold=cold)

    async def _peace(self) -> None:
        """Nobody guesses any more: a day later the code alone is enough again."""
        await asyncio.sleep(AFTER_PEACE_S)
        if self._station.edge.pickup.keypad().level is not KeypadLevel.NORMAL:
            self.found.append("the keypad asks for more for ever")
        if await self._pick_up(await self._parcel()) is None:
            self.found.append("a day after the last guess a right code is refused")

    async def _parcel(self) -> str:
        code = new_code(self._station.chance)
        self._codes.append(code)
        await self._station.deliver(f"LL{len(self._codes):08d}", code, "0042")
        return code

    async def _pick_up(self, code: str) -> Accepted | None:
        answer = await self._station.edge.pickup.submit(code)
        if not isinstance(answer, Accepted):
            return None
        await self._station.take()
        return answer
