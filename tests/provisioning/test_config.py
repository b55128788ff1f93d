"""`config` writes nothing that hangs on other boards than were learnt, and names settings that are not there."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from common.kit.config import load_toml
from common.kit.errors import ConflictError, InvalidError
from edge.config import StationConfig
from edge.peripherals import CameraSection
from firmware_protocols.lock_boards import LineProtocol
from provisioning.configuring import Choices, config_step
from provisioning.record import DrawnDoor, DrawnZone, FoundBus, LearntDevice
from provisioning.station_file import station_record
from tests.provisioning.site import job_in, said
from tests.provisioning.test_lines import KNOWN, line

ZONE = DrawnZone(name="z", name_zh="常温", name_en="air")
DRAWN = KNOWN.with_(
    drawing=KNOWN.drawing.model_copy(
        update={
            "zone": (ZONE,),
            "door": tuple(
                DrawnDoor(label=label, zone="z", size="M", column=0, row=row)
                for row, label in enumerate(("A01", "B01"))
            ),
        }
    )
)


def test_doors_on_boards_that_are_not_there_any_more_are_not_written() -> None:
    assert [one["label"] for one in station_record(DRAWN, {}, {})["compartment"]] == ["A01", "B01"]
    other = line(1, name="bus0", kind="xor_8a80")
    with pytest.raises(ConflictError, match="bus0/1 was a wkly and is xor_8a80"):
        station_record(DRAWN.with_(buses=(other, DRAWN.buses[1])), {}, {})
    with pytest.raises(ConflictError, match="bus1/5 was a wkly and is not there"):
        station_record(DRAWN.with_(buses=DRAWN.buses[:1]), {}, {})


def test_settings_to_keep_that_are_not_there(tmp_path: Path) -> None:
    choices = Choices(tmp_path / "station.toml", base=tmp_path / "nosuch.toml")
    with job_in(tmp_path / "data") as job, pytest.raises(InvalidError, match="no such file"):
        asyncio.run(config_step(job, choices))


def test_a_new_section_is_written_where_it_stays_and_its_password_is_not_shown(
    tmp_path: Path,
) -> None:
    file = tmp_path / "station.toml"
    asked = "camera.source=rtsp://lens:hunter2@cam.lan/1"
    choices = Choices(file, station_id="01K0YANGGVANG0000000000003", also=(asked,))
    with job_in(tmp_path / "data") as job:
        bus = FoundBus(name="bus2", port="/dev/c", baud=9600, protocol=LineProtocol.MODBUS)
        (probe, *_) = DRAWN.probes
        probes = (probe.model_copy(update={"bus": "bus2"}),)
        job.record = DRAWN.with_(buses=(*DRAWN.buses, bus), probes=probes)
        assert not asyncio.run(config_step(job, replace(choices, diff=True)))
        assert asyncio.run(config_step(job, choices))
        assert asyncio.run(config_step(job, Choices(file, diff=True))), "nothing moves afterwards"
    lines = str(next(one for one in said(tmp_path / "data") if one.get("step") == "difference"))
    assert "rtsp://cam.lan/…" in lines
    assert "hunter2" not in lines
    assert load_toml(StationConfig, file, {}).camera == CameraSection(
        source=asked.partition("=")[2]
    )


SCALE = LearntDevice(
    name="scale-bus0-30", bus="bus0", unit=30, kind="weigh_v380", capacity_g=30_000, division_g=10
)
METER = LearntDevice(name="meter", bus="bus0", unit=31, kind="sdm120")
WRITTEN = {
    "kind": "weigh_v380", "bus": "bus0", "unit": 30, "capacity_g": 30_000.0, "division_g": 10.0,
}  # fmt: skip


def test_a_scale_on_a_bus_has_a_section_and_is_no_device() -> None:
    made = station_record(DRAWN.with_(devices=(SCALE, METER)), {}, {})
    assert made["scale"] == WRITTEN
    assert [one["name"] for one in made["device"]] == ["meter"]
    assert "device" not in station_record(DRAWN.with_(devices=(SCALE,)), {}, {})


def test_what_a_person_has_set_at_a_scale_stays() -> None:
    known = DRAWN.with_(devices=(SCALE,))
    tuned = {"scale": WRITTEN | {"minimum_g": 50.0, "capacity_g": 15_000.0}}
    assert station_record(known, tuned, {})["scale"] == tuned["scale"]
    other = {"scale": WRITTEN | {"unit": 29, "minimum_g": 50.0}}
    assert station_record(known, other, {})["scale"] == WRITTEN
    serial = {"scale": {"port": "/dev/x", "capacity_g": 1, "division_g": 1}}
    assert station_record(known, serial, {})["scale"] == serial["scale"]
