"""An address is written to the one board on a line, read back, and to nobody when there could be two."""

import asyncio
import socket
from pathlib import Path

import pytest

from common.kit.errors import ConflictError, InvalidError, LinliError, RefusedError
from common.ui.i18n import Catalogue, Lang
from device_sim.app import Sim
from edge.hardware.errors import NoReplyError
from firmware_protocols.lock_boards import LOCK_BOARDS, LockKind
from provisioning import address
from provisioning.address import KINDS, address_step
from provisioning.identify import identify_step
from provisioning.job import Job
from provisioning.record import FoundBus, FoundUnit, LearntDoor, load_record, save_record
from provisioning.scan import Wanted
from provisioning.scanning import scan_step, wanted
from tests.device_sim.cabinets import lock_cabinet
from tests.parts import ROOT
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


def test_a_light_blinks(tmp_path: Path) -> None:
    async def body(_technician: Technician, sim: Sim) -> None:
        with job_in(tmp_path / "data") as job:
            ports = [str(port.link) for port in sim.serial]
            await scan_step(job, wanted(ports, [], "1-3", 0.08))
            assert await identify_step(job, None, "bus0/1", 3)
            for door, board in (("A01", None), (None, "bus0/9"), (None, "x"), (None, None)):
                with pytest.raises(LinliError):
                    await identify_step(job, door, board, 0)
        assert sim.cabinet.state().pulses == ()

    at_cabinet(tmp_path, small("wkly"), body)


def test_a_board_without_a_light_is_found_by_a_contact(tmp_path: Path) -> None:
    """Also by its door; what another board sees is named and does not end it; no relay moves."""

    async def body(technician: Technician, sim: Sim) -> None:
        link = str(sim.serial[0].link)
        assert await technician.run("scan", "--port", link, "--units", "1-3") == 0
        record = load_record(technician.data)
        save_record(technician.data, record.with_(doors=(_door("A02", 0), _door("A01", 2))))
        asked = 0

        def hands(question: dict[str, object]) -> str | None:
            nonlocal asked
            assert question["ask"] == "move_contact"
            asked += 1
            if asked == 2:  # at first nothing is moved
                sim.cabinet.pull("A01")
            return ""

        technician.special = hands
        assert await technician.run("identify", "--door", "A02") == 0, technician.errors
        assert len(technician.steps("nothing_moved")) == 1
        (moved,) = technician.steps("contact_moved")
        assert moved | {"door": "A01", "wanted": True} == moved
        assert (moved["board"], moved["channel"]) == ("bus0/1", 2)
        technician.special = lambda _question: "-"
        assert await technician.run("identify", "--board", "bus0/1") == 1
        assert sim.cabinet.state().pulses == ()

    at_cabinet(tmp_path, small(), body)


def _door(label: str, channel: int) -> LearntDoor:
    return LearntDoor(
        label=label, bus="bus0", unit=1, kind="waveshare_8ch_d", channel=channel, sensor_unit=1,
        sensor_kind="waveshare_8ch_d", sensor_channel=channel, open_level=1, pulse_ms=400,
        latency_ms=60, at="x",
    )  # fmt: skip


@pytest.mark.parametrize("kind", sorted(LOCK_BOARDS))
def test_every_family_is_told_how_it_is_found(tmp_path: Path, kind: LockKind) -> None:
    """A light blinks, a contact is asked for, or it is refused with what to do: in words of both languages."""
    facts = LOCK_BOARDS[kind]
    line = socket.create_server(("127.0.0.1", 0))  # opened, and nobody answers
    port = f"tcp://127.0.0.1:{line.getsockname()[1]}"
    bus = FoundBus(
        name="bus0", port=port, baud=facts.baud, protocol=facts.protocol,
        units=(FoundUnit(unit=1, kind=kind, channels=facts.channels, inputs=facts.inputs),),
    )  # fmt: skip
    with line, job_in(tmp_path, "-") as job:
        job.record = job.record.with_(buses=(bus,))
        found = asyncio.run(_found(job))
    if facts.has_light:
        assert isinstance(found, NoReplyError)
    elif facts.inputs:
        assert found is False
        assert [one["ask"] for one in said(tmp_path) if "ask" in one] == ["move_contact"]
    else:
        assert isinstance(found, RefusedError)
        assert "linli provision scan" in found.detail
        assert "拔下" in Catalogue().texts(Lang.ZH).say(found.detail)
    page = (ROOT / "docs/howto/commission-a-cabinet.md").read_text("utf-8")
    table = page[page.index("*Which board is this*") :].split("**When", 1)[0]
    assert PEOPLE_CALL_IT[kind] in table


async def _found(job: Job) -> bool | LinliError:
    try:
        return await identify_step(job, None, "bus0/1", 0)
    except LinliError as error:
        return error


PEOPLE_CALL_IT = {
    "waveshare_8ch_d": "Waveshare 8CH (D)",
    "waveshare_16ch": "Waveshare 16CH",
    "waveshare_32ch": "32CH",
    "wkly": "WKLY",
    "xor_8a80": "8A/80",
    "kerong_cu16": "KERONG CU16",
    "kerong_cu48": "CU48",
    "r421a08": "R421A08",
    "lc_8r": "LC 8R",
    "qianming": "千鸣",
}
