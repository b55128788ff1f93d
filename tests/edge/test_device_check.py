"""What `linli edge check` says of devices on a profile, over real serial ports."""

import asyncio
from pathlib import Path

import pytest

from common.contract.words import Quality
from common.kit.clock import SystemClock
from common.kit.work import ThreadWork
from device_sim.faults import NoAnswer
from device_sim.profile_board import ProfileBoard
from device_sim.pty_port import PtyPort
from edge.check import Finding, Level, check_station
from edge.device_check import device_findings
from edge.hardware.ports import PointSeen
from firmware_protocols.profile import Role
from tests.device_sim.cabinets import profile_cabinet
from tests.edge.cable import Cable
from tests.edge.hardware.lock_bench import LockBench, running, station_of

CABINET_BOARDS: tuple[dict[str, object], ...] = (
    {"kind": "r4dcb08", "unit": 7, "zones": ["frozen", "chilled"]},
    {"kind": "danfoss_ekc_202b", "unit": 8, "zone": "chilled"},
    {"kind": "pzem_016", "unit": 10},
)
CABINET = profile_cabinet(*CABINET_BOARDS)


def findings(folder: Path, *acts: str) -> list[Finding]:
    clock, work = SystemClock(), ThreadWork()
    station = station_of(CABINET, folder)
    bench = LockBench(CABINET, clock, lambda cabinet, _section: Cable(cabinet.bus()), station)
    if "alarm" in acts:
        danfoss = bench.cabinet._boards[8]
        assert isinstance(danfoss, ProfileBoard)
        danfoss.set_point_c = -10.0
    if "silent" in acts:
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=10))

    async def main() -> list[Finding]:
        ports = [
            PtyPort(bench.cabinet, bus, folder / bus.name, clock, work)
            for bus in bench.cabinet.buses
        ]
        async with running(*(port.run() for port in ports)):
            for port in ports:
                await port.is_open.wait()
            return await check_station(station, folder / "data", clock)

    try:
        (folder / "data").mkdir()
        return asyncio.run(main())
    finally:
        work.close()


def said(found: list[Finding], start: str) -> list[tuple[Level, str]]:
    return [(one.level, one.text) for one in found if one.text.startswith(start)]


def test_devices_are_named_with_what_they_say(tmp_path: Path) -> None:
    found = findings(tmp_path)
    ((level, text),) = said(found, "device controller 8")
    assert level is Level.OK
    assert text.startswith("device controller 8 (danfoss_ekc_202b unit 8): air ")
    assert text.endswith(" °C, set_point 4 °C, no alarms")
    ((_, doubt),) = said(found, "danfoss_ekc_202b unit 8 on bus bus1: experimental")
    assert "whether the input is the door" in doubt
    ((level, text),) = said(found, "device meter 10")
    assert level is Level.OK
    assert "power 6 W, energy 0 kWh" in text
    assert said(found, "probe frozen (unit 7)")[0][0] is Level.OK


def test_a_silent_device_and_one_that_alarms(tmp_path: Path) -> None:
    found = findings(tmp_path, "silent", "alarm")
    ((level, text),) = said(found, "device meter 10")
    assert (level, "does not answer" in text) == (Level.WRONG, True)
    ((_, text),) = said(found, "device controller 8")
    assert text.endswith("alarms: high_alarm")


def test_a_silent_device_of_another_speed_is_told_apart() -> None:
    meter = PointSeen("power", Role.POWER, None, Quality.STALE)
    for kind, hint in (("sdm120", ", and its speed: 2400 baud"), ("pzem_016", "and address")):
        config = station_of(profile_cabinet(*CABINET_BOARDS[:1], {"kind": kind, "unit": 10}))
        (found,) = [
            one
            for one in device_findings(config, {"meter 10": (meter,)}, {"bus1": True})
            if one.level is Level.WRONG
        ]
        assert hint in found.text
        assert ("speed" in found.text) is (kind == "sdm120")


@pytest.mark.parametrize("quality", [Quality.BAD, Quality.STALE])
def test_a_point_that_cannot_be_told_is_named(quality: Quality) -> None:
    config = station_of(CABINET)
    good = PointSeen("set_point", Role.SET_POINT, 4.0, Quality.GOOD)
    air = PointSeen("air", Role.AIR_TEMPERATURE, None, quality)
    seen = {device.name: (good, air) for device in config.device}
    found = list(device_findings(config, seen, {"bus1": True, "locks": True}))
    texts = [one.text for one in found if one.level is Level.WRONG]
    assert len(texts) == 2
    assert all("cannot tell air; check its probes" in text for text in texts)
    assert list(device_findings(config, seen, {"bus1": False, "locks": True})) == []
