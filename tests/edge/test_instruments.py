"""What `station.toml` may say about devices on a profile, and what is refused before the start."""

from typing import Any

import pytest
from pydantic import ValidationError

from edge.config import StationConfig
from tests.device_sim.cabinets import profile_cabinet
from tests.edge.hardware.lock_bench import station_of

MODULE: dict[str, object] = {"kind": "r4dcb08", "unit": 7, "zones": ["frozen", "chilled"]}
CAREL: dict[str, object] = {"kind": "carel_ir33", "unit": 9, "zone": "chilled"}
DEVICE = {"name": "fridge", "kind": "carel_ir33", "bus": "bus1", "unit": 9, "zone": "chilled"}


def station() -> StationConfig:
    return station_of(profile_cabinet(MODULE, CAREL))


def refused(**sections: Any) -> str:
    with pytest.raises(ValidationError) as said:
        StationConfig.model_validate(station().model_dump() | sections)
    return str(said.value)


def zones(**first: Any) -> list[dict[str, Any]]:
    rows = [zone.model_dump() for zone in station().zone]
    return [rows[0] | first, *rows[1:]]


def test_a_file_without_devices_means_what_it_meant() -> None:
    bare = station().model_dump()
    del bare["device"]
    assert StationConfig.model_validate(bare).device == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": "carel_ir3"}, "there is no profile for 'carel_ir3'; did you mean 'carel_ir33'?"),
        ({"kind": "xy_md02"}, "there is no profile for 'xy_md02'"),
        ({"bus": "nowhere"}, "names bus 'nowhere'"),
        ({"zone": "nowhere"}, "names zone 'nowhere'"),
        ({"unit": 7}, "unit 7 on bus 'bus1' is named as r4dcb08 and as carel_ir33"),
        ({"unit": 20, "bus": "locks"}, "speaks modbus and wkly"),
        ({"unit": 0}, "greater than or equal to 1"),
        ({"sample_s": 1}, "greater than or equal to 5"),
    ],
)
def test_devices_that_cannot_be(changed: dict[str, Any], said: str) -> None:
    assert said in refused(device=[DEVICE | changed])


def test_two_devices_of_one_name() -> None:
    assert "two devices are called 'fridge'" in refused(device=[DEVICE, DEVICE])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"probe_channel": 8}, "has the probe channels 0, 1, 2, 3, 4, 5, 6, 7, not 8"),
        ({"probe_channel": 1}, "zones 'frozen' and 'chilled' share channel 1"),
        ({"probe_kind": "xy_md02", "probe_unit": 30, "probe_channel": 1}, "not 1"),
        ({"probe_kind": "pzem_016", "probe_unit": 30}, "a pzem_016 measures no air"),
    ],
)
def test_probes_that_cannot_be(changed: dict[str, Any], said: str) -> None:
    assert said in refused(zone=zones(**changed))


def test_a_bus_that_is_less_patient_than_the_device() -> None:
    buses = [bus.model_dump() | {"timeout_s": 0.1} for bus in station().bus]
    said = refused(bus=buses)
    assert (
        "a r4dcb08 may take 300 ms for an answer, `timeout_s` of bus 'bus1' gives it 100 ms" in said
    )


def test_one_unit_may_be_the_probe_of_a_zone_and_a_device() -> None:
    subject = station_of(profile_cabinet(CAREL | {"zone": "frozen"}, CAREL | {"unit": 10}))
    assert [zone.probe_unit for zone in subject.zone] == [device.unit for device in subject.device]


SCALE: dict[str, Any] = {
    "kind": "weigh_v380", "bus": "bus1", "unit": 30, "capacity_g": 30_000, "division_g": 10,
}  # fmt: skip


def test_a_scale_hangs_on_a_port_or_on_a_bus() -> None:
    subject = StationConfig.model_validate(station().model_dump() | {"scale": SCALE}).scale
    assert subject is not None
    assert subject.place == ("bus1", 30)
    on_port = {key: value for key, value in SCALE.items() if key not in ("kind", "bus", "unit")}
    subject = StationConfig.model_validate(
        station().model_dump() | {"scale": {**on_port, "port": "/dev/x"}}
    ).scale
    assert subject is not None
    assert subject.place is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": "weigh_v38"}, "there is no scale for 'weigh_v38'; did you mean 'weigh_v380'?"),
        ({"kind": "pzem_016"}, "[scale]: a pzem_016 weighs nothing"),
        ({"port": "/dev/x"}, "a weigh_v380 hangs on a bus and has no `port` of its own"),
        ({"baud": 19200}, "a weigh_v380 hangs on a bus and has no `baud` of its own"),
        ({"parity": "even"}, "a weigh_v380 hangs on a bus and has no `parity` of its own"),
        ({"unit": None}, "a weigh_v380 hangs on a bus: give its `bus` and `unit`"),
        ({"bus": ""}, "a weigh_v380 hangs on a bus: give its `bus` and `unit`"),
        ({"kind": "cas"}, "a cas scale needs a `port`, and no `bus` and `unit`"),
        (
            {"kind": "cas", "port": "/dev/x"},
            "a cas scale needs a `port`, and no `bus` and `unit`",
        ),
        ({"unit": 248}, "less than or equal to 247"),
        ({"bus": "nowhere"}, "[scale] names bus 'nowhere'"),
        ({"bus": "locks"}, "speaks modbus and wkly"),
        ({"unit": 7}, "unit 7 on bus 'bus1' is named as r4dcb08 and as weigh_v380, by [scale]"),
        ({"unit": 9}, "unit 9 on bus 'bus1' is named as carel_ir33 and as weigh_v380, by [scale]"),
    ],
)
def test_scales_that_cannot_be(changed: dict[str, Any], said: str) -> None:
    assert said in refused(scale=SCALE | changed)


def test_a_scale_is_no_device_and_its_bus_is_patient() -> None:
    device = DEVICE | {"kind": "weigh_v380", "unit": 31}
    assert "a weigh_v380 is a scale, and that is named in [scale]" in refused(device=[device])
    modest = {"bus": "bus2", "unit": 5}
    buses = [bus.model_dump() for bus in station().bus]
    fast = buses[0] | {"name": "bus2", "port": "/dev/y", "timeout_s": 0.2}
    said = refused(bus=[*buses, fast], scale=SCALE | modest)
    assert "[scale]: a weigh_v380 may take 300 ms for an answer" in said
