"""The one owner of a port: one request on the wire at a time, the urgent ones first, silence after every doubt.

Rules of reference hardware C.4; each keeps a wrong door shut, so each has a test that fails without it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic

from common.kit.errors import LinliError, detail_of
from common.kit.said import Said
from edge.config import BusSection
from edge.hardware.belated import Belated
from edge.hardware.breaker import Breaker
from edge.hardware.errors import (
    NoReplyError,
    NotSentError,
    device_refused,
    refusal_unproven,
    unit_resting,
)
from edge.hardware.greeting import Greeting
from edge.hardware.jobs import Job, Jobs, Priority
from edge.hardware.line import Line, is_tcp
from edge.hardware.pace import Pace
from edge.hardware.speech import A, Link, Q, Rules, Speech
from edge.hardware.tally import LineTally
from firmware_protocols.modbus_rtu import frame_gap_s

log = logging.getLogger(__name__)

FIRST_REOPEN_S = 0.2
LONGEST_REOPEN_S = 1.0
DEAD_GATEWAY_AFTER = 10
"""A TCP peer that vanished without a word looks like silence of every unit; connect afresh then."""

BusListener = Callable[[str, int | None, bool, str], None]


class BusOwner(Generic[Q, A]):
    """Owns one line, whatever it speaks; drivers `call`, nobody else touches the port."""

    def __init__(
        self,
        section: BusSection,
        line: Line,
        speech: Speech[Q, A],
        *,
        rules: Rules[Q],
        units: frozenset[int],
        min_gap_s: float = 0.0,
    ) -> None:
        """`units` are all configured ones; only those in `rules` may be told more than to be read.

        `min_gap_s`: silence that some device needs between two requests.
        """
        self.name = section.name
        self.up = False
        self.detail = "not opened yet"
        self.tally = LineTally()
        self.listeners: list[BusListener] = []
        self._section = section
        self._line = line
        self._speech = speech
        self._rules = rules
        self._breakers = {unit: Breaker() for unit in sorted(units)}
        self._pace = Pace(max(frame_gap_s(section.baud), min_gap_s))
        self._jobs: Jobs[Q, A] = Jobs()
        self._tried = asyncio.Event()
        self._greeting = Greeting(
            section, speech, rules, units, self._transact, self._pace, self.tally
        )
        self._link: Link[Q, A] | None = None
        self._silent_in_a_row = 0
        self._belated = Belated()

    @property
    def twins(self) -> tuple[int, ...]:
        """Return the units whose address a second board seems to have."""
        return self._greeting.twins

    async def tried(self) -> None:
        """Return when the port has been opened, or has refused, for the first time; see `up` and `detail`."""
        await self._tried.wait()

    def unit_up(self, unit: int) -> bool:
        """Tell whether `unit` answers (or has not failed three times in a row yet)."""
        return self.up and not self._breaker(unit).tripped

    async def call(
        self,
        priority: Priority,
        unit: int,
        request: Q,
        *,
        retries: int = 0,
        probe: bool = False,
    ) -> A:
        """Return the reply to `request`; NotSentError, NoReplyError, DeviceRefusedError, FrameRefusedError.

        Only reads are ever repeated, `retries` times. `probe` asks a resting unit too. A frame on the wire is
        finished also when the caller is cancelled; one still waiting is then never sent.
        """
        await self._tried.wait()
        if not self.up:
            raise self._down()
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        again = retries if self._speech.is_read(request) else 0
        self._jobs.put(Job(priority, unit, request, again, probe, answer))
        reply = await answer
        if (code := self._speech.refusal(reply)) is not None:
            raise device_refused(self.name, unit, request, code)
        return reply

    def expect_pulse(self) -> None:
        """Keep the wire free of background reads for a moment: an opening may come."""
        self._jobs.expect_pulse()

    async def run(self) -> None:
        """Keep the port open and work the queue until cancelled."""
        delay_s = FIRST_REOPEN_S
        try:
            while True:
                if await self._open():
                    delay_s = FIRST_REOPEN_S
                    await self._serve()
                    self._close()
                    self._tell_port(up=False, detail=self._away())
                self._tried.set()
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, LONGEST_REOPEN_S)
        finally:
            self.up = False
            self._close()

    def lent(self, why: str) -> None:
        """Tell everybody that somebody else has the port now."""
        self.detail = why
        self._tell(None, up=False, detail=why)

    async def _open(self) -> bool:
        link = self._speech.link(
            self._section,
            self._line,
            self._rules,
            on_bytes=self._pace.heard,
            on_lost=self._wake,
        )
        try:
            await link.open()
            self._link = link
            self.tally.opened += 1
            await self._greeting.say(link)
        except (LinliError, OSError) as error:
            link.close()
            self._link = None
            self._tell_port(up=False, detail=detail_of(error))
            return False
        self._tell_port(up=True, detail="open")
        self._tried.set()
        return True

    async def _serve(self) -> None:
        """Work the queue until the port is lost."""
        link = self._link
        while link is not None and link.connected:
            if not await self._pace.rest():
                log.warning("bus %s: never silent, opening it afresh", self.name)
                return
            job = await self._jobs.next()
            if job is None or job.answer.done():
                continue
            now_s = asyncio.get_running_loop().time()
            if not (job.probe or self._breaker(job.unit).allows(now_s)):
                job.answer.set_exception(unit_resting(self.name, job.unit))
                continue
            await self._work(link, job)
            if is_tcp(self._section.port) and self._silent_in_a_row >= DEAD_GATEWAY_AFTER:
                self._silent_in_a_row = 0
                return

    async def _work(self, link: Link[Q, A], job: Job[Q, A]) -> None:
        try:
            reply = await self._ask(link, job)
        except NoReplyError as error:
            self._unit_failed(job.unit)
            if job.retries and link.connected and self.unit_up(job.unit):
                job.retries -= 1
                self._jobs.put(job)
            else:
                job.settle(error=error)
        except LinliError as error:
            job.settle(error=error)
        except BaseException:
            job.settle(error=NoReplyError("bus.no_reply", f"bus {self.name} is stopping"))
            raise
        else:
            self._unit_worked(job.unit)
            job.settle(reply=reply)

    async def _ask(self, link: Link[Q, A], job: Job[Q, A]) -> A:
        """Send a job's request, a read once more for every answer that its unit still owes (see `belated.py`)."""
        loop = asyncio.get_running_loop()
        timeout_s = max(self._section.timeout_s, self._speech.patience_s(job.request))
        reply = await self._transact(link, job.unit, job.request, timeout_s)
        if self._speech.is_read(job.request):
            for _ in range(self._belated.owed(job.unit, loop.time())):
                self._pace.doubted()  # an answer that is owed may come with the one behind it
                await self._pace.rest()
                reply = await self._transact(link, job.unit, job.request, timeout_s)
                self._pace.doubted()
            self._belated.settled(job.unit)
        elif self._speech.refusal(reply) is not None and self._belated.hides_refusal(loop.time()):
            raise refusal_unproven(self.name, job.unit)
        return reply

    async def _transact(self, link: Link[Q, A], unit: int, request: Q, timeout_s: float) -> A:
        self._pace.asked()
        asked_s = asyncio.get_running_loop().time()
        try:
            reply = await link.transact(unit, request, timeout_s)
        except NoReplyError:
            self._pace.heard()
            self._miss(unit, request)
            if unit in self._breakers:  # not the one that nobody has, for the echo test
                self.tally.missed(unit, link.stray_bytes)
            raise
        except LinliError:
            self._pace.not_sent()
            raise
        took_s = asyncio.get_running_loop().time() - asked_s
        self.tally.answered(unit, took_s, link.stray_bytes)
        self._pace.answered(wrote=not self._speech.is_read(request))
        return reply

    def _miss(self, unit: int, request: Q) -> None:
        now_s, is_read = asyncio.get_running_loop().time(), self._speech.is_read(request)
        if not is_read:
            self._belated.miss_write(now_s)
        if is_read or self._speech.openings_look_like_reads:
            self._belated.miss_read(unit, now_s)

    def _wake(self) -> None:
        self._jobs.put(None)

    def _close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
        for job in self._jobs.drain():
            job.settle(error=self._down())

    def _breaker(self, unit: int) -> Breaker:
        return self._breakers.setdefault(unit, Breaker())

    def _unit_failed(self, unit: int) -> None:
        breaker = self._breaker(unit)
        was_up = not breaker.tripped
        breaker.failed(asyncio.get_running_loop().time())
        self._silent_in_a_row += 1
        if was_up and breaker.tripped:
            self._tell(
                unit,
                up=False,
                detail=f"unit {unit} does not answer; check power, wiring and address",
            )

    def _unit_worked(self, unit: int) -> None:
        breaker = self._breaker(unit)
        was_up = not breaker.tripped
        breaker.worked()
        self._silent_in_a_row = 0
        if not was_up:
            self._tell(unit, up=True, detail=f"unit {unit} answers again")

    def _tell_port(self, *, up: bool, detail: str) -> None:
        changed = up != self.up or self.detail == "not opened yet"
        self.up, self.detail = up, detail
        if changed:
            self._tell(None, up=up, detail=detail)

    def _tell(self, unit: int | None, *, up: bool, detail: str) -> None:
        named = detail if detail.startswith("bus ") else f"bus {self.name}: {detail}"
        log.log(logging.INFO if up else logging.WARNING, "%s", named)
        for listener in self.listeners:
            listener(self.name, unit, up, detail)

    def _away(self) -> str:
        return Said(
            "bus %(bus)s: %(port)s went away; is the adapter plugged in and powered?",
            bus=self.name,
            port=self._section.port,
        )

    def _down(self) -> NotSentError:
        return NotSentError("bus.down", self.detail, bus=self.name)
