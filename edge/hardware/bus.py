"""The one owner of a port: one request on the wire at a time, the urgent ones first, silence after every doubt.

Rules of reference hardware C.4; each keeps a wrong door shut, so each has a test that fails without it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic

from common.kit.errors import LinliError
from edge.config import BusSection
from edge.hardware.breaker import Breaker
from edge.hardware.errors import DeviceRefusedError, NoReplyError, NotSentError
from edge.hardware.jobs import Job, Jobs, Priority
from edge.hardware.line import Line, is_tcp
from edge.hardware.pace import Pace
from edge.hardware.speech import A, Link, Q, Rules, Speech
from firmware_protocols.modbus_rtu import frame_gap_s

log = logging.getLogger(__name__)

FIRST_REOPEN_S = 0.2
LONGEST_REOPEN_S = 1.0
ECHO_TEST_S = 0.15
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
    ) -> None:
        """`units` are all configured ones; only those in `rules` may be told more than to be read."""
        self.name = section.name
        self.up = False
        self.detail = "not opened yet"
        self.listeners: list[BusListener] = []
        self._section = section
        self._line = line
        self._speech = speech
        self._rules = rules
        self._breakers = {unit: Breaker() for unit in sorted(units)}
        self._spare_unit = next((n for n in reversed(speech.units) if n not in units), None)
        self._pace = Pace(frame_gap_s(section.baud))
        self._jobs: Jobs[Q, A] = Jobs()
        self._tried = asyncio.Event()
        self._link: Link[Q, A] | None = None
        self._silent_in_a_row = 0

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
            raise DeviceRefusedError(
                "bus.device_refused",
                f"bus {self.name}: unit {unit} refused {request} with code {code}",
                bus=self.name,
                unit=unit,
                code=code,
            )
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
            await self._first_frames(link)
        except (LinliError, OSError) as error:
            link.close()
            self._link = None
            self._tell_port(up=False, detail=str(error))
            return False
        self._tell_port(up=True, detail="open")
        self._tried.set()
        return True

    async def _first_frames(self, link: Link[Q, A]) -> None:
        """Find out whether the adapter echoes, then drop every relay, best effort a board."""
        if not is_tcp(self._section.port) and not self._section.local_echo:
            await self._test_echo(link)
        for unit, rule in sorted(self._rules.items()):
            if rule.all_off is None:
                continue
            await self._pace.rest()
            try:
                await self._transact(link, unit, rule.all_off, self._section.timeout_s)
            except NoReplyError:
                log.warning("bus %s: unit %d does not answer all-off", self.name, unit)

    async def _test_echo(self, link: Link[Q, A]) -> None:
        # a read to a unit that nobody configured: what comes back at once is the adapter hearing itself
        if self._spare_unit is None:
            return
        try:
            await self._transact(link, self._spare_unit, self._speech.echo_test, ECHO_TEST_S)
        except NoReplyError:
            if link.echoed:
                log.warning("bus %s: the adapter echoes, its echo is cut off", self.name)
                link.expect_echo()

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
                job.answer.set_exception(self._resting(job.unit))
                continue
            await self._work(link, job)
            if is_tcp(self._section.port) and self._silent_in_a_row >= DEAD_GATEWAY_AFTER:
                self._silent_in_a_row = 0
                return

    async def _work(self, link: Link[Q, A], job: Job[Q, A]) -> None:
        try:
            timeout_s = max(self._section.timeout_s, self._speech.patience_s(job.request))
            reply = await self._transact(link, job.unit, job.request, timeout_s)
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

    async def _transact(self, link: Link[Q, A], unit: int, request: Q, timeout_s: float) -> A:
        self._pace.asked()
        try:
            reply = await link.transact(unit, request, timeout_s)
        except NoReplyError:
            self._pace.heard()
            raise
        except LinliError:
            self._pace.not_sent()
            raise
        self._pace.answered(wrote=not self._speech.is_read(request))
        return reply

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
        return f"bus {self.name}: {self._section.port} went away; is the adapter plugged in and powered?"

    def _down(self) -> NotSentError:
        return NotSentError("bus.down", self.detail, bus=self.name)

    def _resting(self, unit: int) -> NotSentError:
        return NotSentError(
            "bus.unit_away",
            f"bus {self.name}: unit {unit} has not answered lately and is asked again soon",
            bus=self.name,
            unit=unit,
        )
