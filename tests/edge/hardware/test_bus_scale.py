"""A scale on a bus behind the unmodified bus owner: asked seldom, doors first, no number without a reason."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from common.contract.words import Quality
from common.kit.clock import SystemClock
from common.kit.work import ThreadWork
from device_sim.cabinet import Cabinet
from device_sim.config import CabinetConfig
from device_sim.faults import Fault, LateAnswer, NoAnswer
from device_sim.profile_board import ProfileBoard
from device_sim.pty_port import PtyPort
from device_sim.wire_faults import AnswerToNext, BitFlips, ForeignFrame, Garbage
from edge.hardware.bus_scale import IDLE_S, weight_of
from edge.hardware.latest_weight import POLL_S
from edge.hardware.line import open_line
from edge.hardware.peripherals import Peripherals, look_at
from edge.hardware.ports import PointSeen, PulseResult, Scale, ScaleReading
from firmware_protocols.profile import Role
from firmware_protocols.weights import Flaw, Weight
from tests.device_sim.cabinets import profile_cabinet
from tests.edge.hardware.lock_bench import CableBench, NoisyBus, on_cable, running, station_of
from tests.edge.hardware.test_scales import motion_is_said_and_drift_is_found

T = TypeVar("T")
PROBES: dict[str, object] = {"kind": "r4dcb08", "unit": 7, "zones": ["frozen", "chilled"]}
UNIT = 9
KINDS = ["weigh_v380", "seneca_z_sg2"]


def cabinet_of(kind: str = "weigh_v380", **changes: object) -> CabinetConfig:
    return profile_cabinet(PROBES, {"kind": kind, "unit": UNIT, **changes})


class WeighBench:
    """Short words; `devices` are what the daemon has beside its hardware."""

    def __init__(self, bench: CableBench) -> None:
        self.bench, self.cabinet, self.cable = bench, bench.cabinet, bench.cables["bus1"]
        self.plate = bench.cabinet.scales.find()
        self.news: list[bool] = []

    def attach(self, devices: Peripherals) -> None:
        self.devices = devices
        devices.listeners.append(lambda _name, _unit, sound, _detail: self.news.append(sound))
        assert devices.scale is not None
        self.driver: Scale = devices.scale

    def put(self, load_g: float, moving_s: float = 0.0, drift_g_per_s: float = 0.0) -> None:
        now_s = self.cabinet.settle_now()
        self.plate.put(load_g, now_s, moving_s=moving_s, drift_g_per_s=drift_g_per_s)

    async def fresh(self) -> ScaleReading:
        """Return a reading that was certainly asked for after now."""
        await self.driver.next()
        return await self.driver.next()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():  # noqa: ASYNC110 - states set no event here
                await asyncio.sleep(0.05)

    def asked(self) -> int:
        """Return how often the weight itself was asked for, and forget."""
        count = sum(sent.data[:4] == bytes([UNIT, 3, 0, 80]) for sent in self.cable.sent)
        self.cable.sent.clear()
        return count


def on_scale(body: Callable[[WeighBench], Awaitable[T]], kind: str = "weigh_v380") -> T:
    cabinet = cabinet_of(kind)

    async def main(bench: CableBench) -> T:
        await bench.ready()
        weigh = WeighBench(bench)
        weigh.attach(Peripherals(station_of(cabinet), open_line, bench.hardware))
        async with running(weigh.devices.run()):
            return await body(weigh)

    return on_cable(cabinet, main)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise", [b"", b"\x00\xff"])
@pytest.mark.parametrize("one_by_one", [False, True])
def test_it_reads_what_lies_there(kind: str, noise: bytes, one_by_one: bool) -> None:
    async def body(weigh: WeighBench) -> None:
        weigh.cable.noise_before, weigh.cable.one_by_one = noise, one_by_one
        weigh.put(1234)
        seen = await weigh.fresh()
        assert seen == ScaleReading(1_230_000, stable=True, quality=Quality.GOOD)
        weigh.put(-40)
        assert (await weigh.fresh()).gross_g == -40
        (state,) = weigh.devices.states
        assert (state.up, state.sound, weigh.news) == (True, True, [True])
        assert bool(state.doubt) is (kind == "seneca_z_sg2")

    on_scale(body, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_motion_is_said_and_drift_is_found(kind: str) -> None:
    on_scale(motion_is_said_and_drift_is_found, kind)


def test_nobody_waiting_costs_the_line_one_reading_a_second() -> None:
    async def body(weigh: WeighBench) -> None:
        await weigh.fresh()
        weigh.asked()
        await asyncio.sleep(10)
        assert 9 <= weigh.asked() <= 11
        assert weigh.driver.reading().quality is Quality.GOOD
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        await weigh.driver.next()
        assert loop.time() - started_s < POLL_S + 0.2, "a waiter does not wait for the idle pause"
        weigh.asked()
        until_s = loop.time() + 5
        while loop.time() < until_s:
            await weigh.driver.next()
        assert 5 / POLL_S - 3 <= weigh.asked() <= 5 / POLL_S + 1
        assert IDLE_S > POLL_S

    on_scale(body)


@pytest.mark.parametrize("kind", KINDS)
def test_over_its_range_is_no_number_and_no_technicians_matter(kind: str) -> None:
    async def body(weigh: WeighBench) -> None:
        weigh.put(31_000)
        nothing = ScaleReading(None, stable=False, quality=Quality.BAD, flaw=Flaw.RANGE)
        assert await weigh.fresh() == nothing
        assert weigh.devices.states[0].sound

    on_scale(body, kind)


def test_one_that_is_set_otherwise_weighs_nothing_and_is_named() -> None:
    async def body(weigh: WeighBench) -> None:
        board = weigh.cabinet._boards[UNIT]
        assert isinstance(board, ProfileBoard)
        as_made = board._profile
        points = [
            one.model_copy(update={"must_be": 2}) if one.id == "units" else one
            for one in as_made.point
        ]
        board._profile = as_made.model_copy(update={"point": tuple(points)})
        nothing = ScaleReading(None, stable=False, quality=Quality.BAD, flaw=Flaw.SETTING)
        assert await weigh.fresh() == nothing
        (state,) = weigh.devices.states
        assert (state.up, state.sound) == (True, False)
        assert "set its unit and decimal point" in state.text
        board._profile = as_made
        assert (await weigh.fresh()).gross_mg == 0
        assert weigh.news == [False, True]

    on_scale(body)


def test_silence_is_stale_and_away_and_it_comes_back() -> None:
    async def body(weigh: WeighBench) -> None:
        await weigh.fresh()
        fault = NoAnswer(kind="no_answer", target=UNIT)
        weigh.cabinet.lay(fault)
        await weigh.until(lambda: not weigh.devices.states[0].up)
        assert "does not answer; check power" in weigh.devices.states[0].text
        assert weigh.driver.reading().quality is Quality.STALE
        assert (await weigh.driver.next()).quality is Quality.STALE
        probe = await weigh.bench.hardware.probes[0].read()
        assert probe.quality is Quality.GOOD, "the others on the line are read as before"
        weigh.cabinet.lift(fault)
        await weigh.until(lambda: weigh.devices.states[0].sound)
        assert (await weigh.fresh()).gross_mg == 0
        assert weigh.news == [True, False, True]

    on_scale(body)


DISTURBANCES: list[Fault] = [
    BitFlips(kind="bit_flips", target="bus1", rate=0.002),
    AnswerToNext(kind="answer_to_next", target=UNIT, share=0.1),
    LateAnswer(kind="late_answer", target=UNIT, share=0.1, delay_s=0.5),
    ForeignFrame(kind="foreign_frame", target=UNIT, by=7, share=0.1),
    Garbage(kind="garbage", target=UNIT, before=3, after=2, share=0.1),
]


@pytest.mark.parametrize("fault", DISTURBANCES, ids=lambda one: one.kind)
def test_a_disturbed_line_never_makes_a_weight(fault: Fault) -> None:
    """Every number that is called good lay there within the last second."""

    async def body(weigh: WeighBench) -> None:
        loop, good = asyncio.get_running_loop(), 0
        await weigh.fresh()
        weigh.cabinet.lay(fault)
        before_g, now_g, since_s = 0.0, 0.0, loop.time()
        for turn in range(12):
            before_g, now_g, since_s = now_g, 330.0 * (turn + 1), loop.time()
            weigh.put(now_g)
            while loop.time() < since_s + 4:
                said_g = (await weigh.driver.next()).gross_g
                may_g = {now_g} if loop.time() > since_s + 1.0 else {before_g, now_g}
                assert said_g is None or said_g in may_g
                good += said_g is not None
        assert good > 20, "it is not silence that passes here"

    on_scale(body)


def test_it_is_only_ever_read_and_a_door_of_its_line_goes_first() -> None:
    record = cabinet_of().model_dump()
    record["bus"] = [{"name": "locks"}]
    boards = [one | {"bus": "locks"} for one in record["board"] if one["unit"] != 20]
    record["board"] = [{"kind": "waveshare_8ch_d", "bus": "locks", "unit": 20}, *boards]
    shared = CabinetConfig.model_validate(record)

    async def main(bench: CableBench) -> None:
        devices = Peripherals(station_of(shared), open_line, bench.hardware)
        assert devices.scale is not None
        cable = bench.cable
        async with running(devices.run()):
            loop = asyncio.get_running_loop()
            waiting = asyncio.create_task(many(devices.scale))
            await devices.scale.next()
            for _ in range(5):
                asked_s = loop.time()
                assert await bench.bus.pulse("A00") is PulseResult.ACKED
                pulse = cable.pulses[-1]
                assert pulse.at_s - asked_s < 0.1, "one reading at most goes before it"
                await asyncio.sleep(3)
            await waiting
        to_scale = {sent.data[1] for sent in cable.sent if sent.data[0] == UNIT}
        assert to_scale == {3}

    async def many(scale: Scale) -> None:
        for _ in range(40):
            await scale.next()

    on_cable(shared, main)


def seen(**values: tuple[Role, float | bool | None, Quality]) -> dict[str, PointSeen]:
    return {name: PointSeen(name, *one) for name, one in values.items()}


GROSS = (Role.GROSS_WEIGHT, 12.5, Quality.GOOD)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (seen(gross=GROSS), Weight(12_500, is_stable=True)),
        (seen(gross=GROSS, still=(Role.STABLE, False, Quality.GOOD)), Weight(12_500, False)),
        (seen(gross=GROSS, still=(Role.STABLE, None, Quality.STALE)), None),
        (seen(gross=GROSS, still=(Role.STABLE, None, Quality.BAD)), Weight(0, False, Flaw.SETTING)),
        (seen(gross=GROSS, over=(Role.OVERLOAD, True, Quality.GOOD)), Weight(0, False, Flaw.RANGE)),
        (seen(gross=(Role.GROSS_WEIGHT, None, Quality.BAD)), Weight(0, False, Flaw.SETTING)),
    ],
)
def test_what_its_points_say_together(points: dict[str, PointSeen], expected: object) -> None:
    assert weight_of(points) == expected


def test_without_a_station_it_is_weighed_over_its_own_port(tmp_path: Path) -> None:
    """A real pseudo-terminal, rubbish before every answer, and nothing else of the station on the line."""
    cabinet, clock, work = cabinet_of(), SystemClock(), ThreadWork()
    bench = Cabinet(cabinet, clock, random.Random(1))
    bus = next(one for one in bench.buses if one.name == "bus1")
    bench.scales.find().put(2000, bench.settle_now(), moving_s=0, drift_g_per_s=0)

    async def main() -> str:
        port = PtyPort(bench, NoisyBus(bus, b"\x55"), tmp_path / "bus1", clock, work)  # type: ignore[arg-type]
        async with running(port.run()):
            await port.is_open.wait()
            (state,) = await look_at(station_of(cabinet, tmp_path), open_line)
            return replace(state, doubt="").text

    try:
        assert asyncio.run(main()) == "scale: 2000 g, stable"
    finally:
        work.close()
