"""The screen's memory: notices, time-outs that wipe names, the language that goes home."""

import pytest

from common.kit.errors import ConflictError, UnavailableError
from common.ui.i18n import Lang
from edge.pickup.papers import PaperAnswer, PaperSays
from edge.pickup.views import Step
from edge.screen.kiosk.state import NOTICE_S, KioskState, Notice
from tests.edge.screen.fakes import GOOD_CODE, FakeClock, FakePapers, FakePickup, session


class Screen:
    """A state with its flow and clock; `stayed` counts wishes for more time."""

    def __init__(self, *, with_stay: bool = True) -> None:
        self.pickup, self.clock, self.stayed = FakePickup(), FakeClock(), 0
        self.papers = FakePapers()
        stay = self._stay if with_stay else None
        self.state = KioskState(self.pickup, self.papers, self.clock, 60.0, stay)

    def _stay(self) -> None:
        self.stayed += 1

    async def after(self, seconds: float) -> None:
        """Let `seconds` pass, a tick each."""
        self.state.view()
        for _ in range(round(seconds)):
            self.clock.now_s += 1
            await self.state.tick()


async def test_a_refusal_is_told_and_forgotten() -> None:
    subject = Screen()
    await subject.state.submit("11112222")
    assert subject.state.view().notice is Notice.REFUSED
    await subject.after(NOTICE_S)
    assert subject.state.view().notice is Notice.NONE


async def test_a_lock_outweighs_the_refusal() -> None:
    subject = Screen()
    subject.pickup.locked_s = 30
    await subject.state.submit("11112222")
    assert subject.state.view().notice is Notice.LOCKED
    assert subject.state.view().locked_s == 30


@pytest.mark.parametrize(
    ("key", "notice"),
    [("bus.down", Notice.UNAVAILABLE), ("pickup.time_unsure", Notice.UNSURE)],
)
async def test_what_is_no_fault_of_the_resident_is_told(key: str, notice: Notice) -> None:
    subject = Screen()
    subject.pickup.fails = UnavailableError(key, "not now")
    await subject.state.submit(GOOD_CODE)
    assert subject.state.view().notice is notice


@pytest.mark.parametrize("says", list(PaperSays))
async def test_a_sheet_of_the_hub_is_taken_and_said_in_its_own_words(says: PaperSays) -> None:
    subject = Screen()
    subject.papers.says = PaperAnswer(says, 1, 2)
    await subject.state.submit_qr("LR1SHEET")
    view = subject.state.view()
    assert (view.notice is Notice.WITHDRAWN) == (says in (PaperSays.APPLIED, PaperSays.KNOWN))
    assert view.notice not in (Notice.NONE, Notice.REFUSED)
    assert view.part == (1, 2)
    assert subject.pickup.asked == []
    await subject.after(NOTICE_S)
    assert subject.state.view().notice is Notice.NONE


async def test_a_sheet_that_cannot_be_stored_is_no_success() -> None:
    subject = Screen()
    subject.papers.fails = UnavailableError("storage.read_only", "the disk is read-only")
    await subject.state.submit_qr("LR1SHEET")
    assert subject.state.view().notice is Notice.UNAVAILABLE


async def test_somebody_quicker_is_no_error() -> None:
    subject = Screen()
    subject.pickup.fails = ConflictError("pickup.busy", "busy")
    await subject.state.submit(GOOD_CODE)
    assert subject.state.view().notice is Notice.NONE


async def test_a_second_code_cannot_disturb_a_pickup() -> None:
    subject = Screen()
    await subject.state.submit(GOOD_CODE)
    await subject.state.submit("11112222")
    assert subject.pickup.asked == [f"submit {GOOD_CODE}"]


async def test_an_open_door_loses_the_name_but_stays() -> None:
    subject = Screen()
    subject.pickup.now = session(Step.OPEN)
    await subject.after(69)
    assert not subject.state.view().warn
    await subject.after(2)
    assert subject.state.view().warn
    await subject.after(20)
    view = subject.state.view()
    assert view.wiped
    assert view.session is not None
    assert "finish" not in subject.pickup.asked


async def test_more_time_is_the_full_time() -> None:
    subject = Screen()
    subject.pickup.now = session(Step.OPEN)
    await subject.after(80)
    subject.state.stay()
    assert subject.stayed == 1
    assert not subject.state.view().warn
    assert subject.state.view().left_s == 90


@pytest.mark.parametrize("step", [Step.NOT_OPENED, Step.FAILED, Step.CLOSED])
async def test_other_steps_end(step: Step) -> None:
    subject = Screen()
    subject.pickup.now = session(step)
    await subject.after(121)
    assert subject.pickup.asked == ["finish"]
    assert subject.state.view().session is None


async def test_time_that_cannot_be_given_is_not_offered() -> None:
    subject = Screen(with_stay=False)
    subject.pickup.now = session(Step.NOT_OPENED)
    await subject.after(50)
    assert not subject.state.view().warn


async def test_wiped_stays_wiped_until_another_door() -> None:
    subject = Screen()
    subject.pickup.now = session(Step.OPEN)
    await subject.after(95)
    subject.pickup.now = session(Step.OPENING)
    assert subject.state.view().wiped
    subject.pickup.now = session(Step.OPEN, index=2)
    assert not subject.state.view().wiped


async def test_done_can_be_cut_short() -> None:
    subject = Screen()
    subject.pickup.now = session(Step.DONE)
    await subject.state.finish()
    assert subject.state.view().session is None
    assert subject.pickup.asked == []  # the flow lets go by itself; the next code is welcome
    await subject.state.submit(GOOD_CODE)
    assert subject.pickup.asked == [f"submit {GOOD_CODE}"]


async def test_an_act_too_late_shows_what_is_true() -> None:
    subject = Screen()
    await subject.state.quietly(subject.pickup.again)
    assert subject.state.view().session is None


async def test_language_goes_home_when_nobody_is_there() -> None:
    subject = Screen()
    subject.state.choose(Lang.EN, True)
    subject.clock.now_s += 59
    subject.state.settle()
    assert subject.state.lang is Lang.EN
    subject.clock.now_s += 2
    subject.state.settle()
    assert (subject.state.lang, subject.state.large) == (Lang.ZH, False)


async def test_language_stays_during_a_pickup() -> None:
    subject = Screen()
    subject.state.choose(Lang.EN, None)
    subject.pickup.now = session(Step.OPEN)
    subject.clock.now_s += 500
    subject.state.settle()
    assert subject.state.lang is Lang.EN
