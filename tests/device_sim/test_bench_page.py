"""The bench page in a real browser: a pulse on the wire opens a door on the page, a hand shuts it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.device_sim.cabinets import CABINET_FILE, ROOT
from tests.edge.screen.looks import Requests, axe, by_every_rule, matrix

pytestmark = pytest.mark.timeout(90)
PULSE_1_5 = bytes.fromhex("01 05 02 05 00 04 DD B0")
SIZES = {"1024": (1024, 600), "1280": (1280, 800), "390": (390, 844)}
SEEN_IN = matrix(SIZES, ("zh-CN", "en"))


@dataclass(frozen=True, slots=True)
class Running:
    url: str
    link: Path


@contextmanager
def simulator(data: Path, *more: str | Path, cabinet: Path = CABINET_FILE) -> Iterator[Running]:
    """Run the command with free ports until the block ends."""
    command = "from linli.cli import main; main()"
    options = ["--config", cabinet, "--data", data, "--port", "0", "--modbus-port", "0"]
    options += ["--camera-port", "0", *more]
    with subprocess.Popen(
        [sys.executable, "-c", command, "sim", "run", *map(str, options)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = next(
            found.group()
            for line in process.stdout
            if (found := re.search(r"http://127\.0\.0\.1:\d+/", line))
        )
        yield Running(url, data / "bus0")
        process.terminate()
        assert process.wait(10) == 0


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with simulator(tmp_path_factory.mktemp("bench")) as running:
        yield running


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Running]:
    """Run a day in which A03 is opened after a minute and shut never, at 60 minutes a second."""
    day = tmp_path / "day.toml"
    day.write_text(
        '[scenario]\nname_zh = "短短一天"\nname_en = "a short day"\nclock_factor = 3600\n'
        '[[visit]]\nat = "06:01"\ndoor = "A03"\nleaves = "open"\ntidied_min = 0\n'
        '[[power_cut]]\nat = "06:30"\nfor_min = 1440\n',
        encoding="utf-8",
    )
    with simulator(tmp_path / "sim", "--scenario", day) as running:
        yield running


def put_on_wire(link: Path, frame: bytes) -> None:
    port = os.open(link, os.O_RDWR | os.O_NOCTTY)
    os.write(port, frame)
    os.close(port)


def press_shut(door: Locator) -> None:
    """Press until the door stays shut: while the pulse's current flows, the latch does not catch."""
    for _ in range(9):
        door.click()
        try:
            expect(door).to_contain_text("关着", timeout=500)
        except AssertionError:
            continue
        return
    expect(door).to_contain_text("关着")


def test_a_pulse_opens_and_a_press_shuts(bench: Running, page: Page) -> None:
    page.goto(bench.url)
    door = page.locator('[data-door="A06"] .leaf')
    expect(door).to_contain_text("关着")
    put_on_wire(bench.link, PULSE_1_5)
    expect(door).to_contain_text("开着")
    expect(page.locator("#log")).to_contain_text("A06 脉冲 400 ms")
    press_shut(door)
    expect(page.locator("#log")).to_contain_text("A06 被推上")


def test_faults_and_what_does_not_move(bench: Running, page: Page) -> None:
    page.goto(f"{bench.url}?lang=en")
    door = page.locator('[data-door="B02"]')
    door.locator("summary").click()
    door.get_by_role("button", name="Jam", exact=True).click()
    expect(door.locator(".leaf")).to_contain_text("shut · jammed")
    expect(page.locator("#faults")).to_contain_text("B02 jammed")
    door.get_by_role("button", name="Force open").click()
    expect(page.locator("#said")).to_contain_text("B02: It did not move")
    page.get_by_role("button", name="Unit 1 silent for 10 s").click()
    expect(page.locator("#faults")).to_contain_text("unit 1 does not answer (for 10 s)")
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator("#faults")).to_have_text("None.")


def test_a_form_for_every_kind_lays_a_fault_on_and_a_button_lifts_it(
    bench: Running, page: Page
) -> None:
    page.goto(f"{bench.url}?lang=en")
    page.get_by_label("Kind of fault").select_option("ajar")
    form = page.locator("fieldset:visible")
    expect(form).to_have_count(1)
    form.get_by_label("Target").select_option("B03")
    form.get_by_label("Gap").fill("0.5")
    form.get_by_label("Shows").select_option("open")
    page.get_by_role("button", name="Lay it on").click()
    expect(page.locator("#faults")).to_contain_text("B03 does not shut tight")
    leaf = page.locator('[data-door="B03"] .leaf')
    expect(leaf).to_contain_text("shut · ajar · contact says open")
    page.get_by_role("button", name="Lift: B03 does not shut tight").click()
    expect(page.locator("#faults")).to_have_text("None.")
    expect(leaf).not_to_contain_text("ajar")


def test_what_the_form_may_not_is_said(bench: Running, page: Page) -> None:
    page.goto(f"{bench.url}?lang=en")
    page.get_by_label("Kind of fault").select_option("sensor_shows")
    page.locator("fieldset:visible").get_by_label("Shows").select_option("error_status")
    page.get_by_role("button", name="Lay it on").click()
    expect(page.locator("#fault-said")).to_contain_text("unit 3 cannot say error_status")


def test_the_zones_tell_what_runs(bench: Running, page: Page) -> None:
    page.goto(f"{bench.url}?lang=en")
    machine = page.locator('[data-machine="chilled"]')
    expect(machine).to_contain_text("compressor")
    page.get_by_label("Kind of fault").select_option("defrost_stuck")
    page.get_by_role("button", name="Lay it on").click()
    expect(machine).to_contain_text("defrosting · 15 W")
    page.get_by_role("button", name="Clear all").click()
    expect(machine).to_contain_text("compressor")


def test_a_scripted_day_tells_how_far_it_is(story: Running, page: Page, axe_source: str) -> None:
    page.goto(story.url)
    expect(page.get_by_role("heading", name="短短一天")).to_be_visible()
    expect(page.locator("#story-notes")).to_contain_text("A03 住户没关门")
    expect(page.locator("#dark")).to_be_visible()
    expect(page.locator('[data-door="A03"] .leaf')).to_contain_text("开着")
    assert axe(page, axe_source) == []


@pytest.fixture
def recycling(tmp_path: Path) -> Iterator[Running]:
    with simulator(tmp_path / "sim", cabinet=ROOT / "cabinets/lvyuan-6.toml") as running:
        yield running


def test_the_devices_of_a_recycling_box_are_at_hand(
    recycling: Running, page: Page, axe_source: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{recycling.url}?lang=en")
    said = page.locator("#device-said")
    page.get_by_label("scanner: what the code says").fill("6901234567892")
    page.get_by_role("button", name="Scan").click()
    expect(said).to_contain_text("scanner: ")
    page.get_by_label("grams laid on it").fill("1250")
    page.get_by_role("button", name="Lay on").click()
    expect(said).to_contain_text("g now")
    page.get_by_label("card (10 hex digits)").fill("0B00A1B2C3")
    page.get_by_role("button", name="Hold it there").click()
    expect(said).to_have_text("cards: done")
    page.get_by_label("printer: paper").select_option("out")
    page.locator('form[data-post="/printer"] button').click()
    expect(said).to_contain_text("nothing was printed yet")
    page.get_by_label("fill switch").first.select_option("true")
    page.locator('form[data-post="/fill"] button').first.click()
    expect(said).to_contain_text("done")
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert axe(page, axe_source) == []
    page.get_by_label("Kind of fault").select_option("adapter_unplugged")
    page.locator("fieldset:visible").get_by_label("Target").select_option("scale")
    page.get_by_role("button", name="Lay it on").click()
    expect(page.locator("#faults")).to_contain_text("adapter of scale unplugged")


@pytest.mark.parametrize(("size", "lang"), SEEN_IN)
def test_it_fits_and_can_be_used_by_everybody(
    bench: Running, page: Page, axe_source: str, size: str, lang: str
) -> None:
    width, height = SIZES[size]
    requests = Requests(page)
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{bench.url}?lang={lang}")
    expect(page.locator('[data-zone="chilled"]')).to_contain_text("°C")
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    if by_every_rule(size, lang, among=SEEN_IN):
        assert axe(page, axe_source) == []
    assert requests.complaints == []
    assert requests.foreign(bench.url) == []
