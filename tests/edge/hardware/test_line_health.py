"""What a technician is told of a line: figures of each unit, twins, ports whose names do not last, slow adapters."""

import asyncio
from pathlib import Path

import pytest

from device_sim.faults import NoAnswer
from device_sim.wire_faults import Garbage, SameAddress
from edge.check import Level, bus_findings
from edge.config import StationConfig
from edge.hardware.build import BusState
from edge.hardware.serial_hints import hints, lasting_name
from edge.hardware.tally import LineTally, UnitTally
from edge.hardware.twins import QUESTIONS, TWIN_REMEDY, Heard, has_twin
from tests.edge.cable import Bench, on_bench, station_config


def test_a_unit_in_numbers() -> None:
    subject = LineTally()
    for number in range(1, 101):
        subject.answered(1, number / 1000, 3 if number == 7 else 0)
    subject.missed(1, 0)
    subject.missed(1, 5)
    unit = subject.unit(1)
    assert (unit.asked, unit.answered, unit.silent, unit.damaged, unit.stray) == (102, 100, 1, 1, 1)
    assert unit.p95_s == pytest.approx(0.095)
    assert UnitTally().p95_s is None
    subject.opened = 2
    assert list(subject.texts()) == [
        "opened 2 time(s), 2 quarantine(s)",
        "unit 1: 100 of 102 answered, 1 silent, 1 damaged, 1 with noise, 95 of 100 within 95 ms",
    ]
    assert "within" not in UnitTally().text()


def test_the_owner_counts() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        owner = bench.hardware.owner("bus0")
        before = owner.tally.unit(1).answered
        await bench.hardware.door_bus.read_doors(urgent="A01")
        bench.cabinet.lay(Garbage(kind="garbage", target=1))
        await bench.hardware.door_bus.read_doors(urgent="A01")
        bench.cabinet.lift_all()
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=1))
        await bench.hardware.door_bus.read_doors(urgent="A01")
        unit = owner.tally.unit(1)
        assert (unit.answered - before, unit.stray, unit.silent) == (2, 1, 1)
        assert unit.p95_s is not None
        assert 0.01 < unit.p95_s < 0.06
        assert 247 not in owner.tally.units, "the echo test's unit is nobody"
        assert bench.hardware.bus_state["bus0"].figures[0].startswith("opened 1 time(s)")

    on_bench(body)


def test_two_boards_with_one_address_are_found_when_the_line_is_opened() -> None:
    async def body(bench: Bench) -> None:
        bench.cabinet.lay(SameAddress(kind="same_address", target=1, other=2))
        hardware = bench.build()
        running = asyncio.create_task(hardware.run())
        await hardware.door_bus.read_doors()
        state = hardware.bus_state["bus0"]
        assert state.twins == (1,)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        findings = list(bus_findings(bench.config, {"bus0": state}))
        assert [one.text for one in findings if one.level is Level.WRONG] == [
            f"bus bus0: two boards answer as unit 1; {TWIN_REMEDY}"
        ]

    on_bench(body)


def test_a_sound_line_has_no_twins() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        assert bench.hardware.bus_state["bus0"].twins == ()

    on_bench(body)


@pytest.mark.parametrize(
    ("heard", "twin", "asked"),
    [
        ("AA", False, 2),
        ("N", False, 1),
        ("RN", False, 2),
        ("RRRRR", True, QUESTIONS),
        ("RARRR", True, QUESTIONS),
        ("RRARA", False, QUESTIONS),
    ],
)
def test_rubbish_again_and_again_is_two_boards(heard: str, twin: bool, asked: int) -> None:
    words = {"A": Heard.ANSWER, "N": Heard.NOTHING, "R": Heard.RUBBISH}
    said = [words[one] for one in heard]
    count = 0

    async def ask() -> Heard:
        nonlocal count
        count += 1
        return said[count - 1]

    assert asyncio.run(has_twin(ask)) is twin
    assert count == asked


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with an FTDI adapter as ttyUSB0, known by id, and a CH340 as ttyUSB1, known by path alone."""
    for folder in ("dev/serial/by-id", "dev/serial/by-path", "sys/ttyUSB0"):
        (tmp_path / folder).mkdir(parents=True)
    for number in range(3):
        (tmp_path / f"dev/ttyUSB{number}").touch()
    (tmp_path / "dev/serial/by-id/usb-FTDI_A1").symlink_to("../../ttyUSB0")
    for number in range(2):
        (tmp_path / f"dev/serial/by-path/pci-usb-{number}").symlink_to(f"../../ttyUSB{number}")
    (tmp_path / "sys/ttyUSB0/latency_timer").write_text("16\n")
    return tmp_path


@pytest.mark.parametrize(
    ("port", "name"),
    [
        ("ttyUSB0", "serial/by-id/usb-FTDI_A1"),
        ("ttyUSB1", "serial/by-path/pci-usb-1"),
        ("ttyUSB2", None),
        ("ttyUSB9", None),
        ("serial/by-id/usb-FTDI_A1", None),
    ],
)
def test_the_name_that_lasts(machine: Path, port: str, name: str | None) -> None:
    dev = machine / "dev"
    found = lasting_name(str(dev / port), dev / "serial")
    assert found == (None if name is None else str(dev / name))


def test_hints_name_the_remedy(machine: Path) -> None:
    dev, devices = machine / "dev", machine / "sys"

    def said(port: str) -> list[str]:
        return list(hints(str(dev / port), serial=dev / "serial", devices=devices))

    number, slow = said("ttyUSB0")
    assert str(dev / "serial/by-id/usb-FTDI_A1") in number
    assert "every 16 ms" in slow
    assert "ttyUSB0/latency_timer" in slow
    assert said("serial/by-id/usb-FTDI_A1") == [
        slow.replace(str(dev / "ttyUSB0"), str(dev / "serial/by-id/usb-FTDI_A1"))
    ]
    (devices / "ttyUSB0/latency_timer").write_text("1\n")
    assert said("serial/by-id/usb-FTDI_A1") == []
    assert said("ttyUSB2") == []


def test_figures_of_a_line_that_is_away_are_not_told() -> None:
    config: StationConfig = station_config()
    state = BusState(False, "away", (), (), ("opened 0 time(s), 0 quarantine(s)",))
    assert list(bus_findings(config, {"bus0": state})) == []
