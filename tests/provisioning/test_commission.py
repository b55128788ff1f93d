"""From an unknown cabinet to a `station.toml` that a station opens doors with, by the command alone."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from common.kit.config import load_toml
from common.kit.identity import StationSecrets, public_key
from device_sim.app import Sim
from device_sim.faults import Jam
from edge.config import StationConfig
from edge.peripherals import CameraSection
from firmware_protocols.lock_boards import LineProtocol
from provisioning.record import LearntDoor, Record, load_record
from provisioning.station_file import station_record
from tests.edge.hardware.lock_bench import station_of
from tests.parts import ROOT, require
from tests.provisioning.site import at_cabinet
from tests.provisioning.small import drawing, small
from tests.provisioning.technician import Technician
from tests.system.test_demo import port_base

__all__ = ["port_base"]
STATION = "01K0YANGGVANG0000000000003"
pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


def layout(folder: Path) -> Path:
    path = folder / "layout.toml"
    path.write_text(drawing(small()), "utf-8")
    return path


async def scanned(technician: Technician, sim: Sim) -> None:
    ports = [word for port in sim.serial for word in ("--port", str(port.link))]
    assert await technician.run("scan", *ports, "--units", "0-5") == 0, technician.errors


def test_a_cabinet_is_learnt_tested_and_configured(tmp_path: Path) -> None:
    """Also: interrupted in the middle it goes on, and nothing is asked twice."""

    async def body(technician: Technician, sim: Sim) -> None:
        await scanned(technician, sim)
        learn = ("learn", "--cabinet", str(layout(tmp_path)))
        technician.answers_left = (
            4  # all shut, one door, shut it, the next door: then the terminal is gone
        )
        assert await technician.run(*learn) == 3
        assert [door.label for door in load_record(technician.data).doors] == ["A02"]
        technician.answers_left = None
        assert await technician.run(*learn) == 0, technician.errors
        assert [one["label"] for one in technician.steps("learnt")] == ["A03", "A01"]
        assert await technician.run("test", "--cycles", "2", "--technician", "李师傅") == 0
        station = tmp_path / "station.toml"
        config = ("config", "--out", str(station), "--station-id", STATION)
        camera = ("--set", "camera.source=rtsp://keeper:hunter2@cam.lan/1")
        assert await technician.run(*config, *camera) == 0, technician.errors
        assert not technician.steps("untested")
        assert await technician.run(*config, "--diff") == 0
        assert await technician.run(*config, "--check") == 0
        made = load_toml(StationConfig, station, {})
        wanted = station_of(small(), tmp_path / "sim")
        assert made.zone == wanted.zone
        assert made.camera == CameraSection(source="rtsp://keeper:hunter2@cam.lan/1")
        assert _doors(made) == _doors(wanted)
        assert [bus.port for bus in made.bus] == [str(sim.serial[0].link)]
        assert await technician.run("report", "--out", str(tmp_path / "unsigned.html")) == 1
        _pair(technician.data)
        report = tmp_path / "report.html"
        assert await technician.run("report", "--out", str(report)) == 0
        assert "李师傅" in report.read_text("utf-8")
        assert await technician.run("report", "--verify", str(report)) == 0
        assert await technician.run("report", "--verify", str(report), "--key", "00" * 32) == 1
        report.write_bytes(report.read_bytes().replace(b">A01<", b">A09<"))
        assert await technician.run("report", "--verify", str(report)) == 1
        assert "changed" in technician.errors
        assert await technician.run("report", "--verify", str(tmp_path / "unsigned.html")) == 1

    at_cabinet(tmp_path, small(), body)


def test_a_dead_channel_a_jammed_door_and_a_wrong_label(tmp_path: Path) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        await scanned(technician, sim)
        sim.cabinet.lay(Jam(kind="jam", target="A02"))
        asked: list[str] = []

        def special(question: dict[str, object]) -> str | None:
            if question["ask"] != "which_door":
                return None
            asked.append(str(question["channel"]))
            return {1: "Z99"}.get(len(asked))

        technician.special = special
        assert await technician.run("learn", "--cabinet", str(layout(tmp_path))) == 1
        assert len(technician.steps("no_such_label")) == 1
        assert technician.steps("summed_up")[0]["missing"] == ["A02"]
        record = load_record(technician.data)
        assert [(one.channel, one.why) for one in record.odd] == [
            (channel, "no_door") for channel in (0, 3, 4, 5, 6, 7)
        ]
        config = ("config", "--out", str(tmp_path / "s.toml"), "--station-id", STATION)
        assert await technician.run(*config) == 2
        assert "A02" in technician.errors
        sim.cabinet.free("A02")
        technician.special = None
        assert await technician.run("learn") == 1, "what was odd is not tried without --again"
        assert await technician.run("learn", "--again") == 0
        assert [door.label for door in load_record(technician.data).doors] == ["A03", "A01", "A02"]

    at_cabinet(tmp_path, small(), body)


def test_two_doors_at_one_pulse_are_never_configured(tmp_path: Path) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        await scanned(technician, sim)
        technician.special = lambda asked: (
            "+" if asked["ask"] == "which_door" and asked["channel"] == 0 else None
        )
        assert await technician.run("learn", "--cabinet", str(layout(tmp_path))) == 1
        assert technician.steps("two_doors")
        assert [one.why for one in load_record(technician.data).odd][:1] == ["two_doors"]
        assert load_record(technician.data).door("A02") is None

    at_cabinet(tmp_path, small(), body)


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "cabinets").glob("*.toml")))
@pytest.mark.timeout(600)
def test_every_cabinet_file_opens_in_the_demo(tmp_path: Path, port_base: int, name: str) -> None:
    """The whole promise: `sim run`, scan, learn, test, config, then `demo --check` with the file that came out."""
    from device_sim.config import load

    require("campaign")
    file = ROOT / f"cabinets/{name}.toml"

    async def body(technician: Technician, sim: Sim) -> None:
        # a port with one device that is no board (a scanner, a scale) is nothing for a scan
        lines = {bus.name for bus in sim.cabinet.buses}
        links = [port.link for port in sim.serial if port.link.name in lines]
        ports = [word for link in links for word in ("--port", str(link))]
        if name != "yangguangli-3":  # one whole scan is enough: 247 addresses take their time
            last = max(board.unit for board in sim.cabinet.config.board)
            ports += ["--units", f"0-{last + 3}"]
        assert await technician.run("scan", *ports) == 0, technician.errors
        assert await technician.run("learn", "--cabinet", str(file)) == 0, technician.errors
        assert await technician.run("test", "--cycles", "1") == 0, technician.errors
        settings = (f"screen.kiosk_port={port_base + 10}", f"screen.keeper_port={port_base + 11}")
        made = await technician.run(
            *("config", "--out", str(tmp_path / "station.toml"), "--station-id", STATION),
            *("--hub", f"http://127.0.0.1:{port_base}"),
            *(word for one in settings for word in ("--set", one)),
        )
        assert made == 0, technician.errors

    at_cabinet(tmp_path, load(file, {}), body)
    assert asyncio.run(_demo_check(tmp_path, file, port_base)) == 0


async def _demo_check(folder: Path, file: Path, base: int) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linli", "demo", "--check", "--cabinet", str(file),
        "--station", str(folder / "station.toml"), "--data", str(folder), "--port-base", str(base),
        env={name: value for name, value in os.environ.items() if not name.startswith("LINLI_")},
        cwd=ROOT,
    )  # fmt: skip
    return await process.wait()


def _doors(config: StationConfig) -> list[dict[str, object]]:
    """Return the doors by what they mean; a key that says the default says nothing."""
    return [
        {**door.model_dump(exclude={"bus", "sensor_kind", "sensor_unit", "sensor_channel"}),
         "sensed": (door.sensed_by, door.sensed_channel)}
        for door in config.compartment
    ]  # fmt: skip


def _pair(data: Path) -> str:
    secrets = StationSecrets(STATION, b"\1" * 32, b"\2" * 32, b"\3" * 16, b"\4" * 32)
    secrets.save(data / "secrets.json")
    return public_key(secrets.private_key).hex()


def test_a_flap_of_the_drawing_is_no_compartment() -> None:
    at = "2026-11-27T01:00:00Z"
    places = {"zone": "ambient", "size": "S", "column": 0}
    doors = [
        LearntDoor(
            label=label, bus="bus0", unit=1, kind="waveshare_8ch_d", channel=channel, sensor_unit=1,
            sensor_kind="waveshare_8ch_d", sensor_channel=channel, open_level=1, pulse_ms=400,
            latency_ms=60, at=at,
        )
        for channel, label in enumerate(("A01", "R01"))
    ]  # fmt: skip
    record = Record.model_validate(
        {
            "buses": [
                {
                    "name": "bus0",
                    "port": "/dev/x",
                    "baud": 9600,
                    "protocol": LineProtocol.MODBUS,
                    "units": [{"unit": 1, "kind": "waveshare_8ch_d"}],
                }
            ],
            "drawing": {
                "zone": [{"name": "ambient", "name_zh": "常温", "name_en": "ambient"}],
                "door": [
                    {"label": "A01", "row": 0, **places},
                    {"label": "R01", "row": 1, "flap": True, **places},
                ],
            },
            "doors": doors,
            "probes": [{"zone": "ambient", "bus": "bus0", "unit": 9, "kind": "xy_md02"}],
        }
    )
    made = station_record(record, {}, {"station.id": STATION})
    subject = StationConfig.model_validate(made)
    assert [part.label for part in subject.compartment] == ["A01"]
    assert [(flap.label, flap.channel) for flap in subject.flap] == [("R01", 1)]
