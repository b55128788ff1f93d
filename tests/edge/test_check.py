"""What `linli edge check` says of lock boards: each by kind and address, what is in doubt, what lies where."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

from common.kit.clock import SystemClock
from common.kit.work import ThreadWork
from device_sim.cabinet import Cabinet
from device_sim.config import load
from device_sim.faults import NoAnswer
from device_sim.pty_port import PtyPort
from edge.check import Finding, Level, check_station
from edge.hardware.line import open_line
from edge.hardware.peripherals import look_at
from edge.hardware.ports import DeviceState
from firmware_protocols.lock_boards import LockKind
from tests.device_sim.cabinets import lock_cabinet
from tests.edge.cable import Cable
from tests.edge.hardware.device_bench import cabinet_with
from tests.edge.hardware.lock_bench import LockBench, running, station_of

CABINETS = Path(__file__).parents[2] / "cabinets"


def findings(kind: LockKind, folder: Path, *acts: str) -> list[Finding]:
    """Check a station whose cabinet hangs on real serial ports; `acts` happen before."""
    config, clock, work = lock_cabinet(kind), SystemClock(), ThreadWork()
    station = station_of(config, folder)
    bench = LockBench(config, clock, lambda cabinet, _section: Cable(cabinet.bus()), station)
    if "open" in acts:
        bench.cabinet.pull("A03")
        bench.cabinet.set_goods("A03", there=True)
    if "silent" in acts:
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=1))

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


def said_of(kind: LockKind, found: list[Finding]) -> list[tuple[Level, str]]:
    return [(one.level, one.text) for one in found if one.text.startswith(kind)]


def test_a_board_is_named_with_its_doors(tmp_path: Path) -> None:
    found = findings("wkly", tmp_path, "open")
    assert said_of("wkly", found) == [(Level.OK, "wkly unit 1 on bus locks: 8 doors, open: A03")]


def test_a_board_in_doubt_and_goods_are_named(tmp_path: Path) -> None:
    found = findings("qianming", tmp_path, "open")
    (doubt, doors) = said_of("qianming", found)
    assert "experimental, not sure is its speed" in doubt[1]
    assert doors == (Level.OK, "qianming unit 1 on bus locks: 8 doors, open: A03")
    assert "goods sensors: something lies in A03" in [one.text for one in found]


def test_a_silent_board_is_wrong(tmp_path: Path) -> None:
    ((level, text),) = said_of("wkly", findings("wkly", tmp_path, "silent"))
    assert level is Level.WRONG
    assert "does not answer; check power, wiring, address and board_kind" in text


def test_a_board_without_inputs_is_not_asked_its_sensor_is(tmp_path: Path) -> None:
    found = findings("waveshare_16ch", tmp_path)
    assert said_of("waveshare_16ch", found) == [
        (Level.OK, "waveshare_16ch unit 1 on bus locks: has no door inputs, so it is not asked")
    ]
    assert (Level.OK, "waveshare_8ch_d unit 101 on bus locks: 8 doors, all shut") in said_of(
        "waveshare_8ch_d", found
    )


def test_devices_with_a_port_of_their_own_are_looked_at(tmp_path: Path) -> None:
    cabinet = cabinet_with(
        {"kind": "gm805", "name": "scanner"}, {"kind": "mt_sics", "name": "scale"}
    )
    station = station_of(cabinet, tmp_path)
    clock, work = SystemClock(), ThreadWork()
    bench = Cabinet(cabinet, clock, random.Random(1))

    async def main() -> tuple[DeviceState, ...]:
        ports = [
            PtyPort(bench, bus, tmp_path / bus.name, clock, work) for bus in bench.serial.buses
        ]
        async with running(*(port.run() for port in ports)):
            for port in ports:
                await port.is_open.wait()
            return await look_at(station, open_line)

    try:
        scanner, scale = asyncio.run(main())
    finally:
        work.close()
    assert scanner.sound
    assert scale.sound
    assert scale.text.startswith("scale: 0 g, stable; experimental, not sure is the layout")
    assert scanner.text.startswith(
        "scanner: its settings were put right; experimental, not sure is"
    )


def test_a_device_that_is_not_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    station = station_of(cabinet_with({"kind": "gm65", "name": "scanner"}), tmp_path)
    (state,) = asyncio.run(look_at(station, open_line, within_s=0.2))
    assert not state.up
    assert "is not there; plug the adapter in" in state.text


def test_flaps_and_fill_levels_are_read(tmp_path: Path) -> None:
    cabinet = load(CABINETS / "lvyuan-6.toml", {}).model_copy(update={"serial": ()})
    station, clock, work = station_of(cabinet, tmp_path), SystemClock(), ThreadWork()
    bench = Cabinet(cabinet, clock, random.Random(1))
    bench.fill("textiles", full=True)
    bench.pull("R01")

    async def main(*acts: Callable[[], None]) -> list[str]:
        port = PtyPort(bench, bench.bus(), tmp_path / "bus0", clock, work)
        async with running(port.run()):
            await port.is_open.wait()
            for act in acts:
                act()
            found = await check_station(station, tmp_path / "data", clock)
        return [one.text for one in found if one.text.startswith(("flap", "fill"))]

    try:
        (tmp_path / "data").mkdir()
        assert asyncio.run(main()) == [
            "flap R01: open", "flap R02: shut", "fill level bottles: not full", "fill level textiles: full",
        ]  # fmt: skip
        silent = NoAnswer(kind="no_answer", target=2)
        assert "flap R01: cannot be told" in asyncio.run(main(lambda: bench.lay(silent)))[0]
    finally:
        work.close()
