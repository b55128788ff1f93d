"""`config` writes nothing that hangs on other boards than were learnt, and names settings that are not there."""

import asyncio
from pathlib import Path

import pytest

from common.kit.errors import ConflictError, InvalidError
from provisioning.configuring import Choices, config_step
from provisioning.record import DrawnDoor, DrawnZone, LearntDevice
from provisioning.station_file import station_record
from tests.provisioning.site import job_in
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
