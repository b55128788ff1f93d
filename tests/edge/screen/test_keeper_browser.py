"""The keeper's tablet in a real browser: every page, both languages, both ways up; the wedge scanner."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from edge.pickup.views import DeskStep, UndoView
from edge.screen import make_keeper_app
from tests.edge.screen.fakes import PIN, FakeStation, behind_a_door_that_is_gone, hands
from tests.edge.screen.looks import (
    Requests,
    axe,
    by_every_rule,
    follow,
    has_focus,
    matrix,
    outside,
    picture,
    small_targets,
)
from tests.edge.screen.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
SIZES = {"tablet": (1280, 800), "upright": (800, 1280)}
LANGS = ("zh-CN", "en")
PARCEL = FakeStation().desk.parcels[2].parcel_id
GONE = FakeStation().desk.parcels[0].parcel_id
Set = Callable[[FakeStation], object]
PAGES: dict[str, tuple[str, Set]] = {
    "day": ("/", lambda s: None),
    "put-in": ("/", lambda s: setattr(s.desk, "hands", hands(s.desk.parcels[3]))),
    "failed": ("/", lambda s: setattr(s.desk, "hands", hands(s.desk.parcels[3], DeskStep.FAILED))),
    "gone in hand": (
        "/",
        lambda s: setattr(s.desk, "hands", hands(s.desk.parcels[3], DeskStep.DOOR_GONE)),
    ),
    "gone with a parcel": (f"/parcels/{GONE}", behind_a_door_that_is_gone),
    "undo": ("/", lambda s: setattr(s.desk, "undoable", UndoView(s.desk.parcels[0], "A01", 500.0))),
    "overdue": ("/overdue", lambda s: None),
    "search": ("/search?tail=7281", lambda s: None),
    "parcel": (f"/parcels/{PARCEL}", lambda s: None),
    "door": ("/doors/A01", lambda s: None),
    "broken door": ("/doors/D02", lambda s: None),
    "temperatures": ("/temperatures", lambda s: None),
}


class Tablet:
    """A served keeper page over fakes, and the browser page on it."""

    def __init__(self, page: "Page") -> None:
        self.station, self.page = FakeStation(), page
        self.station.facts.open_doors = ("B03",)
        self.served = Served(make_keeper_app(self.station.services()))
        self.requests = Requests(page)
        page.set_default_timeout(8000)

    def goto(self, path: str = "/") -> None:
        self.page.goto(self.served.url + path)

    def sign_in(self) -> None:
        self.goto()
        self.page.fill("#pin", PIN)
        self.page.press("#pin", "Enter")
        self.page.wait_for_selector("html[data-link=up]")

    def close(self) -> None:
        self.page.close()
        self.served.close()


@pytest.fixture
def tablet(page: "Page") -> Iterator[Tablet]:
    tablet = Tablet(page)
    yield tablet
    tablet.close()


SEEN_IN = matrix(SIZES, LANGS)


def looked_at(page: "Page", axe_source: str | None) -> list[str]:
    fits = [*outside(page), *small_targets(page)]
    return fits + (axe(page, axe_source) if axe_source else [])


@pytest.mark.parametrize(("size", "lang"), SEEN_IN)
def test_every_page_fits_and_is_usable_by_everybody(
    browser: "Browser", axe_source: str, size: str, lang: str
) -> None:
    width, height = SIZES[size]
    rules = axe_source if by_every_rule(size, lang, among=SEEN_IN) else None
    page = browser.new_page(viewport={"width": width, "height": height})
    tablet = Tablet(page)
    found: dict[str, list[str]] = {}
    try:
        tablet.goto()
        if lang == "en":
            follow(page, "button[value=en]")
        found["sign-in"] = looked_at(page, rules)
        tablet.sign_in()
        for name, (path, change) in PAGES.items():
            tablet.station.desk.hands = tablet.station.desk.undoable = None
            change(tablet.station)
            tablet.goto(path)
            page.wait_for_selector("html[data-link=up]")
            found[name] = looked_at(page, rules)
            if size == "tablet" and name == "put-in":
                picture(page, f"keeper-{lang[:2]}")
        assert {name: wrong for name, wrong in found.items() if wrong} == {}
        assert tablet.requests.foreign(tablet.served.url) == []
        assert tablet.requests.complaints == []
    finally:
        tablet.close()


def test_a_scanner_that_types_starts_the_put_in(tablet: Tablet) -> None:
    tablet.sign_in()
    has_focus(tablet.page, "scan")
    tablet.page.keyboard.type("LL-003307", delay=5)
    tablet.page.keyboard.press("Enter")
    tablet.page.wait_for_selector(".work .door")
    assert tablet.page.inner_text(".work .door") == "E03"
    has_focus(tablet.page, "scan")
    assert tablet.station.desk.asked == ["scan LL-003307"]


def test_a_scan_lands_in_the_box_wherever_the_focus_is(tablet: Tablet) -> None:
    tablet.sign_in()
    tablet.page.focus("nav a")
    # All keys in one turn of the page: how fast this machine types must not decide what a scan is.
    tablet.page.evaluate(
        """text => [...text, 'Enter'].forEach(key => document.activeElement.dispatchEvent(
             new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true})))""",
        "LL-008145",
    )
    tablet.page.wait_for_selector(".work .door")
    assert tablet.station.desk.asked == ["scan LL-008145"]


def test_slow_typing_outside_a_box_is_no_scan(tablet: Tablet) -> None:
    tablet.sign_in()
    tablet.page.focus("nav a")
    tablet.page.keyboard.type("LL-8145", delay=90)
    assert tablet.station.desk.asked == []
    assert tablet.page.input_value("#scan") == ""


def test_the_door_wall_is_live(tablet: Tablet) -> None:
    tablet.sign_in()
    assert tablet.page.locator(".doormap .open").count() == 1

    def shut() -> None:
        tablet.station.facts.open_doors = ()
        tablet.station.desk.watch.bump()

    tablet.served.do(shut)
    tablet.page.wait_for_selector(".doormap .open", state="detached")


def test_a_door_of_the_wall_leads_to_its_page(tablet: Tablet) -> None:
    tablet.sign_in()
    tablet.page.click("a[aria-label='A01 有货']")
    tablet.page.wait_for_selector("text=A01 号格口")
    tablet.page.select_option("form[action$='/open'] select", "clean")
    tablet.page.click("form[action$='/open'] button")
    tablet.page.wait_for_selector(".notice.info")
    assert tablet.station.desk.asked == ["open A01 clean"]


def test_works_without_script(browser: "Browser") -> None:
    context = browser.new_context(java_script_enabled=False)
    tablet = Tablet(context.new_page())
    try:
        tablet.goto()
        tablet.page.fill("#pin", PIN)
        tablet.page.click("button.primary")
        tablet.page.fill("#scan", "LL-003307")
        tablet.page.press("#scan", "Enter")
        tablet.page.wait_for_selector(".work .door")
    finally:
        tablet.close()
        context.close()
