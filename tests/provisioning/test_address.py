"""An address is written to the one board on a line, read back, and to nobody when there could be two."""

import asyncio
from pathlib import Path

import pytest

from common.kit.errors import ConflictError, InvalidError, LinliError, RefusedError
from device_sim.app import Sim
from firmware_protocols.lock_boards import LOCK_BOARDS
from provisioning import address
from provisioning.address import KINDS, address_step
from provisioning.identify import identify_step
from provisioning.scan import Wanted
from provisioning.scanning import scan_step, wanted
from tests.device_sim.cabinets import lock_cabinet
from tests.provisioning.site import at_cabinet, job_in, said
from tests.provisioning.small import small
from tests.provisioning.technician import Technician

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def a_few_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(section: object) -> Wanted:
        return Wanted(("x",), bauds=(9600,), units=range(1, 10), look_s=0.08)

    monkeypatch.setattr(address, "_all_units", few)


def test_a_board_alone_gets_its_address(tmp_path: Path) -> None:
    async def body(_technician: Technician, sim: Sim) -> None:
        port = str(sim.serial[0].link)
        with job_in(tmp_path / "data", "", "y") as job:
            assert await address_step(job, port, 9600, "waveshare_8ch_d", 7)
        assert [one["step"] for one in said(tmp_path / "data") if "step" in one] == ["address_set"]
        with job_in(tmp_path / "data", "") as job:
            assert await address_step(job, port, 9600, "waveshare_8ch_d", 7), "it has it already"
        with job_in(tmp_path / "data", "", "n") as job:
            assert not await address_step(job, port, 9600, "waveshare_8ch_d", 3)
        with pytest.raises(ConflictError), job_in(tmp_path / "data", "") as job:
            await address_step(job, port, 9600, "xy_md02", 3)
        assert sim.cabinet.state().pulses == ()

    at_cabinet(tmp_path, lock_cabinet("waveshare_8ch_d"), body)


def test_with_others_on_the_line_nothing_is_written(tmp_path: Path) -> None:
    async def body(_technician: Technician, sim: Sim) -> None:
        port = str(sim.serial[0].link)
        for kind in KINDS:
            with pytest.raises(ConflictError) as refused, job_in(tmp_path / "data", "", "y") as job:
                await address_step(job, port, 9600, kind, 7)
            assert refused.value.key == "provision.not_alone"
        assert [board.unit for board in sim.cabinet._boards.values()] == [1, 3, 4]

    at_cabinet(tmp_path, small(), body)


def test_a_probe_alone_gets_its_address(tmp_path: Path) -> None:
    config = small("wkly")
    alone = config.model_copy(update={"board": config.board[:2], "zone": config.zone[1:]})
    alone = alone.model_copy(
        update={"door": tuple(d.model_copy(update={"zone": "ambient"}) for d in config.door)}
    )

    async def body(_technician: Technician, sim: Sim) -> None:
        with job_in(tmp_path / "data", "", "y") as job:
            assert await address_step(job, str(sim.serial[1].link), 9600, "xy_md02", 8)

    at_cabinet(tmp_path, alone, body)


@pytest.mark.parametrize("kind", sorted({*LOCK_BOARDS} - {*KINDS}))
def test_what_is_set_by_hand_is_said_so(tmp_path: Path, kind: str) -> None:
    with job_in(tmp_path) as job, pytest.raises(RefusedError) as refused:
        asyncio.run(address_step(job, "/dev/null", 9600, kind, 3))
    assert refused.value.key == "provision.address_by_hand"


@pytest.mark.parametrize(
    ("port", "kind", "unit"),
    [("tcp://h:1", "xy_md02", 3), ("/dev/x", "toaster", 3), ("/dev/x", "xy_md02", 0)],
)
def test_what_cannot_be_is_refused(tmp_path: Path, port: str, kind: str, unit: int) -> None:
    with job_in(tmp_path) as job, pytest.raises(InvalidError):
        asyncio.run(address_step(job, port, 9600, kind, unit))


@pytest.mark.parametrize("kind", ["wkly", "waveshare_8ch_d"])
def test_a_light_blinks_and_a_relay_is_never_clicked_for_it(tmp_path: Path, kind: str) -> None:
    async def body(_technician: Technician, sim: Sim) -> None:
        with job_in(tmp_path / "data") as job:
            ports = [str(port.link) for port in sim.serial]
            await scan_step(job, wanted(ports, [], "1-3", 0.08))
            if kind == "wkly":
                assert await identify_step(job, None, "bus0/1", 3)
            else:
                with pytest.raises(RefusedError):
                    await identify_step(job, None, "bus0/1", 3)
            for door, board in (("A01", None), (None, "bus0/9"), (None, "x"), (None, None)):
                with pytest.raises(LinliError):
                    await identify_step(job, door, board, 0)
        assert sim.cabinet.state().pulses == ()

    at_cabinet(tmp_path, small(kind), body)
