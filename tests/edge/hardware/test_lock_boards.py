"""Every kind of lock board that can be chosen, behind the same owner: what must hold whatever the line speaks."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from device_sim.board import TURNAROUND_S
from device_sim.faults import Jam, LateAnswer, NoAnswer
from edge.hardware.errors import NoReplyError
from edge.hardware.jobs import Priority
from edge.hardware.ports import PulseResult
from firmware_protocols.lock_boards import LOCK_BOARDS, LineProtocol, LockKind
from tests.device_sim.cabinets import lock_cabinet
from tests.edge.hardware.lock_bench import (
    CableBench,
    LockBench,
    on_cable,
    on_pty,
    on_tcp,
    station_of,
)

KINDS = get_args(LockKind)
NOISES = (b"\x00", b"\xff", b"\x00\xff\x00", b"\x01\x03", b"WKL", b"\x8a\x80\x02\x5a")

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_a_pulse_opens_its_door_and_no_other_and_the_input_says_so(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        for label, number in (("A01", 1), ("A02", 2), ("A08", 3)):
            assert await bench.bus.pulse(label) in (PulseResult.ACKED, PulseResult.UNCONFIRMED)
            await asyncio.sleep(2)
            assert label in await bench.seen_open()
            assert len(bench.cabinet.witness.pulses) == number
        assert await bench.seen_open() == bench.open_doors() == ["A01", "A02", "A08"]
        bench.cabinet.push("A02")
        assert await bench.seen_open() == ["A01", "A08"]

    on_cable(lock_cabinet(kind), body)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if LOCK_BOARDS[kind].has_goods])
def test_a_board_that_senses_goods_is_asked_for_them(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        assert set((await bench.hardware.door_bus.read_goods()).values()) == {False}
        bench.cabinet.pull("A03")
        bench.cabinet.set_goods("A03", there=True)
        there = await bench.hardware.door_bus.read_goods()
        # no beams are fitted to the simulated KERONG
        assert there["A03"] is (kind == "qianming")
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=1))
        assert set((await bench.hardware.door_bus.read_goods()).values()) == {None}

    on_cable(lock_cabinet(kind), body)


def test_a_board_without_goods_sensors_is_not_asked_for_them() -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        assert set((await bench.hardware.door_bus.read_goods()).values()) == {None}
        assert bench.cable.sent == []

    on_cable(lock_cabinet("wkly"), body)


@every_kind
def test_no_pulse_is_longer_than_a_latch_bears(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        await bench.bus.pulse("A01")
        await asyncio.sleep(5)
        (pulse,) = bench.cabinet.witness.pulses
        assert 100 <= pulse.ms <= 1000
        assert not bench.cabinet.witness.burns
        assert not bench.cabinet.state().doors[0].energised

    on_cable(lock_cabinet(kind), body)


@every_kind
def test_single_bytes_with_noise_before_them_are_understood(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        bench.cabinet.pull("A03")
        bench.cable.one_by_one = True
        for noise in NOISES:
            bench.cable.noise_before = noise
            assert await bench.seen_open() == ["A03"], noise

    on_cable(lock_cabinet(kind), body)


@every_kind
def test_an_opening_without_an_answer_is_unconfirmed_and_sent_once(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=1, deaf=False))
        assert await bench.bus.pulse("A01") is PulseResult.UNCONFIRMED
        await asyncio.sleep(5)
        assert len(bench.cabinet.witness.pulses) == 1
        bench.cabinet.lift_all()
        assert await bench.seen_open() == ["A01"]

    on_cable(lock_cabinet(kind), body)


@every_kind
def test_the_echo_of_a_dead_board_is_no_success(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=1))
        assert await bench.bus.pulse("A01") is PulseResult.UNCONFIRMED
        assert not bench.cabinet.witness.pulses

    on_cable(lock_cabinet(kind), body, echo=True)


@every_kind
def test_with_an_echo_the_doors_are_still_read(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        bench.cabinet.pull("A01")
        assert await bench.seen_open() == ["A01"]

    on_cable(lock_cabinet(kind), body, echo=True)


@every_kind
def test_a_late_answer_is_never_the_answer_to_the_next_request(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        sensor, bus = bench.bus._doors["A01"].sensor, bench.cable.bus
        await sensor.read_doors()
        asking_s = len(bench.cable.sent[-1].data) * bus.character_s + bus.gap_s + TURNAROUND_S[1]
        # it begins when our patience ends, so it is whole just after the next request has left
        late = LateAnswer(
            kind="late_answer",
            target=sensor.unit,
            delay_s=bench.owner._section.timeout_s - asking_s,
        )
        bench.cabinet.lay(late)
        with pytest.raises(NoReplyError):
            await sensor.read_doors()
        bench.cabinet.lift_all()
        bench.cabinet.pull("A01")
        assert await bench.seen_open() == ["A01"]  # the late one said: shut

    on_cable(lock_cabinet(kind), body)


@every_kind
def test_a_jammed_door_is_acknowledged_and_stays_shut(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        bench.cabinet.lay(Jam(kind="jam", target="A01"))
        await bench.bus.pulse("A01")
        await asyncio.sleep(2)
        assert await bench.seen_open() == []
        assert len(bench.cabinet.witness.pulses) == 1

    on_cable(lock_cabinet(kind), body)


@every_kind
def test_two_doors_asked_at_once_are_pulsed_one_after_the_other(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        await asyncio.gather(*(bench.bus.pulse(f"A{n:02d}") for n in range(1, 9)))
        await asyncio.sleep(3)
        pulses = bench.cabinet.witness.pulses
        assert len(pulses) == 8
        for earlier, later in pairwise(pulses):
            assert later.at_s >= earlier.at_s + earlier.ms / 1000
        assert len(await bench.seen_open()) == 8

    on_cable(lock_cabinet(kind), body)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if LOCK_BOARDS[kind].pulse.own_ms])
def test_a_short_setting_lets_no_two_pulses_of_a_boards_own_length_overlap(kind: LockKind) -> None:
    config = lock_cabinet(kind)
    station = station_of(config)
    parts = [part.model_copy(update={"pulse_ms": 100}) for part in station.compartment]
    short = station.model_copy(update={"compartment": tuple(parts)})

    async def body(bench: CableBench) -> None:
        await bench.ready()
        await asyncio.gather(bench.bus.pulse("A01"), bench.bus.pulse("A02"))
        one, two = bench.cabinet.witness.pulses
        assert two.at_s >= one.at_s + one.ms / 1000 + station.doors.pulse_gap_ms / 1000

    on_cable(config, body, station=short)


@every_kind
def test_an_opening_goes_before_what_waits(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        reads = [asyncio.create_task(bench.bus.read_doors()) for _ in range(3)]
        await bench.cable.wrote.wait()
        assert await bench.bus.pulse("A01") is not PulseResult.NOT_SENT
        await asyncio.gather(*reads)
        frames = [sent.data for sent in bench.cable.sent]
        assert len(set(frames[:2])) == 2, "the opening is the second frame"

    on_cable(lock_cabinet(kind), body)


@every_kind
def test_a_pulled_adapter_is_noticed_and_comes_back(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        pulse = asyncio.create_task(bench.bus.pulse("A01"))
        await bench.cable.wrote.wait()
        bench.cable.pull()
        assert await pulse is PulseResult.UNCONFIRMED
        assert await bench.bus.pulse("A02") is PulseResult.NOT_SENT
        bench.cable.plugged = True
        await asyncio.sleep(3)
        await bench.seen_open()

    on_cable(lock_cabinet(kind), body)


@every_kind
def test_on_a_real_serial_port(kind: LockKind, tmp_path: Path) -> None:
    async def body(bench: LockBench) -> None:
        async with asyncio.timeout(8):
            assert await bench.seen_open() == []
            await bench.bus.pulse("A01")
            while await bench.bus.read_doors(urgent="A01") == {"A01": False}:
                pass
            assert await bench.seen_open() == ["A01"]
        assert len(bench.cabinet.witness.pulses) == 1

    on_pty(lock_cabinet(kind), tmp_path, body, noise=b"\x00\xff")


@pytest.mark.parametrize(
    "kind", [one for one in KINDS if LOCK_BOARDS[one].protocol is not LineProtocol.MODBUS]
)
def test_behind_a_serial_server(kind: LockKind) -> None:
    async def body(bench: LockBench) -> None:
        async with asyncio.timeout(8):
            await bench.bus.pulse("A01")
            while await bench.bus.read_doors(urgent="A01") == {"A01": False}:
                pass
        assert bench.open_doors() == ["A01"]

    on_tcp(lock_cabinet(kind), body)


def test_the_factory_speed_is_one_that_a_station_may_set() -> None:
    assert all(facts.baud in range(1200, 115_201) for facts in LOCK_BOARDS.values())


@every_kind
def test_a_look_that_is_urgent_asks_a_resting_board_too(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        sensor = bench.bus._doors["A01"].sensor
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=sensor.unit))
        for _ in range(3):
            assert set((await bench.bus.read_doors()).values()) == {None}
        assert not bench.owner.unit_up(sensor.unit)
        bench.cabinet.lift_all()
        assert (await bench.bus.read_doors(urgent="A01"))["A01"] is False
        assert Priority.DOOR < Priority.SNAPSHOT

    on_cable(lock_cabinet(kind), body)
