"""A cabinet in service: what doctor says and packs, copies that another machine goes on from, a swapped board."""

import asyncio
import json
import re
import subprocess
import sys
import tarfile
import tomllib
from io import StringIO
from pathlib import Path

import pytest

from common.kit.errors import ConflictError, InvalidError
from common.kit.identity import StationSecrets
from common.ui.i18n import Catalogue, Lang
from device_sim.app import Sim
from edge.pickup.views import Step
from provisioning import doctor
from provisioning.backup import backup_step, restore_step
from provisioning.doctor import doctor_step, ports
from provisioning.record import (
    DoorCycles,
    FoundBus,
    FoundUnit,
    LastTest,
    LearntDoor,
    LearntProbe,
    Record,
    load_record,
)
from provisioning.replace import replace_step
from provisioning.scanning import scan_step, wanted
from provisioning.talk import Talk
from tests.cloud.harness import HubUnderTest
from tests.edge.access.test_enrolment import gateway, hub, token
from tests.edge.pickup.house import CODE, House, in_house
from tests.parts import ROOT
from tests.provisioning.site import at_cabinet, job_in, said
from tests.provisioning.small import small
from tests.provisioning.technician import Technician

__all__ = ["hub"]
pytestmark = pytest.mark.timeout(60)
STATION = "01K0YANGGVANG0000000000003"
SAMPLE = ROOT / "docs/examples/station.toml"
SECRETS = StationSecrets(STATION, b"\x11" * 32, b"\x22" * 32, b"\x33" * 16, b"\x44" * 32)


def test_doctor_names_what_to_mend_and_packs_no_secret(tmp_path: Path) -> None:
    data, bundle = tmp_path / "data", tmp_path / "doctor.tar.gz"
    SECRETS.save(data / "secrets.json")
    with job_in(data) as job:
        job.keep(buses=())
        assert not asyncio.run(doctor_step(job, SAMPLE, bundle))
    wrong = [str(one["what"]) for one in said(data) if one.get("ok") is False]
    assert any(".demo/sim/bus0 is not there" in what for what in wrong), wrong
    assert any("paired" in str(one.get("what")) for one in said(data))
    with tarfile.open(bundle) as archive:
        names = {Path(name).name for name in archive.getnames()}
        whole = b"".join(archive.extractfile(m).read() for m in archive)  # type: ignore[union-attr]
    assert names == {"findings.txt", "versions.json", "station.toml", "provision.json"}
    for secret in (SECRETS.private_key, SECRETS.pepper, SECRETS.code_salt):
        assert secret.hex().encode() not in whole
        assert secret not in whole


def test_doctor_speaks_chinese_and_for_programs_neither(tmp_path: Path) -> None:
    out = StringIO()
    with job_in(tmp_path) as job:
        job.talk = Talk(Catalogue().texts(Lang.ZH), out=out)
        assert not asyncio.run(doctor_step(job, SAMPLE, None))
    heard = out.getvalue()
    assert "!!   没有 .demo/sim/bus0：请插上转换器，或改正 `port`" in heard
    assert "这里没有运行站点程序" in heard
    english = re.compile(r"[a-z]+ (is|the|not|does|of|may) [a-z]+")
    assert [line for line in heard.splitlines() if english.search(line)] == []
    with job_in(tmp_path) as job:
        asyncio.run(doctor_step(job, SAMPLE, None))
    (port,) = [one for one in said(tmp_path) if one.get("key") == "port.missing"]
    assert port["params"] == {"port": ".demo/sim/bus0"}
    assert (port["ok"], port["level"]) == (False, "wrong")


def test_doctor_marks_what_it_cannot_know_as_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_SYNCED", tmp_path / "nosuch")
    monkeypatch.setattr(doctor, "serial_ports", lambda: (str(tmp_path / "port"),))
    (tmp_path / "port").touch()
    with job_in(tmp_path) as job:
        assert asyncio.run(doctor_step(job, None, None)), "a clock that may be right is no fault"
    findings = {str(one["key"]): one for one in said(tmp_path) if "key" in one}
    assert {one["mark"] for one in findings.values()} == {"ok", "??"}
    clock = findings["clock.unknown"]
    assert (clock["ok"], clock["level"], clock["mark"]) == (False, "unknown", "??")
    out = StringIO()
    with job_in(tmp_path) as job:
        job.talk = Talk(Catalogue().texts(Lang.ZH), out=out)
        asyncio.run(doctor_step(job, None, None))
    assert "??   不知道时钟是否由网络校准" in out.getvalue()


def test_doctor_looks_at_a_wrong_settings_file_too(tmp_path: Path) -> None:
    wrong = tmp_path / "station.toml"
    wrong.write_text("[station]\nname = 'x'\n", "utf-8")
    with job_in(tmp_path / "data") as job:
        assert not asyncio.run(doctor_step(job, wrong, None))
    assert any("unknown key" in str(one.get("what")) for one in said(tmp_path / "data"))


def test_a_slow_ftdi_adapter_is_named_with_its_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ttyUSB0").touch()
    timer = tmp_path / "latency"
    monkeypatch.setattr(doctor, "_LATENCY", str(timer))
    monkeypatch.setattr(doctor, "serial_ports", lambda: (str(tmp_path / "ttyUSB0"),))
    timer.write_text("16\n", "utf-8")
    assert [one.key for one in ports(None)] == ["port.usable", "port.slow"]
    timer.write_text("1\n", "utf-8")
    assert [one.key for one in ports(None)] == ["port.usable", "port.quick"]
    monkeypatch.setattr(doctor, "serial_ports", lambda: ())
    assert [one.key for one in ports(None)] == ["port.none"]


def _sample_of(station: str) -> str:
    text = SAMPLE.read_text("utf-8")
    return text.replace(tomllib.loads(text)["station"]["id"], station)


def test_a_machine_is_swapped_and_the_code_opens_once(tmp_path: Path) -> None:
    """Backed up beside the running daemon; the new machine opens what was not opened, and only once."""
    out = tmp_path / "backup.tar.gz"

    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        house.secrets.save(house.folder / "secrets.json")
        ours = tmp_path / "old.toml"
        ours.write_text(_sample_of(house.secrets.station_id), "utf-8")
        with job_in(house.folder) as job:
            assert await backup_step(job, out, ours)
        assert out.stat().st_mode & 0o077 == 0
        await house.cut()
        new, settings = tmp_path / "new", tmp_path / "etc/station.toml"
        settings.parent.mkdir()
        with job_in(new) as job:
            assert await restore_step(job, out, settings)
        assert settings.read_bytes() == ours.read_bytes()
        assert StationSecrets.load(new / "secrets.json") == house.secrets
        old_install = house.folder
        house.folder = new
        await house.boot(new_machine_boot=True)
        await house.hear_hub()
        assert house.events("storage.damaged") == []
        pulses = house.pulses
        await house.edge.pickup.submit(CODE)
        await house.until(Step.OPEN)
        assert house.pulses == pulses + 1
        assert (old_install / "state.db").exists()
        with pytest.raises(ConflictError), job_in(old_install) as job:
            await restore_step(job, out, None)

    (tmp_path / "old").mkdir()
    in_house(tmp_path / "old", body)


def test_an_empty_folder_makes_no_backup(tmp_path: Path) -> None:
    with pytest.raises(InvalidError), job_in(tmp_path / "empty") as job:
        asyncio.run(backup_step(job, tmp_path / "c.tar.gz", None))


def _learnt(unit: int, sensor: int) -> LearntDoor:
    return LearntDoor.model_validate(
        {
            "label": f"A{unit:02d}", "bus": "bus0", "unit": unit, "kind": "waveshare_8ch_d",
            "channel": 0, "sensor_unit": sensor, "sensor_kind": "waveshare_8ch_d",
            "sensor_channel": 0, "open_level": 1, "pulse_ms": 400, "latency_ms": 100, "at": "x",
        }
    )  # fmt: skip


def _record(port: str) -> Record:
    units = tuple(
        FoundUnit(unit=unit, kind=kind, sure="certain")
        for unit, kind in ((1, "waveshare_8ch_d"), (2, "waveshare_8ch_d"), (3, "xy_md02"))
    )
    cycles = tuple(DoorCycles(label=f"A0{n}", pulses=1, opened=1, shut=1) for n in (1, 2))
    return Record.model_validate(
        {
            "buses": [FoundBus(name="bus0", port=port, baud=9600, protocol="modbus", units=units)],
            "doors": [_learnt(1, 1), _learnt(2, 2)],
            "probes": [LearntProbe(zone="z", bus="bus0", unit=3, kind="xy_md02")],
            "tested": LastTest(at="x", technician="", doors=cycles, probes=()),
        }
    )


def test_a_swapped_board_keeps_its_doors_and_they_are_tried_again(tmp_path: Path) -> None:
    async def body(_technician: Technician, sim: Sim) -> None:
        data = tmp_path / "data"
        made = _record(str(sim.serial[0].link))
        with job_in(data) as job:
            job.keep(**{name: getattr(made, name) for name in Record.model_fields if name != "v"})
            assert await replace_step(job, "bus0/1", None)
            tested = load_record(data).tested
            assert tested is not None
            assert [one.label for one in tested.doors] == ["A02"]
            # board 2 is broken; the new one came with address 1 … which another device has
            with pytest.raises(ConflictError):
                await replace_step(job, "bus0/2", 1)
            with pytest.raises(ConflictError):
                await replace_step(job, "bus0/2", None)  # nothing answers there
            with pytest.raises(ConflictError):
                await replace_step(job, "bus0/2", 4)  # a probe
            with pytest.raises(InvalidError):
                await replace_step(job, "bus0/99", None)
            assert await replace_step(job, "bus0/3", 4)
        assert load_record(data).probes[0].unit == 4
        assert load_record(data).doors == (_learnt(1, 1), _learnt(2, 2))

    at_cabinet(tmp_path, small(), body)


def test_a_board_with_another_address_takes_its_doors_along(tmp_path: Path) -> None:
    config = small()
    board = config.board[0].model_copy(update={"unit": 7})
    moved = config.model_copy(
        update={
            "board": (board, *config.board[1:]),
            "door": tuple(door.model_copy(update={"board": 7}) for door in config.door),
        }
    )

    async def body(_technician: Technician, sim: Sim) -> None:
        made = _record(str(sim.serial[0].link))
        with job_in(tmp_path / "data") as job:
            job.keep(**{name: getattr(made, name) for name in Record.model_fields if name != "v"})
            assert await replace_step(job, "bus0/1", 7)
            doors = {door.label: (door.unit, door.sensor_unit) for door in job.record.doors}
            assert doors == {"A01": (7, 7), "A02": (2, 2)}
            await scan_step(job, wanted([str(sim.serial[0].link)], [], "1-8", 0.08))

    at_cabinet(tmp_path, moved, body)


async def test_a_device_is_paired_with_its_hub(hub: HubUnderTest, tmp_path: Path) -> None:
    data = tmp_path / "data"
    words = ("--hub", gateway(hub), "--token", await token(hub), "--data", str(data), "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linli", "provision", "enrol", *words, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    told = json.loads(out)
    record = json.loads(await asyncio.to_thread((data / "secrets.json").read_text))
    assert told["station"] == record["station_id"]
    assert record["private_key"] not in out.decode()
