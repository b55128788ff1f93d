"""Devices on a profile behind the unmodified bus owner: read, changed by an operator, silent, refusing, wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from common.contract.words import Quality
from device_sim.config import CabinetConfig
from device_sim.faults import LateAnswer, NoAnswer
from edge.config import StationConfig
from edge.hardware.errors import FrameRefusedError
from edge.hardware.guard import WireGuard
from edge.hardware.jobs import Priority
from edge.hardware.modbus_framing import RtuFraming
from edge.hardware.profiled import ProfiledInstrument, WriteResult
from edge.instruments import shipped
from firmware_protocols import modbus_rtu
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_pdu import Function, ReadRequest, WriteOneRequest
from tests.device_sim.cabinets import profile_cabinet
from tests.edge.cable import Sent
from tests.edge.hardware.lock_bench import CableBench, on_cable, station_of

T = TypeVar("T")
MODULE: dict[str, object] = {"kind": "r4dcb08", "unit": 7, "zones": ["frozen", "chilled"]}
DANFOSS: dict[str, object] = {"kind": "danfoss_ekc_202b", "unit": 8, "zone": "frozen"}
CAREL: dict[str, object] = {"kind": "carel_ir33", "unit": 9, "zone": "chilled"}
METER: dict[str, object] = {"kind": "pzem_016", "unit": 10, "zone": "frozen"}
ALL = (MODULE, DANFOSS, CAREL, METER)


def on(
    body: Callable[[CableBench], Awaitable[T]],
    cabinet: CabinetConfig | None = None,
    station: StationConfig | None = None,
) -> T:
    async def ready(bench: CableBench) -> T:
        await bench.ready()
        await bench.hardware.probes[0].read()
        bench.cables["bus1"].sent.clear()
        return await body(bench)

    return on_cable(cabinet or profile_cabinet(*ALL), ready, station=station)


def instrument(bench: CableBench, kind: str) -> ProfiledInstrument:
    found = next(one for one in bench.hardware.instruments if one.kind == kind)
    assert isinstance(found, ProfiledInstrument)
    return found


def sent(bench: CableBench) -> list[Sent]:
    return bench.cables["bus1"].sent


def writes(bench: CableBench) -> list[Sent]:
    return [one for one in sent(bench) if one.data[1] in (5, 6, 15, 16)]


def test_two_zones_are_measured_by_one_module() -> None:
    async def body(bench: CableBench) -> None:
        frozen, chilled = [await probe.read() for probe in bench.hardware.probes]
        assert (frozen.quality, chilled.quality) == (Quality.GOOD, Quality.GOOD)
        assert frozen.temperature_c == pytest.approx(-20.0, abs=0.11)
        assert chilled.temperature_c == pytest.approx(4.0, abs=0.11)
        assert [one.data[2:6].hex() for one in sent(bench)] == ["00000001", "00010001"]

    on(body)


def test_a_controller_may_be_the_probe_of_its_zone() -> None:
    cabinet = profile_cabinet(DANFOSS, CAREL)
    zone = station_of(cabinet).zone[0]
    assert (zone.probe_kind, zone.probe_channel) == ("danfoss_ekc_202b", 0)

    async def body(bench: CableBench) -> None:
        frozen = await bench.hardware.probes[0].read()
        assert frozen.temperature_c == pytest.approx(-20.0, abs=0.11)
        assert frozen.humidity_pct is None

    on(body, cabinet)


def test_everything_a_controller_says_is_seen() -> None:
    async def body(bench: CableBench) -> None:
        seen = {one.point: one for one in await instrument(bench, "danfoss_ekc_202b").read()}
        assert {one.quality for one in seen.values()} == {Quality.GOOD}
        assert (seen["compressor"].value, seen["defrosting"].value) == (False, False)
        assert seen["set_point"].value == -20.0
        meter = {one.role.value: one.value for one in await instrument(bench, "pzem_016").read()}
        assert meter["power"] == 3.0  # nothing runs yet
        assert len([one for one in sent(bench) if one.data[0] == 10]) == 1

    on(body)


def test_a_controller_is_in_no_zone_of_a_module_of_probes() -> None:
    config = station_of(profile_cabinet(*ALL))
    assert [(one.name, one.kind, one.zone) for one in config.device] == [
        ("controller 8", "danfoss_ekc_202b", "frozen"),
        ("controller 9", "carel_ir33", "chilled"),
        ("meter 10", "pzem_016", "frozen"),
    ]


def test_silence_is_stale_and_costs_the_line_one_time_out() -> None:
    async def body(bench: CableBench) -> None:
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=8))
        seen = await instrument(bench, "danfoss_ekc_202b").read()
        assert {(one.value, one.quality) for one in seen} == {(None, Quality.STALE)}
        assert len({one.data[2:4] for one in sent(bench)}) == 1
        assert len(sent(bench)) == 3  # one read, repeated twice
        frozen = await bench.hardware.probes[0].read()
        assert frozen.quality is Quality.GOOD

    on(body)


def test_a_sensor_that_is_not_there_is_bad_and_no_number() -> None:
    cabinet = profile_cabinet(MODULE)
    station = station_of(cabinet)
    zones = [zone.model_dump() for zone in station.zone]
    zones[1]["probe_channel"] = 5
    changed = StationConfig.model_validate(station.model_dump() | {"zone": zones})

    async def body(bench: CableBench) -> None:
        seen = await bench.hardware.probes[1].read()
        assert (seen.temperature_c, seen.quality) == (None, Quality.BAD)

    on(body, cabinet, changed)


def test_a_register_that_the_device_refuses_is_bad_and_the_rest_good() -> None:
    async def body(bench: CableBench) -> None:
        device = instrument(bench, "carel_ir33")._device
        profile = device.profile
        strange = profile.named("set_point").model_copy(update={"address": 4000})
        points = tuple(strange if one.id == "set_point" else one for one in profile.point)
        device.profile = profile.model_copy(update={"point": points})
        rules: Any = bench.hardware._owners["bus1"][0]._rules
        del rules[9]
        seen = {one.point: one for one in await instrument(bench, "carel_ir33").read()}
        assert (seen["set_point"].value, seen["set_point"].quality) == (None, Quality.BAD)
        assert seen["air"].quality is Quality.GOOD

    on(body)


def test_an_operator_changes_the_set_point_and_it_is_read_back() -> None:
    async def body(bench: CableBench) -> None:
        device = instrument(bench, "danfoss_ekc_202b")._device
        assert await device.write("set_point", -22.0) is WriteResult.CONFIRMED
        assert [one.data[1:6].hex() for one in writes(bench)] == ["060063ff24"]
        seen = await device.read([device.profile.named("set_point")])
        assert seen["set_point"].value == -22.0

    on(body)


def test_a_defrost_is_started_once_and_shown_by_another_point() -> None:
    async def body(bench: CableBench) -> None:
        device = instrument(bench, "carel_ir33")._device
        assert await device.write("defrost_start", value=True) is WriteResult.CONFIRMED
        assert [one.data[1:6].hex() for one in writes(bench)] == ["050020ff00"]

    on(body)


def test_a_change_without_an_answer_is_not_repeated_and_the_reading_decides() -> None:
    async def body(bench: CableBench) -> None:
        device = instrument(bench, "carel_ir33")._device
        bench.cabinet.lay(LateAnswer(kind="late_answer", target=9, delay_s=0.6, for_s=0.3))
        assert await device.write("set_point", 2.0) is WriteResult.CONFIRMED
        assert len(writes(bench)) == 1
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=9))
        assert await device.write("set_point", 3.0) is WriteResult.UNCONFIRMED
        assert len(writes(bench)) == 2

    on(body)


def test_a_change_that_never_left_and_one_that_was_refused() -> None:
    async def body(bench: CableBench) -> None:
        device = instrument(bench, "carel_ir33")._device
        board: Any = next(one for one in bench.cabinet._boards.values() if one.unit == 9)
        board._profile = board._profile.model_copy(
            update={"point": tuple(p for p in board._profile.point if p.id != "set_point")}
        )
        assert await device.write("set_point", 2.0) is WriteResult.REJECTED
        bench.cables["bus1"].pull()
        await asyncio.sleep(0.1)
        assert await device.write("set_point", 2.0) is WriteResult.NOT_SENT

    on(body)


@pytest.mark.parametrize(("name", "value"), [("set_point", 60.0), ("air", 4.0)])
def test_what_may_not_be_changed_never_reaches_the_line(name: str, value: float) -> None:
    async def body(bench: CableBench) -> None:
        with pytest.raises(RangeError):
            await instrument(bench, "carel_ir33")._device.write(name, value)
        assert not sent(bench)

    on(body)


@pytest.mark.parametrize(
    ("unit", "request_"),
    [
        (8, ReadRequest(Function.READ_HOLDING_REGISTERS, 500, 1)),  # not of the profile
        (8, ReadRequest(Function.READ_HOLDING_REGISTERS, 2509, 2)),  # more than it bears
        (7, ReadRequest(Function.READ_HOLDING_REGISTERS, 0xFE, 1)),
        (7, WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 0xFE, 9)),  # its address
        (8, WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 116, 0)),  # switches it off
        (8, WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 99, 500)),  # 50 degC
        (10, WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 2, 5)),
    ],
)
def test_frames_that_never_leave(unit: int, request_: Any) -> None:
    async def body(bench: CableBench) -> None:
        owner = bench.hardware._owners["bus1"][0]
        with pytest.raises(FrameRefusedError):
            await owner.call(Priority.SENSOR, unit, request_)
        assert not sent(bench)

    on(body)


def test_a_unit_that_is_only_a_probe_is_never_told_anything() -> None:
    station = station_of(profile_cabinet(DANFOSS, CAREL)).model_copy(update={"device": ()})

    async def body(bench: CableBench) -> None:
        with pytest.raises(FrameRefusedError):
            await bench.hardware._owners["bus1"][0].call(
                Priority.SENSOR, 8, WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 99, 20)
            )

    on(body, profile_cabinet(DANFOSS, CAREL), station)


def test_a_line_is_as_slow_as_its_most_sensitive_device(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = []
    for guard_ms in (5, 60):
        line = shipped("r4dcb08").line.model_copy(update={"guard_ms": guard_ms})
        touchy = shipped("r4dcb08").model_copy(update={"line": line})
        monkeypatch.setattr(
            "edge.instruments.shipped",
            lambda kind, one=touchy: one if kind == "r4dcb08" else shipped(kind),
        )

        async def body(bench: CableBench) -> float:
            await instrument(bench, "carel_ir33").read()
            first, second, *_ = sent(bench)
            return second.at_s - first.at_s

        gaps.append(on(body))
    assert gaps[1] - gaps[0] == pytest.approx(0.055, abs=0.006)


def test_the_reset_of_a_meter_is_not_even_a_request() -> None:
    frame = bytes.fromhex("01 42 80 11")
    assert modbus_rtu.decode(frame).function == 0x42
    guard = WireGuard(RtuFraming(), lambda _unit, _request: True, lambda: None, local_echo=False)
    with pytest.raises(WireError):
        guard(True, frame)
    assert not guard.in_flight
