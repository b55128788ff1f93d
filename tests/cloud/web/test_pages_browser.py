"""The hub's pages in a real browser: both languages, every size, what people do on them."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cloud.web.served import ServedHub
from tests.cloud.web.town import WARM_ID
from tests.edge.screen.looks import (
    Requests,
    axe,
    by_every_rule,
    matrix,
    picture,
    small_targets,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response, StorageState

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
DESK_SIZES = {"1440": (1440, 900), "1920": (1920, 1080)}
LANGS = ("zh-CN", "en")
ORDERS = ("ready", "locked", "collected", "cancelling", "paid", "placed", "cancelled", "departed")
DESK_BYTES, ORDER_BYTES = 250_000, 120_000
_WIDE = (Path(__file__).parent / "wide.js").read_text("utf-8")


DESK_SEEN_IN = matrix(DESK_SIZES, LANGS)
PHONE_SEEN_IN = matrix(("390", "320"), LANGS)


def looked_at(page: "Page", axe_source: str | None) -> list[str]:
    wide: list[str] = page.evaluate(_WIDE)
    return wide + (axe(page, axe_source) if axe_source else [])


@pytest.mark.parametrize(("size", "lang"), DESK_SEEN_IN)
def test_the_desk_fits_and_is_usable_by_everybody(
    browser: "Browser", axe_source: str, town: ServedHub, size: str, lang: str
) -> None:
    width, height = DESK_SIZES[size]
    rules = axe_source if by_every_rule(size, lang, among=DESK_SEEN_IN) else None
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    requests = Requests(page)
    page.goto(f"{town.url}/sign-in")
    found = {"sign-in": looked_at(page, rules)}
    page.goto(f"{town.url}/setup?token=x")
    found["setup"] = looked_at(page, rules)
    town.sign_in(page, lang=lang)
    pages = {
        "stations": f"{town.url}/stations",
        "station": town.station,
        "door": f"{town.station}?door=A08",
        "orders": f"{town.url}/orders",
        "new": f"{town.url}/orders/new",
        "cases": f"{town.url}/cases",
        "closed cases": f"{town.url}/cases?state=closed",
        "withdrawals": f"{town.station}/withdrawals",
        **{name: town.order(name) for name in ORDERS},
    }
    for name, url in pages.items():
        page.goto(url)
        assert page.get_attribute("html", "lang") == lang
        if page.get_attribute("html", "data-live"):
            page.wait_for_selector("html[data-link=up]")
        found[name] = looked_at(page, rules)
        if size == "1440" and name == "station":
            picture(page, f"operator-station-{lang[:2]}")
        if size == "1440" and name == "stations":
            picture(page, f"operator-{lang[:2]}")
    context.close()
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert requests.foreign(town.url) == []
    assert requests.complaints == []


@pytest.mark.parametrize(("width", "lang"), PHONE_SEEN_IN)
def test_the_order_page_fits_a_phone(
    browser: "Browser", axe_source: str, town: ServedHub, lang: str, width: str
) -> None:
    context = browser.new_context(viewport={"width": int(width), "height": 844})
    page = context.new_page()
    requests, found = Requests(page), {}
    rules = axe_source if by_every_rule(width, lang, among=PHONE_SEEN_IN) else None
    for name in ORDERS:
        page.goto(town.link(name) + ("?lang=en" if lang == "en" else ""))
        page.wait_for_selector("html[data-link=up]")
        assert page.get_attribute("html", "lang") == lang
        found[name] = looked_at(page, rules) + small_targets(page)
        if width == "390" and name == "ready":
            picture(page, f"order-{lang[:2]}")
    (errand,) = town.keys["errands"]
    page.goto(f"{town.url}/p/{errand}" + ("?lang=en" if lang == "en" else ""))
    page.wait_for_selector("html[data-link=up]")
    found["errand"] = looked_at(page, rules) + small_targets(page)
    context.close()
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert requests.foreign(town.url) == []
    assert requests.complaints == []


def weight(browser: "Browser", url: str, cookies: "StorageState | None" = None) -> int:
    """Return the bytes a first visit loads, the stream left out."""
    context = browser.new_context(storage_state=cookies)
    page = context.new_page()
    with_body: list[Response] = []
    page.on("response", lambda one: with_body.append(one))
    page.goto(url)
    page.wait_for_selector("html[data-link=up]")
    sizes = [
        len(one.body()) for one in with_body if "event-stream" not in one.headers["content-type"]
    ]
    context.close()
    assert len(sizes) >= 4
    return sum(sizes)


def test_pages_are_light(browser: "Browser", town: ServedHub) -> None:
    assert weight(browser, town.link("ready")) <= ORDER_BYTES
    context = browser.new_context()
    town.sign_in(context.new_page())
    cookies = context.storage_state()
    context.close()
    assert weight(browser, town.station, cookies) <= DESK_BYTES
    assert weight(browser, f"{town.url}/stations", cookies) <= DESK_BYTES


def test_the_code_stands_in_two_groups_of_four(page: "Page", town: ServedHub) -> None:
    page.goto(town.link("ready"))
    code = town.keys["codes"]["ready"]
    assert code is not None
    assert page.inner_text(".digits") == f"{code[:4]} {code[4:]}"
    assert "A03, B02" in page.inner_text(".codecard")
    assert "断网也能用" in page.inner_text(".codecard")
    for name in ("collected", "cancelling", "placed", "cancelled", "paid"):
        page.goto(town.link(name))
        assert page.locator(".digits").count() == 0, name


def test_a_resident_gives_a_parcel_away_and_takes_it_back(page: "Page", town: ServedHub) -> None:
    page.goto(f"{town.link('ready')}?lang=en")
    page.fill("input[name=given_to]", "Auntie Sun")
    page.click("form[action*=give] button")
    mine = page.locator("#family .given li", has_text="Auntie Sun")
    mine.get_by_role("button", name="Take back").click()
    mine.get_by_text("being taken back").wait_for()


def test_a_severe_station_leads_and_silence_is_no_alarm(page: "Page", town: ServedHub) -> None:
    town.sign_in(page)
    rows = page.locator("#fleet tbody tr")
    assert [rows.nth(n).locator(".tag").first.get_attribute("class") for n in range(3)] == [
        "tag crit",
        "tag warn",
        "tag info",
    ]
    assert re.search(
        r"(2[789]|3\d) 分钟", rows.nth(1).inner_text()
    )  # the town is some minutes old by now


def test_an_operator_plays_an_order_without_a_terminal(page: "Page", town: ServedHub) -> None:
    town.sign_in(page)
    page.goto(f"{town.url}/orders/new")
    page.fill("[id='qty-TOFU-400']", "2")
    page.click("text=提交订单")
    page.wait_for_selector("text=待付款")
    page.click("text=付款（沙箱）")
    page.click("text=锁单：生成包裹和取件码")
    page.wait_for_selector("text=已签发，入柜后生效")
    for step in ("已分拣", "已发车", "已到站"):
        page.click(f"#order button:has-text('{step}')")
        page.wait_for_selector(f"#story b:has-text('{step}')")
    page.click("text=作废取件码")
    page.wait_for_selector("text=作废待生效")
    page.click("summary")
    page.fill("#link-reason", "lost the message")
    page.click("text=显示链接")
    page.click("text=打开居民订单页")
    page.wait_for_selector("text=此取件码已作废")
    assert page.locator(".digits").count() == 0


def test_a_door_opens_only_after_its_label_is_typed(page: "Page", town: ServedHub) -> None:
    town.sign_in(page)
    page.goto(f"{town.station}?door=B01")
    page.fill("#typed", "B02")
    page.fill("#open-reason", "resident waits")
    page.click("#door .danger")
    page.wait_for_selector("text=没有开门")
    assert page.locator("#commands li:has-text('B01')").count() == 0
    page.fill("#typed", "b01")
    page.fill("#open-reason", "resident waits")
    page.click("#door .danger")
    page.wait_for_selector("#commands li:has-text('B01') .tag:has-text('排队中')")


def test_a_compartment_leaves_service_when_the_station_says_so(
    page: "Page", town: ServedHub
) -> None:
    town.sign_in(page)
    page.goto(f"{town.station}?door=A01")
    page.fill("#service-reason", "seal is torn")
    page.click("#door form[action$='/service'] button")
    page.wait_for_selector("#door .tag:has-text('等待站点生效')")
    page.wait_for_selector(".doormap a[aria-label^='A01'].fault")


def test_the_map_shows_where_the_doors_stand(page: "Page", town: ServedHub) -> None:
    town.sign_in(page, lang="en")
    page.goto(town.station)

    # One script reads all boxes: the stream may replace the map between two questions.
    a01, a05, b01, screen = page.evaluate(
        """parts => parts.map(part => {
             const box = document.querySelector(`.doormap ${part} rect`).getBoundingClientRect();
             return {x: box.x, y: box.y, height: box.height};
           })""",
        ["[aria-label^=A01]", "[aria-label^=A05]", "[aria-label^=B01]", ".screen"],
    )
    assert a01["x"] < a05["x"] < screen["x"] < b01["x"], "the screen stands between the two sides"
    assert abs(a01["y"] - a05["y"]) < 2 > abs(a01["y"] - b01["y"]), "one row; borders differ"
    assert screen["y"] > a01["y"] + a01["height"]
    assert screen["height"] > 1.8 * a01["height"]
    cold = page.locator(".doormap .cold").evaluate_all(
        "doors => doors.map(door => door.getAttribute('href').slice(-8, -5))"
    )
    assert cold == [f"A{n:02d}" for n in range(1, 9)]
    assert "chilled or frozen" in page.inner_text("#doors")
    assert "by label" not in page.inner_text("#doors")


def test_the_chart_s_band_is_what_the_station_allows(page: "Page", town: ServedHub) -> None:
    town.sign_in(page, lang="en")
    page.goto(town.station)
    chilled = page.locator("#climate .zonecard", has_text="Cold side")
    assert "allowed 0.0 °C to 8.0 °C" in chilled.inner_text()
    ticks = chilled.locator("text.tick.end").all_text_contents()
    assert ticks[:2] == ["0°", "8°"]
    assert page.locator("#climate .nolimit").count() == 0
    page.context.clear_cookies()
    town.sign_in(page)
    page.goto(town.station)
    assert "常温柜" in page.inner_text("#climate")


def test_without_a_layout_the_page_says_that_it_goes_by_label(
    page: "Page", town: ServedHub
) -> None:
    town.sign_in(page, lang="en")
    page.goto(f"{town.url}/stations/{WARM_ID}")
    assert "Drawn by label, not by place." in page.inner_text("#doors")
    assert page.locator(".doormap .screen, .doormap .cold").count() == 0
    assert "limit 8.0 °C" in page.inner_text("#climate")


def test_news_reaches_an_open_page(browser: "Browser", town: ServedHub) -> None:
    first, second = browser.new_context(), browser.new_context()
    watching, acting = first.new_page(), second.new_page()
    for page in (watching, acting):
        town.sign_in(page)
        page.goto(town.order("paid"))
    watching.wait_for_selector("html[data-link=up]")
    acting.click("text=锁单：生成包裹和取件码")
    watching.wait_for_selector("#story b:has-text('已生成包裹和取件码')")
    watching.wait_for_selector("#order .tag:has-text('备货中')")
    first.close()
    second.close()


def test_filters_live_in_the_address(page: "Page", town: ServedHub) -> None:
    town.sign_in(page)
    page.goto(f"{town.url}/orders?state=ready")
    assert page.locator("tbody tr").count() == 1
    number = page.inner_text("tbody td a")
    page.goto(f"{town.url}/orders?q={number[-5:]}")
    assert page.inner_text("tbody td a") == number
    page.goto(f"{town.url}/orders?q=nothing-like-it")
    assert page.locator("tbody tr").count() == 0


def test_wrong_password_and_wrong_role_are_told_in_words(page: "Page", town: ServedHub) -> None:
    page.goto(f"{town.url}/orders")
    page.fill("#login", "operator")
    page.fill("#password", "not the password")
    page.click(".primary")
    page.wait_for_selector("text=登录名或密码错误")
    town.sign_in(page, "driver")
    page.wait_for_selector("text=您的角色不能执行此操作")
    page.click("text=退出")
    page.wait_for_selector("#password")
