"""The drivers of scales on simulated ones: weight, motion, drift, range, silence, the port's own character format."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import pytest

from common.contract.words import Quality
from device_sim.scale_device import SCALE_DEVICES, ScaleDevice
from edge.hardware.ports import Scale, ScaleReading
from edge.hardware.scales import SCALE_DRIVERS
from edge.hardware.weighing import Stillness
from firmware_protocols.weights import SCALES, Flaw, Weight
from tests.edge.hardware.device_bench import DeviceBench, cabinet_with, on_devices, station_with

T = TypeVar("T")
KINDS = ["toledo", "toledo checked", "mt_sics", "cas"]


class WeighBench:
    """Short words; the cabinet's clock is kept going as the simulator does."""

    def __init__(self, bench: DeviceBench) -> None:
        self.bench, self.cable = bench, bench.cables["scale"]
        found = bench.cabinet.serial.devices["scale"]
        assert isinstance(found, ScaleDevice)
        self.device = found
        assert bench.devices.scale is not None
        self.driver: Scale = bench.devices.scale

    def put(self, load_g: float, moving_s: float = 0.0, drift_g_per_s: float = 0.0) -> None:
        now_s = self.bench.cabinet.settle_now()
        self.device.put(load_g, now_s, moving_s=moving_s, drift_g_per_s=drift_g_per_s)

    async def fresh(self) -> ScaleReading:
        """Return a reading that was certainly asked for after now."""
        await self.driver.next()
        await self.driver.next()
        return await self.driver.next()


def on_scale(kind: str, body: Callable[[WeighBench], Awaitable[T]], **settings: object) -> T:
    name, _, checked = kind.partition(" ")
    about = {"kind": name, "capacity_g": 30_000.0, "division_g": 10.0, "checksum": bool(checked)}

    async def main(bench: DeviceBench) -> T:
        async def time() -> None:
            while True:
                bench.cabinet.settle_now()
                await asyncio.sleep(0.05)

        ticking = asyncio.create_task(time())
        try:
            return await body(WeighBench(bench))
        finally:
            ticking.cancel()

    return on_devices(
        cabinet_with({"name": "scale", **about}),
        station_with(scale={"port": "/dev/scale", **about, **settings}),
        main,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("one_by_one", [False, True])
def test_it_reads_what_lies_there(kind: str, one_by_one: bool) -> None:
    async def body(weigh: WeighBench) -> None:
        weigh.cable.one_by_one = one_by_one
        assert weigh.driver.reading().quality is Quality.STALE
        weigh.put(1234)
        seen = await weigh.fresh()
        assert seen == ScaleReading(1_230_000, stable=True, quality=Quality.GOOD)
        assert seen.gross_g == 1230
        weigh.put(-40)
        assert (await weigh.fresh()).gross_g == -40
        assert weigh.driver.state.up
        assert weigh.driver.state.sound

    on_scale(kind, body)


class Weighed(Protocol):
    """A scale at its driver, whichever wire is between."""

    driver: Scale

    def put(self, load_g: float, moving_s: float = 0.0, drift_g_per_s: float = 0.0) -> None: ...
    async def fresh(self) -> ScaleReading: ...


async def settled(weigh: Weighed, within_s: float) -> int | None:
    subject, loop = Stillness(10_000), asyncio.get_running_loop()
    until_s = loop.time() + within_s
    while loop.time() < until_s:
        mg = subject.settled_mg(await weigh.driver.next(), loop.time())
        if mg is not None:
            return mg
    return None


async def motion_is_said_and_drift_is_found(weigh: Weighed) -> None:
    weigh.put(500, moving_s=3.0)
    assert not (await weigh.fresh()).stable
    assert await settled(weigh, 1.8) is None
    assert await settled(weigh, 4.0) == 500_000
    weigh.put(500, drift_g_per_s=50)
    assert (await weigh.fresh()).stable
    assert await settled(weigh, 6.0) is None


@pytest.mark.parametrize("kind", KINDS)
def test_motion_is_said_and_drift_is_found(kind: str) -> None:
    on_scale(kind, motion_is_said_and_drift_is_found)


@pytest.mark.parametrize("kind", KINDS)
def test_over_its_range_is_no_number_and_no_technicians_matter(kind: str) -> None:
    async def body(weigh: WeighBench) -> None:
        await weigh.fresh()
        weigh.put(31_000)
        nothing = ScaleReading(None, stable=False, quality=Quality.BAD, flaw=Flaw.RANGE)
        assert await weigh.fresh() == nothing
        assert weigh.driver.state.sound
        assert len(weigh.bench.news) == 1

    on_scale(kind, body)


@pytest.mark.parametrize("kind", KINDS)
def test_pounds_are_refused_and_named(kind: str) -> None:
    async def body(weigh: WeighBench) -> None:
        if kind.startswith("toledo"):
            pounds = bytes.fromhex("02 2C 20 20 20 20 31 32 33 34 20 20 20 20 20 30 0D 2B")
            await weigh.fresh()
            weigh.device.speak = lambda at_s: None  # type: ignore[attr-defined] # it falls silent
            weigh.cable.say(pounds if "checked" in kind else pounds[:-1])
        else:
            weigh.device.weight = lambda at_s: Weight(0, True, Flaw.UNIT)  # type: ignore[method-assign]
        await weigh.bench.until(lambda: not weigh.driver.state.sound and weigh.driver.state.up)
        assert "set it to kg" in weigh.driver.state.text
        assert weigh.driver.reading().gross_mg is None

    on_scale(kind, body)


@pytest.mark.parametrize("kind", KINDS)
def test_silence_makes_it_stale_and_away_and_it_comes_back(kind: str) -> None:
    async def body(weigh: WeighBench) -> None:
        await weigh.fresh()
        weigh.cable.pull()
        await asyncio.sleep(2)
        assert weigh.driver.reading().quality is Quality.STALE
        assert (await weigh.driver.next()).quality is Quality.STALE
        assert (
            "plug it in" in weigh.driver.state.detail or "no such port" in weigh.driver.state.detail
        )
        weigh.cable.plugged = True
        await weigh.bench.until(lambda: weigh.driver.state.sound, within_s=10)
        assert (await weigh.fresh()).gross_mg == 0

    on_scale(kind, body)


@pytest.mark.parametrize("kind", ["mt_sics", "cas"])
def test_one_that_answers_nothing_is_away(kind: str) -> None:
    async def body(weigh: WeighBench) -> None:
        weigh.device.obey = lambda at_s: []  # type: ignore[method-assign]
        await weigh.bench.until(lambda: "says no weight" in weigh.driver.state.detail)
        assert not weigh.driver.state.up
        del weigh.device.obey
        await weigh.bench.until(lambda: weigh.driver.state.sound)

    on_scale(kind, body)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_before_every_frame_does_no_harm(kind: str) -> None:
    async def body(weigh: WeighBench) -> None:
        weigh.cable.noise_before = b"\r\n" if kind == "mt_sics" else b"\x00\xff"
        weigh.put(200)
        assert (await weigh.fresh()).gross_g == 200

    on_scale(kind, body)


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        ("toledo", {}, (7, "even")),
        ("cas", {}, (8, "none")),
        ("toledo", {"bits": 8, "parity": "none", "baud": 300}, (8, "none")),
    ],
)
def test_the_character_is_as_the_kind_has_it_or_as_said(
    kind: str, settings: dict[str, object], expected: tuple[int, str]
) -> None:
    async def body(weigh: WeighBench) -> None:
        (section,) = weigh.bench.opened
        assert (section.bits, section.parity) == expected
        assert section.baud == settings.get("baud", 9600)

    on_scale(kind, body, **settings)


def test_every_kind_has_facts_a_driver_and_a_device() -> None:
    assert set(SCALES) == set(SCALE_DRIVERS) == set(SCALE_DEVICES)
