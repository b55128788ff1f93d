"""The first frames on a line that was just opened: does the adapter hear itself, all relays off, has a unit a twin."""

import logging
from collections.abc import Awaitable, Callable
from typing import Generic

from edge.config import BusSection
from edge.hardware.errors import NoReplyError
from edge.hardware.line import is_tcp
from edge.hardware.pace import Pace
from edge.hardware.speech import A, Link, Q, Rules, Speech
from edge.hardware.tally import LineTally
from edge.hardware.twins import TWIN_REMEDY, Heard, has_twin

log = logging.getLogger(__name__)

ECHO_TEST_S = 0.15
Transact = Callable[[Link[Q, A], int, Q, float], Awaitable[A]]


class Greeting(Generic[Q, A]):
    """One per line."""

    def __init__(
        self,
        section: BusSection,
        speech: Speech[Q, A],
        rules: Rules[Q],
        units: frozenset[int],
        transact: Transact[Q, A],
        pace: Pace,
        tally: LineTally,
    ) -> None:
        """`units`: all configured ones; `transact` is the owner's, with its gaps and its book-keeping."""
        self._section, self._speech, self._rules = section, speech, rules
        self._transact, self._pace, self._tally = transact, pace, tally
        self._spare_unit = next((n for n in reversed(speech.units) if n not in units), None)
        self.twins: tuple[int, ...] = ()
        """Units whose address a second board has, found when the port was opened first."""

    async def say(self, link: Link[Q, A]) -> None:
        """Find out whether the adapter echoes, drop every relay, best effort a board; at first look for twins."""
        if not is_tcp(self._section.port) and not self._section.local_echo:
            await self._test_echo(link)
        for unit, rule in sorted(self._rules.items()):
            if rule.all_off is None:
                continue
            await self._pace.rest()
            try:
                await self._transact(link, unit, rule.all_off, self._section.timeout_s)
            except NoReplyError:
                log.warning("bus %s: unit %d does not answer all-off", self._section.name, unit)
        if self._tally.opened == 1:
            # boards that open doors (who bears certain reads alone is none), without those that have been
            # silent: each silence costs its time
            boards = [unit for unit, rule in sorted(self._rules.items()) if rule.reads is None]
            there = [unit for unit in boards if not self._tally.unit(unit).silent]
            self.twins = tuple([unit for unit in there if await self._has_twin(link, unit)])

    async def _test_echo(self, link: Link[Q, A]) -> None:
        # a read to a unit that nobody configured: what comes back at once is the adapter hearing itself
        if self._spare_unit is None:
            return
        try:
            await self._transact(link, self._spare_unit, self._speech.echo_test, ECHO_TEST_S)
        except NoReplyError:
            if link.echoed:
                log.warning("bus %s: the adapter echoes, its echo is cut off", self._section.name)
                link.expect_echo()

    async def _has_twin(self, link: Link[Q, A], unit: int) -> bool:
        async def ask() -> Heard:
            await self._pace.rest()
            damaged = self._tally.unit(unit).damaged
            try:
                await self._transact(link, unit, self._speech.echo_test, self._section.timeout_s)
            except NoReplyError:
                is_rubbish = self._tally.unit(unit).damaged > damaged
                return Heard.RUBBISH if is_rubbish else Heard.NOTHING
            return Heard.ANSWER

        if not await has_twin(ask):
            return False
        log.error("bus %s: two boards answer as unit %d; %s", self._section.name, unit, TWIN_REMEDY)
        return True
