"""What the one screen of a station remembers besides the pickup session: language, notice, deadlines.

It lives in the daemon, not in the page, so a killed browser comes back to the same step.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from common.contract.words import KeypadLevel
from common.kit.clock import Clock
from common.kit.codes import CODE_DIGITS, TAIL_DIGITS
from common.kit.errors import ConflictError, LinliError
from common.ui.i18n import DEFAULT_LANG, Lang
from edge.pickup.papers import PaperSays
from edge.pickup.views import Accepted, KeypadView, Refused, SessionView, Step
from edge.screen.once import OnceKeys
from edge.screen.services import Papers, Pickup

WARN_S = 20.0
"""The question "still there?" comes this long before a time-out (WCAG 2.2.1)."""
NOTICE_S = 20.0
"""How long a refusal stays on the screen when nobody types."""
STEP_LIMIT_S = {
    Step.OPEN: 90.0,
    Step.NOT_OPENED: 60.0,
    Step.CLOSED: 120.0,
    Step.FAILED: 60.0,
    Step.DONE: 10.0,
}
"""How long a step may stand untouched: an open door loses the name, every other step ends."""


class Notice(StrEnum):
    """Why the code screen speaks."""

    NONE = "none"
    REFUSED = "refused"
    LOCKED = "locked"
    UNAVAILABLE = "unavailable"
    UNSURE = "unsure"
    HELD = "held"
    OFF = "off"
    WITHDRAWN = "withdrawn"
    PAPER_OLD = "paper_old"
    PAPER_FOREIGN = "paper_foreign"
    PAPER_OVER = "paper_over"
    PAPER_FORGED = "paper_forged"
    PAPER_CERTIFICATE = "paper_certificate"


_PAPERS = {
    PaperSays.APPLIED: Notice.WITHDRAWN,
    PaperSays.KNOWN: Notice.WITHDRAWN,
    PaperSays.OLD: Notice.PAPER_OLD,
    PaperSays.FOREIGN: Notice.PAPER_FOREIGN,
    PaperSays.OVER: Notice.PAPER_OVER,
    PaperSays.FORGED: Notice.PAPER_FORGED,
    PaperSays.CERTIFICATE: Notice.PAPER_CERTIFICATE,
}
_NOTICES = {
    "pickup.time_unsure": Notice.UNSURE,
    "pickup.rows_lost": Notice.UNSURE,
    "pickup.held": Notice.HELD,
}


@dataclass(frozen=True, slots=True)
class KioskView:
    """What the stage shows now. `left_s` is the rest of the step's time, None without limit."""

    session: SessionView | None
    notice: Notice
    locked_s: int
    digits: int
    wiped: bool
    warn: bool
    left_s: float | None
    part: tuple[int, int] = (0, 0)
    """Which part of how many a capsule was."""


class KioskState:
    """The screen's memory; `tick()` applies what time has done."""

    def __init__(
        self,
        pickup: Pickup,
        papers: Papers,
        clock: Clock,
        idle_s: float = 60.0,
        stay: Callable[[], None] | None = None,
    ) -> None:
        """Watch `pickup`; settings return to Chinese and normal text after `idle_s` alone.

        `stay` hands a wish for more time on to the flow, which ends idle steps itself.
        """
        self._pickup, self._papers = pickup, papers
        self._clock, self._idle_s = clock, idle_s
        self.once = OnceKeys(f"{round(clock.monotonic_s() * 1000):x}")
        self.lang, self.large = DEFAULT_LANG, False
        self._touched_s = clock.monotonic_s()
        self._notice, self._notice_s = Notice.NONE, 0.0
        self._mark: tuple[str, Step, int] | None = None
        self._deadline_s: float | None = None
        self._wiped = False
        self._stay = stay
        self._dismissed = ""
        self._part = (0, 0)

    def view(self) -> KioskView:
        """Return the stage; pure apart from noticing that the session moved on."""
        session, now = self.session(), self._clock.monotonic_s()
        self._follow(session, now)
        keypad = self._pickup.keypad()
        left_s = None if self._deadline_s is None else max(0.0, self._deadline_s - now)
        return KioskView(
            session=session,
            notice=self._notice_of(keypad, now),
            locked_s=keypad.locked_s,
            digits=self.digits(),
            wiped=self._wiped,
            warn=left_s is not None and left_s <= WARN_S and self._may_ask(session),
            left_s=left_s,
            part=self._part,
        )

    async def tick(self) -> None:
        """End a step whose time is over: an open door only loses the name, anything else ends."""
        view = self.view()
        if view.session is None or view.left_s is None or view.left_s > 0:
            return
        if view.session.step is Step.OPEN:
            self._wiped, self._deadline_s = True, None
        else:
            await self.quietly(self.finish)

    def session(self) -> SessionView | None:
        """Return the session under way; one that is done and sent away is over."""
        session = self._pickup.session()
        return None if session and session.session_id == self._dismissed else session

    async def finish(self) -> None:
        """End the session; the flow shows "done" for a while, which the resident may cut short."""
        session = self.session()
        if session is not None and session.step is Step.DONE:
            self._dismissed = session.session_id
        else:
            await self._pickup.finish()

    def digits(self) -> int:
        """Return how many digits the keypad asks for: the code, perhaps with the last four of the phone number."""
        steps_up = self._pickup.keypad().level is not KeypadLevel.NORMAL
        return CODE_DIGITS + (TAIL_DIGITS if steps_up else 0)

    async def submit(self, typed: str) -> None:
        """Try a code, with four more digits the second factor; a session already under way swallows it."""
        code, tail = typed[:CODE_DIGITS], typed[CODE_DIGITS:] or None
        await self._try(lambda: self._pickup.submit(code, tail))

    async def submit_qr(self, text: str) -> None:
        """Try a scanned QR code, or take a paper of the hub."""
        if self._papers.is_one(text):
            await self._show(text)
        else:
            await self._try(lambda: self._pickup.submit_qr(text))

    def cannot_read(self) -> None:
        """Say no to something scanned that cannot be a code of ours."""
        self.touch()
        if self.session() is None:
            self._say(Notice.REFUSED)

    async def _show(self, text: str) -> None:
        self.touch()
        try:
            answer = await self._papers.show(text)
        except LinliError:
            self._say(Notice.UNAVAILABLE)
            return
        self._part = (answer.part, answer.parts)
        self._say(_PAPERS[answer.says])

    async def _try(self, attempt: Callable[[], Awaitable[Accepted | Refused]]) -> None:
        self.touch()
        if self.session() is not None:
            return
        try:
            answer = await attempt()
        except ConflictError:
            return  # somebody was quicker: the stage shows their step
        except LinliError as error:
            self._say(_NOTICES.get(error.key, Notice.UNAVAILABLE))
            return
        wrong = isinstance(answer, Refused) and not answer.second_factor
        self._say(Notice.REFUSED if wrong else Notice.NONE)

    async def quietly(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do `act`; when the state has moved on already, the state is the answer."""
        self.touch()
        try:
            await act()
        except LinliError:
            self._mark = None  # look again: the stage shows what is true

    def stay(self) -> None:
        """Give the step its full time again."""
        self.touch()
        self._mark = None
        if self._stay is not None:
            self._stay()

    def touch(self) -> None:
        """Note that somebody is here."""
        self._touched_s = self._clock.monotonic_s()

    def settle(self) -> None:
        """Return to Chinese and normal text once nobody has been here for a while."""
        alone_s = self._clock.monotonic_s() - self._touched_s
        if self.session() is None and alone_s >= self._idle_s:
            self.reset()

    def reset(self) -> None:
        """Return to Chinese and normal text now."""
        self.lang, self.large = DEFAULT_LANG, False
        self._say(Notice.NONE)

    def choose(self, lang: Lang | None, large: bool | None) -> None:
        """Keep the resident's choice."""
        self.touch()
        self.lang = lang or self.lang
        self.large = self.large if large is None else large

    def _follow(self, session: SessionView | None, now: float) -> None:
        mark = (session.session_id, session.step, session.index) if session else None
        if mark == self._mark:
            return
        same_door = mark is not None and self._mark is not None and mark[::2] == self._mark[::2]
        self._wiped = self._wiped and same_door
        self._mark = mark
        limit_s = STEP_LIMIT_S.get(session.step) if session else None
        self._deadline_s = None if limit_s is None else now + limit_s

    def _may_ask(self, session: SessionView | None) -> bool:
        """Return whether more time can be had: an open door's always, other steps end in the flow."""
        if session is None or session.step is Step.DONE:
            return False
        return session.step is Step.OPEN or self._stay is not None

    def _notice_of(self, keypad: KeypadView, now: float) -> Notice:
        if keypad.locked_s > 0:
            return Notice.OFF if keypad.level is KeypadLevel.OFF else Notice.LOCKED
        return self._live_notice(now)

    def _say(self, notice: Notice) -> None:
        self._notice, self._notice_s = notice, self._clock.monotonic_s()

    def _live_notice(self, now: float) -> Notice:
        return self._notice if now - self._notice_s < NOTICE_S else Notice.NONE
