"""The kiosk in a real browser: every step, both languages, every size; keypad, outage, time-outs."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from common.contract.words import KeypadLevel
from common.kit.errors import UnavailableError
from edge.pickup.views import Step
from edge.screen import make_kiosk_app
from edge.sync.fence import Why
from tests.edge.screen.fakes import GOOD_CODE, FakeStation, session
from tests.edge.screen.looks import (
    Requests,
    axe,
    by_every_rule,
    follow,
    matrix,
    outside,
    picture,
    small_targets,
)
from tests.edge.screen.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
SIZES = {"small": (1024, 600), "wide": (1280, 800), "tall": (1080, 1920)}
LANGS = ("zh-CN", "en")
REFUSED_IN = matrix(SIZES, LANGS)
HINDRANCES = {
    "#unsure": UnavailableError("pickup.time_unsure", "not now"),
    "#held": UnavailableError("pickup.held", "not by a code"),
}


def off_but_scan(station: FakeStation) -> None:
    """The keypad is off and a scanner is there."""
    station.scans._types = True
    station.pickup.level, station.pickup.locked_s = KeypadLevel.OFF, 40_000


STEPS: dict[str, Callable[[FakeStation], object]] = {
    "code": lambda s: None,
    "locked": lambda s: setattr(s.pickup, "locked_s", 299),
    "step up": lambda s: setattr(s.pickup, "level", KeypadLevel.STEP_UP),
    "code or scan": lambda s: setattr(s.scans, "_types", True),
    "off but scan": off_but_scan,
    "off": lambda s: vars(s.pickup).update(level=KeypadLevel.OFF, locked_s=40_000),
    "fenced": lambda s: setattr(s.facts, "why", Why.FENCED),
    "opening": lambda s: setattr(s.pickup, "now", session(Step.OPENING)),
    "open": lambda s: setattr(s.pickup, "now", session(Step.OPEN, total=3)),
    "left open": lambda s: setattr(s.pickup, "now", session(Step.OPEN, door_left_open=True)),
    "not opened": lambda s: setattr(s.pickup, "now", session(Step.NOT_OPENED)),
    "last pulse": lambda s: setattr(s.pickup, "now", session(Step.NOT_OPENED, pulses_left=0)),
    "closed": lambda s: setattr(s.pickup, "now", session(Step.CLOSED)),
    "closed 1 of 3": lambda s: setattr(s.pickup, "now", session(Step.CLOSED, total=3)),
    "done": lambda s: setattr(s.pickup, "now", session(Step.DONE)),
    "failed": lambda s: setattr(s.pickup, "now", session(Step.FAILED)),
    "failed 1 of 3": lambda s: setattr(
        s.pickup, "now", session(Step.FAILED, total=3, another=True)
    ),
    "done but refused": lambda s: setattr(
        s.pickup, "now", session(Step.DONE, total=3, refused=True)
    ),
    "closed and refused": lambda s: setattr(
        s.pickup, "now", session(Step.CLOSED, total=3, refused=True)
    ),
    "failed, refused": lambda s: setattr(s.pickup, "now", session(Step.FAILED, refused=True)),
    "not opened 1 of 3": lambda s: setattr(
        s.pickup, "now", session(Step.NOT_OPENED, total=3, another=True)
    ),
}


def at_step(change: Callable[[FakeStation], object], station: FakeStation) -> None:
    """Bring the station from wherever it is to a step."""
    station.pickup.now, station.pickup.locked_s, station.scans._types = None, 0, False
    station.pickup.level, station.facts.why = KeypadLevel.NORMAL, Why.NONE
    change(station)


class Kiosk:
    """A served kiosk over fakes, and the page on it."""

    def __init__(self, page: "Page", stay: Callable[[], None] | None = None) -> None:
        self.station, self.page = FakeStation(), page
        self.served = Served(make_kiosk_app(replace(self.station.services(), stay=stay)))
        self.requests = Requests(page)
        page.set_default_timeout(8000)

    def goto(self) -> None:
        self.page.goto(self.served.url)
        self.page.wait_for_selector("html[data-link=up]")

    def change(self, change: Callable[[FakeStation], object]) -> None:
        """Change the station's state on its loop and let the page hear of it."""

        def run() -> None:
            change(self.station)
            self.station.pickup.watch.bump()

        self.served.do(run)

    def type(self, code: str) -> None:
        for digit in code:
            self.page.click(f".pad [data-digit='{digit}']")

    def restart(self) -> None:
        """Come back on the same port, as a daemon does after a crash."""
        self.served.down()
        self.served.up(make_kiosk_app(self.station.services()), self.served.port)


@pytest.fixture
def kiosk(page: "Page") -> Iterator[Kiosk]:
    kiosk = Kiosk(page)
    yield kiosk
    page.close()
    kiosk.served.close()


@pytest.mark.parametrize(
    ("size", "lang", "text"), matrix(SIZES, reversed(LANGS), ("large", "normal"))
)
def test_every_step_fits_and_is_usable_by_everybody(
    browser: "Browser", axe_source: str, size: str, lang: str, text: str
) -> None:
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height})
    kiosk = Kiosk(page)
    found: dict[str, list[str]] = {}
    try:
        kiosk.goto()
        if text == "large":
            follow(page, "button[value=large]")
        if lang == "en":
            follow(page, "button[value=en]")
        page.wait_for_selector("html[data-link=up]")
        for name, change in STEPS.items():
            kiosk.change(partial(at_step, change))
            page.reload()
            page.wait_for_selector("html[data-link=up]")
            found[name] = [*outside(page), *small_targets(page)]
            if text == "normal":
                found[name] += axe(page, axe_source)
            if size == "wide" and text == "normal" and name == "open":
                picture(page, f"kiosk-open-{lang[:2]}")
            if size == "wide" and text == "normal" and name == "code":
                picture(page, f"kiosk-idle-{lang[:2]}")
        assert {name: wrong for name, wrong in found.items() if wrong} == {}
        assert kiosk.requests.foreign(kiosk.served.url) == []
        assert kiosk.requests.complaints == []
    finally:
        page.close()
        kiosk.served.close()


@pytest.mark.parametrize(("size", "lang"), REFUSED_IN)
def test_a_refusal_fits_and_goes_with_the_next_key(
    kiosk: Kiosk, axe_source: str, size: str, lang: str
) -> None:
    width, height = SIZES[size]
    rules = by_every_rule(size, lang, among=REFUSED_IN)
    kiosk.page.set_viewport_size({"width": width, "height": height})
    kiosk.goto()
    if kiosk.page.get_attribute("html", "lang") != lang:
        follow(kiosk.page, f"button[value='{lang}']")
    kiosk.type("11112222")
    kiosk.page.wait_for_selector("#refused")
    assert outside(kiosk.page) == []
    assert not rules or axe(kiosk.page, axe_source) == []
    kiosk.type(GOOD_CODE[0])
    assert kiosk.page.query_selector("#refused") is None
    kiosk.page.click("[data-edit=clear]")
    for element, fails in HINDRANCES.items():
        kiosk.change(lambda s, fails=fails: setattr(s.pickup, "fails", fails))  # type: ignore[misc]
        kiosk.type(GOOD_CODE)
        kiosk.page.wait_for_selector(element)
        assert outside(kiosk.page) == []
        assert not rules or axe(kiosk.page, axe_source) == []
    assert kiosk.page.inner_text("#code") == ""


def test_eight_taps_open_the_door(kiosk: Kiosk) -> None:
    kiosk.goto()
    kiosk.type(GOOD_CODE)
    kiosk.page.wait_for_selector("[data-step=opening]")
    assert kiosk.page.inner_text(".big") == "E03"
    assert "屏幕右侧第 2 列，从上往下第 3 个" in kiosk.page.inner_text("#stage")
    kiosk.change(lambda s: setattr(s.pickup, "now", session(Step.OPEN)))
    kiosk.page.wait_for_selector("[data-step=open]")
    assert kiosk.page.locator(".doormap .cell.open").count() == 1
    kiosk.change(lambda s: setattr(s.pickup, "now", session(Step.CLOSED)))
    kiosk.page.click("text=完成")
    kiosk.page.wait_for_selector("[data-step=done]")
    assert "用时 8 秒" in kiosk.page.inner_text("#stage")
    kiosk.page.click("text=返回首页")
    kiosk.page.wait_for_selector("#code")
    assert kiosk.station.pickup.asked == [f"submit {GOOD_CODE}", "proceed"]


def test_a_scanner_that_types_opens_the_door_and_types_no_digits(kiosk: Kiosk) -> None:
    kiosk.goto()
    kiosk.type("48")
    kiosk.page.keyboard.type("LG1NOTHING234")
    kiosk.page.keyboard.press("Enter")
    kiosk.page.wait_for_selector("#refused")
    assert kiosk.page.inner_text("#code") == ""
    kiosk.page.keyboard.type("LG1GOOD")
    kiosk.page.keyboard.press("Enter")
    kiosk.page.wait_for_selector("[data-step=opening]")
    assert kiosk.station.pickup.asked == ["qr LG1NOTHING234", "qr LG1GOOD"]


def test_a_code_from_a_serial_scanner_opens_the_door_and_wipes_half_a_code(kiosk: Kiosk) -> None:
    kiosk.goto()
    kiosk.type("48")
    take = kiosk.station.scans.take
    assert take is not None
    kiosk.served.await_(take("LG1GOOD"))  # type: ignore[arg-type] # a coroutine
    kiosk.page.wait_for_selector("[data-step=opening]")
    kiosk.change(lambda s: setattr(s.pickup, "now", None))
    kiosk.page.wait_for_selector("#code")
    assert kiosk.page.inner_text("#code") == ""


def test_twelve_taps_when_the_keypad_asks_for_more(kiosk: Kiosk) -> None:
    kiosk.station.pickup.level = KeypadLevel.STEP_UP
    kiosk.goto()
    kiosk.type(GOOD_CODE)
    assert kiosk.station.pickup.asked == []
    kiosk.type("0042")
    kiosk.page.wait_for_selector("[data-step=opening]")
    assert kiosk.station.pickup.asked == [f"submit {GOOD_CODE} 0042"]


def test_keys_echo_at_once_and_can_be_corrected(kiosk: Kiosk) -> None:
    kiosk.goto()
    echo_ms = kiosk.page.evaluate("""() => {
      const times = [];
      for (const digit of '482') {
        const key = document.querySelector(`.pad [data-digit='${digit}']`), start = performance.now();
        key.dispatchEvent(new PointerEvent('pointerdown', {bubbles: true}));
        times.push(performance.now() - start);
      }
      return Math.max(...times);
    }""")
    assert echo_ms < 100
    assert kiosk.page.inner_text("#code").split() == ["4", "8", "2"]
    kiosk.page.click("[data-edit=back]")
    assert kiosk.page.inner_text("#code").split() == ["4", "8"]
    kiosk.page.click("[data-edit=clear]")
    assert kiosk.page.inner_text("#code") == ""
    kiosk.page.keyboard.press("7")
    assert kiosk.page.inner_text("#code") == "7"
    kiosk.page.focus("[data-digit='5']")
    kiosk.page.keyboard.press("Enter")
    assert kiosk.page.inner_text("#code").split() == ["7", "5"]
    kiosk.page.keyboard.press("Escape")
    assert kiosk.page.inner_text("#code") == ""


def test_a_code_left_lying_is_wiped(kiosk: Kiosk) -> None:
    kiosk.page.clock.install()
    kiosk.goto()
    kiosk.type("4829")
    kiosk.page.clock.run_for(19_000)
    assert kiosk.page.inner_text("#code").split() == ["4", "8", "2", "9"]
    kiosk.page.clock.run_for(1_500)
    assert kiosk.page.inner_text("#code") == ""


def test_the_keypad_waits_out_its_lock(kiosk: Kiosk) -> None:
    kiosk.station.pickup.locked_s = 65
    kiosk.goto()
    assert kiosk.page.locator(".pad button:disabled").count() == 12
    assert kiosk.page.inner_text("[data-left]") in ("1:05", "1:04")
    kiosk.page.keyboard.press("4")
    assert kiosk.page.inner_text("#code") == ""
    kiosk.change(lambda s: setattr(s.pickup, "locked_s", 0))
    kiosk.page.wait_for_selector(".pad button:not(:disabled)")


def test_typing_survives_news_from_the_daemon(kiosk: Kiosk) -> None:
    kiosk.goto()
    kiosk.type("482")
    kiosk.change(lambda s: s.facts.temperatures.update(cold=9.9))
    kiosk.page.wait_for_selector("text=9.9 °C")
    assert kiosk.page.inner_text("#code").split() == ["4", "8", "2"]


def test_a_dead_daemon_is_noticed_and_comes_back(kiosk: Kiosk) -> None:
    kiosk.goto()
    kiosk.served.down()
    start = time.monotonic()
    kiosk.page.wait_for_selector("html[data-link=down]", timeout=6500)
    assert time.monotonic() - start < 6.5
    away = kiosk.page.locator(".away")
    assert away.is_visible()
    assert "400-820-1234" in away.inner_text()
    kiosk.page.keyboard.press("4")
    assert kiosk.page.inner_text("#code") == ""
    assert outside(kiosk.page) == []
    kiosk.station.pickup.now = session(Step.OPEN)
    kiosk.served.up(make_kiosk_app(kiosk.station.services()), kiosk.served.port)
    kiosk.page.wait_for_selector("[data-step=open]", timeout=8000)
    assert not kiosk.page.locator(".away").is_visible()


def test_a_new_build_reloads_only_an_idle_page(kiosk: Kiosk) -> None:
    kiosk.goto()
    kiosk.page.evaluate("window.same = true")
    kiosk.change(lambda s: setattr(s.pickup, "now", session(Step.OPEN)))
    kiosk.page.wait_for_selector("[data-step=open]")
    kiosk.station.build_id = "build-2"
    kiosk.restart()
    kiosk.page.wait_for_selector("html[data-link=down]")
    kiosk.page.wait_for_selector("html[data-link=up]", timeout=8000)
    assert kiosk.page.evaluate("window.same") is True
    kiosk.change(lambda s: setattr(s.pickup, "now", None))
    kiosk.page.wait_for_selector("html[data-build=build-2]", timeout=8000)
    assert kiosk.page.evaluate("window.same") is None


def test_asks_before_it_wipes_the_name(kiosk: Kiosk) -> None:
    kiosk.station.pickup.now = session(Step.OPEN)
    kiosk.goto()
    assert "张*明" in kiosk.page.inner_text("#stage")
    kiosk.change(lambda s: setattr(s.clock, "now_s", s.clock.now_s + 75))
    kiosk.page.wait_for_selector(".warnbar")
    assert outside(kiosk.page) == []
    kiosk.page.click(".warnbar button")
    kiosk.page.wait_for_selector(".warnbar", state="detached")
    kiosk.change(lambda s: setattr(s.clock, "now_s", s.clock.now_s + 91))
    kiosk.page.wait_for_selector("text=下一位取件")
    assert "张*明" not in kiosk.page.content()
    assert kiosk.page.inner_text(".big") == "E03"


@pytest.mark.parametrize(("lang", "text"), matrix(LANGS, ("normal", "large")))
def test_the_question_and_the_outage_fit_everywhere(page: "Page", lang: str, text: str) -> None:
    kiosk = Kiosk(page, stay=lambda: None)
    found: dict[str, list[str]] = {}
    try:
        kiosk.goto()
        for button in (f"button[value='{lang}']", f"button[value='{text}']"):
            if page.locator(button).count():
                follow(page, button)
        page.wait_for_selector("html[data-link=up]")
        for step, passed_s in ((Step.OPEN, 75), (Step.NOT_OPENED, 45), (Step.FAILED, 45)):
            kiosk.change(lambda s, step=step: setattr(s.pickup, "now", session(step, total=3)))  # type: ignore[misc]
            page.wait_for_selector(f"[data-step={step}]")
            kiosk.station.clock.now_s += passed_s
            page.wait_for_selector(".warnbar")
            for size, (width, height) in SIZES.items():
                page.set_viewport_size({"width": width, "height": height})
                found[f"{step} {size}"] = outside(page)
        kiosk.served.down()
        page.wait_for_selector("html[data-link=down]")
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            found[f"away {size}"] = outside(page)
        assert {name: wrong for name, wrong in found.items() if wrong} == {}
    finally:
        page.close()
        kiosk.served.close()


def test_language_goes_home_when_nobody_is_there(kiosk: Kiosk) -> None:
    kiosk.page.clock.install()
    kiosk.goto()
    follow(kiosk.page, "button[value=en]")
    kiosk.page.wait_for_selector("html[lang=en]")
    kiosk.page.clock.run_for(61_000)
    kiosk.page.wait_for_selector("html[lang=zh-CN]")


def test_stays_light(kiosk: Kiosk) -> None:
    kiosk.goto()
    urls = list(kiosk.requests.urls)
    assert len(urls) <= 6
    loaded = [url for url in urls if not url.endswith("/live")]
    assert len(loaded) == len(urls) - 1
    assert sum(len(kiosk.page.request.get(url).body()) for url in loaded) <= 60_000
