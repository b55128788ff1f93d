"""A scale on a bus: found by reads alone, asked for its plate, tested over its bus; nothing else is taken for one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from device_sim.app import Sim
from device_sim.config import CabinetConfig
from firmware_protocols.modbus_pdu import Function
from provisioning.bench import open_bench
from provisioning.devices import learn_devices
from provisioning.equipment import try_equipment
from provisioning.parts import Part
from provisioning.plate import learn_scale
from provisioning.profiled import recognise_profile
from provisioning.record import FoundUnit, LearntDevice
from provisioning.scan import Wanted
from provisioning.scanning import scan_step
from tests.edge.hardware.device_bench import DeviceBench, cabinet_with, on_devices, station_with
from tests.provisioning.site import at_cabinet, job_in, said
from tests.provisioning.small import small
from tests.provisioning.technician import Technician
from tests.provisioning.test_equipment import Hands, devices_of, job_with, lay, pulled

pytestmark = pytest.mark.timeout(60)
FOUND = FoundUnit(unit=5, kind="weigh_v380", sure="likely", seen="a transmitter, 0.0 g")


def asked_with(
    folder: Path, *answers: str, known: tuple[LearntDevice, ...] = ()
) -> list[LearntDevice]:
    with job_in(folder, *answers) as job:
        job.record = job.record.with_(devices=known)
        asyncio.run(learn_scale(job, "bus0", FOUND))
        return list(job.record.devices)


def test_a_scale_is_scanned_and_learnt(tmp_path: Path) -> None:
    """On a real pseudo-terminal, beside the boards of its line."""
    cabinet = small()
    board = {"kind": "weigh_v380", "bus": "bus0", "unit": 5}
    boards = [*(one.model_dump() for one in cabinet.board), board]

    async def body(_technician: Technician, sim: Sim) -> None:
        with job_in(tmp_path / "data", "30000", "10") as job:
            what = Wanted((str(sim.serial[0].link),), (9600,), range(5, 6))
            assert await scan_step(job, what)
            (unit,) = job.record.buses[0].units
            assert (unit.unit, unit.kind) == (5, "weigh_v380")
            assert ", 0.0 g" in unit.seen
            async with open_bench(job, ["bus0"]) as bench:
                await learn_devices(job, bench)
                await learn_devices(job, bench)
            (learnt,) = job.record.devices
            assert (learnt.capacity_g, learnt.division_g) == (30_000, 10)

    at_cabinet(tmp_path, small(board=boards), body)
    assert [one["ask"] for one in said(tmp_path / "data") if "ask" in one] == [
        "scale_capacity", "scale_division",
    ]  # fmt: skip


def test_grams_that_cannot_be_are_asked_for_again(tmp_path: Path) -> None:
    (learnt,) = asked_with(tmp_path, "much", "600000", "15000,5", "0", "5")
    assert (learnt.capacity_g, learnt.division_g) == (15_000.5, 5)


@pytest.mark.parametrize("answers", [("-",), ("",), ("30000", "-"), ("x", "-"), ("30000", "x", "")])
def test_one_without_its_plate_is_left_out(tmp_path: Path, answers: tuple[str, ...]) -> None:
    assert asked_with(tmp_path, *answers) == []


def test_a_station_has_one_scale(tmp_path: Path) -> None:
    (first,) = asked_with(tmp_path / "1", "30000", "10")
    assert asked_with(tmp_path / "2", known=(first,)) == [first]
    assert [one["step"] for one in said(tmp_path / "2")] == ["second_scale"]


async def test_registers_of_another_make_are_no_scale() -> None:
    async def ones(_function: Function, _address: int, count: int) -> tuple[int, ...]:
        return (1,) * count

    found = await recognise_profile(9, ones)
    assert found is not None
    assert "weigh_v380" not in (found.kind + found.seen), "one decimal: its weight is not believed"


ON_A_BUS = [
    ("scale_zero", {"scale_empty": lay(10)}),
    ("scale_weighed", {"known_weight": lay(1000, "1000"), "scale_clear": lay(0)}),
    ("scale_wrong", {"known_weight": lay(1030, "1000")}),
    ("scale_moving", {"scale_empty": lay(0, drift_g_per_s=50)}),
    ("scale_range", {"scale_empty": lay(31_000)}),
    ("away", {"scale_empty": pulled("bus0")}),
]


@pytest.mark.parametrize(("why", "acts"), ON_A_BUS, ids=[why for why, _ in ON_A_BUS])
def test_a_scale_on_a_bus(tmp_path: Path, why: str, acts: dict[str, Any]) -> None:
    """The station stands still, so its bus is opened for the scale alone; no door is looked at."""
    record = cabinet_with().model_dump()
    board = {"kind": "weigh_v380", "bus": "bus0", "unit": 30}
    cabinet = CabinetConfig.model_validate(record | {"board": [*record["board"], board]})
    about = board | {"capacity_g": 30_000, "division_g": 10}

    async def body(bench: DeviceBench) -> None:
        given = {key: iter((act,)) for key, act in acts.items()}
        with job_with(tmp_path, Hands(bench, given)) as job:
            lines: Any = lambda section: bench.cables[section.name]  # noqa: E731
            await try_equipment(job, station_with(scale=about), {Part.SCALE}, lines=lines)
        asked = {sent.data[0] for sent in bench.cables["bus0"].sent}
        assert asked <= {30, 247}, "and the echo test's address"

    on_devices(cabinet, station_with(), body)
    assert devices_of(tmp_path)["scale"].why == why
