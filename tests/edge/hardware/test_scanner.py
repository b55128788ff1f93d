"""The scanner's driver on the simulated scanner: setting it up, codes, answers in between, a port that goes away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from device_sim.scanner_device import ScannerDevice
from edge.hardware.debounce import Debounce
from firmware_protocols import gm65
from firmware_protocols.gm65 import Mode
from tests.edge.hardware.device_bench import DeviceBench, cabinet_with, on_devices, station_with

T = TypeVar("T")


class ScanBench:
    """Short words."""

    def __init__(self, bench: DeviceBench) -> None:
        self.bench, self.cable = bench, bench.cables["scanner"]
        found = bench.cabinet.serial.devices["scanner"]
        assert isinstance(found, ScannerDevice)
        self.device = found
        assert bench.devices.scanner is not None
        self.driver = bench.devices.scanner

    async def ready(self) -> None:
        await self.bench.until(lambda: self.driver.state.sound)

    def hold(self, text: str | bytes, times: int = 1) -> bool:
        raw = text.encode() if isinstance(text, str) else text
        return self.bench.say("scanner", self.device.show(raw, times=times))

    async def next(self, within_s: float = 2.0) -> str | None:
        async with asyncio.timeout(within_s):
            return await self.driver.next()

    async def nothing(self, for_s: float = 2.0) -> None:
        with pytest.raises(TimeoutError):
            await self.next(for_s)


def on_scanner(
    body: Callable[[ScanBench], Awaitable[T]],
    *,
    kind: str = "gm65",
    before: Callable[[ScanBench], None] = lambda _bench: None,
    **settings: object,
) -> T:
    return on_devices(
        cabinet_with({"kind": kind, "name": "scanner"}),
        station_with(scanner={"kind": kind, "port": "/dev/scanner", **settings}),
        lambda bench: body(ScanBench(bench)),
        before=lambda bench: before(ScanBench(bench)),
    )


@pytest.mark.parametrize("kind", ["gm65", "gm805", "gm812"])
def test_at_the_start_mode_tail_and_setting_codes_are_put_right(kind: str) -> None:
    async def body(scan: ScanBench) -> None:
        await scan.ready()
        assert scan.device.mode is Mode.INDUCTION
        assert scan.device.believes_settings is (kind == "gm812")
        assert scan.device.show(b"x") is not None
        assert scan.device._tail() == b"\r\n"
        assert scan.device.saved == 1
        assert scan.driver.state.detail == "its settings were put right"
        assert bool(scan.driver.state.doubt) is (kind != "gm65")

    on_scanner(body, kind=kind)


def test_one_that_is_set_up_is_left_alone_and_its_lamps_as_they_are() -> None:
    lamps = 0b1101_0100

    def before(scan: ScanBench) -> None:
        scan.device.zones |= {0: lamps | Mode.CONTINUOUS, 0x60: 0x31, 3: 3}

    async def body(scan: ScanBench) -> None:
        await scan.ready()
        assert scan.device.saved == 0
        assert scan.device.zones[0] == lamps | Mode.CONTINUOUS
        assert scan.driver.state.detail == "set up"

    on_scanner(body, before=before, mode="continuous")


def test_a_passer_by_cannot_reprogram_it() -> None:
    async def body(scan: ScanBench) -> None:
        before = scan.device.show_setting(0, Mode.MANUAL)
        assert before is None  # as it comes from the factory it obeys
        assert scan.device.zones[0] & 0b11 == Mode.MANUAL
        await scan.ready()
        scan.bench.say("scanner", scan.device.show_setting(0, Mode.MANUAL))
        assert await scan.next() == "SET000000"
        assert scan.device.mode is Mode.INDUCTION

    on_scanner(body)


def test_one_that_forgets_is_named() -> None:
    class Forgetful(dict[int, int]):
        def __ior__(self, _other: object) -> "Forgetful":  # type: ignore[override,misc]
            return self

    def before(scan: ScanBench) -> None:
        scan.device.zones = Forgetful(scan.device.zones)

    async def body(scan: ScanBench) -> None:
        await scan.bench.until(lambda: scan.driver.state.up)
        assert not scan.driver.state.sound
        assert "does not keep its settings" in scan.driver.state.text
        assert [news[2] for news in scan.bench.news] == [False]

    on_scanner(body, before=before)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_code_comes_through_and_counts_once_while_it_is_held(one_by_one: bool) -> None:
    async def body(scan: ScanBench) -> None:
        scan.cable.one_by_one = one_by_one
        await scan.ready()
        assert scan.hold("LG1ABC", times=5)
        assert await scan.next() == "LG1ABC"
        await scan.nothing(2.0)
        scan.hold("LG1ABC")
        await scan.nothing(0.9)  # seen less than 3 s ago
        scan.hold("LG1OTHER")
        assert await scan.next() == "LG1OTHER"
        await asyncio.sleep(3.5)
        scan.hold("LG1OTHER")
        assert await scan.next() == "LG1OTHER"

    on_scanner(body)


def test_an_answer_in_the_middle_of_a_code_belongs_to_neither() -> None:
    async def body(scan: ScanBench) -> None:
        await scan.ready()
        scan.device.weave(b"LG1WOVEN")
        assert await scan.next(15.0) == "LG1WOVEN"
        await asyncio.sleep(40)
        assert scan.driver.state.up

    on_scanner(body)


def test_without_a_tail_silence_ends_a_code() -> None:
    async def body(scan: ScanBench) -> None:
        await scan.ready()
        scan.device.zones[0x60] = 0
        scan.hold("LG1TAIL")
        assert await scan.next() == "LG1TAIL"

    on_scanner(body)


@pytest.mark.parametrize("text", ["二维码".encode(), b"A" * 600, b"\x1b[2J"])
def test_what_cannot_be_ours_is_said_to_be_nothing(text: bytes) -> None:
    async def body(scan: ScanBench) -> None:
        await scan.ready()
        scan.hold(text)
        assert await scan.next() is None

    on_scanner(body)


def test_codes_that_nobody_takes_are_dropped() -> None:
    async def body(scan: ScanBench) -> None:
        await scan.ready()
        for number in range(9):
            scan.hold(f"LG1N{number}")
        await asyncio.sleep(5)
        assert [await scan.next() for _ in range(4)] == [f"LG1N{number}" for number in range(4)]
        await scan.nothing()

    on_scanner(body)


def test_a_mute_one_is_away_for_the_operator_and_still_read() -> None:
    def before(scan: ScanBench) -> None:
        scan.device.feed = lambda data, at_s: []  # type: ignore[method-assign] # its RX is not wired

    async def body(scan: ScanBench) -> None:
        await asyncio.sleep(3)
        assert "answers no command" in scan.driver.state.detail
        scan.hold("LG1ABC")
        assert await scan.next() == "LG1ABC"
        await asyncio.sleep(60)
        assert scan.cable.connects == 1
        assert len(scan.bench.news) == 1
        del scan.device.feed  # somebody mends it
        await scan.bench.until(lambda: scan.driver.state.sound)
        assert not scan.device.believes_settings

    on_scanner(body, before=before)


def test_one_that_falls_silent_is_opened_afresh_and_set_up_again() -> None:
    async def body(scan: ScanBench) -> None:
        await scan.ready()
        scan.device.feed = lambda data, at_s: []  # type: ignore[method-assign]
        await scan.bench.until(lambda: scan.cable.connects == 2, within_s=60)
        del scan.device.feed
        scan.device.zones |= {3: 0}
        await scan.ready()
        assert not scan.device.believes_settings
        assert [news[2] for news in scan.bench.news[:2]] == [True, False]

    on_scanner(body)


def test_a_port_that_goes_away_comes_back() -> None:
    async def body(scan: ScanBench) -> None:
        await scan.ready()
        scan.cable.pull()
        assert not scan.driver.state.up
        assert "plug it in" in scan.driver.state.detail
        await asyncio.sleep(5)
        scan.cable.plugged = True
        await scan.bench.until(lambda: scan.driver.state.sound, within_s=5)
        scan.hold("LG1ABC")
        assert await scan.next() == "LG1ABC"
        assert [news[0:3] for news in scan.bench.news] == [
            ("scanner", None, True),
            ("scanner", None, False),
            ("scanner", None, True),
        ]

    on_scanner(body)


def test_noise_before_every_answer_does_no_harm() -> None:
    async def body(scan: ScanBench) -> None:
        scan.cable.noise_before = b"\x00\xff"
        await scan.ready()
        await asyncio.sleep(45)
        assert scan.driver.state.sound

    on_scanner(body)


def test_a_late_answer_is_not_taken_for_the_next_ones() -> None:
    async def body(scan: ScanBench) -> None:
        await scan.ready()
        zones = dict(scan.device.zones)
        scan.cable.say(gm65.answer(b"\xff"))  # nobody asked
        await asyncio.sleep(35)
        assert scan.device.zones == zones
        assert scan.driver.state.sound

    on_scanner(body)


def test_debounce() -> None:
    subject = Debounce(3.0)
    seen = [("A", 0.0), ("A", 2.9), ("A", 5.8), ("B", 5.9), ("A", 6.0), ("A", 9.0), (None, 9.1)]
    told = [subject.is_new(text, at_s) for text, at_s in seen]
    assert told == [True, False, False, True, True, True, True]


def test_a_defect_in_a_driver_takes_nothing_else_with_it(caplog: pytest.LogCaptureFixture) -> None:
    def before(scan: ScanBench) -> None:
        scan.bench.devices.devices[0]._set_up = lambda: 1 / 0  # type: ignore[attr-defined]

    async def body(scan: ScanBench) -> None:
        await asyncio.sleep(5)
        assert "its driver failed" in caplog.text
        del scan.bench.devices.devices[0]._set_up  # type: ignore[attr-defined]
        await scan.bench.until(lambda: scan.driver.state.sound, within_s=90)

    on_scanner(body, before=before)
