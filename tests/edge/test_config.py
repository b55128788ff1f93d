"""Settings that would be found out only at a door, or not at all: refused before the station starts."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from common.contract.events import MOST_PLACES
from edge.config import StationConfig
from edge.hardware.build import PROBE_DRIVERS
from edge.hardware.lock_drivers import LOCK_DRIVERS, SPEECHES
from edge.instruments import OWN_PROBE_DRIVERS
from firmware_protocols.lock_boards import LOCK_BOARDS, LineProtocol, LockKind
from tests.edge.cable import station_config


def _refused(**sections: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        StationConfig.model_validate(station_config().model_dump() | sections)
    return str(refused.value)


def _doors(**first: Any) -> list[dict[str, Any]]:
    doors = [part.model_dump() for part in station_config().compartment]
    return [doors[0] | first, *doors[1:]]


def test_a_channel_the_board_does_not_have_is_refused() -> None:
    assert "has the channels 0 to 7, not 8" in _refused(compartment=_doors(channel=8))


def test_two_doors_on_one_relay_are_refused() -> None:
    second = station_config().compartment[1]
    shared = _refused(compartment=_doors(unit=second.unit, channel=second.channel))
    assert f"share unit {second.unit} channel {second.channel}" in shared


def test_two_doors_of_one_label_are_refused_and_named() -> None:
    second = station_config().compartment[1]
    assert f"has the label {second.label}" in _refused(compartment=_doors(label=second.label))


def test_a_unit_that_is_a_board_and_a_probe_is_refused() -> None:
    config = station_config()
    first = config.compartment[0]
    zones = [zone.model_dump() for zone in config.zone]
    zones[0]["probe_unit"] = first.unit
    said = _refused(zone=zones)
    assert f"unit {first.unit} on bus 'bus0' is the relay board of {first.label}" in said
    assert f"the probe of zone {config.zone[0].name!r}" in said
    another_bus = {"name": "bus1", "port": "tcp://127.0.0.1:5020"}
    zones[0]["probe_bus"] = "bus1"
    buses = [bus.model_dump() for bus in config.bus]
    parts = config.model_dump() | {"zone": zones, "bus": [*buses, another_bus]}
    assert StationConfig.model_validate(parts).zone[0].probe_unit == first.unit


def test_every_kind_of_lock_board_has_facts_and_a_driver_every_protocol_a_speech() -> None:
    assert set(LOCK_BOARDS) == set(LOCK_DRIVERS) == set(get_args(LockKind))
    assert set(SPEECHES) == set(LineProtocol)


def test_an_old_file_means_the_8ch_d() -> None:
    doors = _doors()
    for door in doors:
        for key in ("board_kind", "sensor_kind", "sensor_unit", "sensor_channel"):
            del door[key]
    parts = station_config().model_dump() | {"compartment": doors}
    assert StationConfig.model_validate(parts) == station_config()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"board_kind": "no_such_board"}, "'waveshare_8ch_d'"),
        ({"unit": 0}, "compartment A01: a waveshare_8ch_d has an address of 1 to 247, not 0"),
        (
            {"pulse_ms": 450},
            "compartment A01: a waveshare_8ch_d times its pulse in steps of 100 ms",
        ),
        ({"sensor_unit": 0}, "compartment A01: a waveshare_8ch_d has an address of 1 to 247"),
        ({"sensor_channel": 8}, "compartment A01: a waveshare_8ch_d has the inputs 0 to 7, not 8"),
        ({"sensor_unit": 2, "sensor_channel": 3}, "A01 and B04 share unit 2 input 3"),
        (
            {"sensor_unit": 3},
            "unit 3 on bus 'bus0' is the relay board of A01 and the probe of zone",
        ),
    ],
)
def test_a_door_that_no_board_can_open_or_sense_is_refused(
    changed: dict[str, Any], said: str
) -> None:
    assert said in _refused(compartment=_doors(**changed))


def test_what_a_bus_speaks_follows_from_its_boards() -> None:
    config = station_config()
    assert config.protocol_of("bus0") is LineProtocol.MODBUS
    doors = [
        door | {"bus": "locks", "board_kind": "wkly", "unit": 0, "channel": place}
        for place, door in enumerate(_doors())
    ]
    buses = [{"name": name, "port": f"/dev/{name}"} for name in ("bus0", "locks")]
    parts = config.model_dump() | {"compartment": doors, "bus": buses}
    subject = StationConfig.model_validate(parts)
    assert subject.protocol_of("locks") is LineProtocol.WKLY
    assert subject.protocol_of("bus0") is LineProtocol.MODBUS


def test_every_kind_of_probe_has_a_driver() -> None:
    assert set(PROBE_DRIVERS) == set(OWN_PROBE_DRIVERS)


def test_a_probe_without_a_driver_is_refused_with_those_that_have_one() -> None:
    zones = [zone.model_dump() for zone in station_config().zone]
    zones[0]["probe_kind"] = "no_such_probe"
    assert "there is no driver for 'no_such_probe'" in _refused(zone=zones)
    zones[0]["probe_kind"] = "r4dcb80"
    assert "did you mean 'r4dcb08'?" in _refused(zone=zones)


def test_two_buses_or_zones_of_one_name_are_refused() -> None:
    config = station_config()
    for section in ("bus", "zone"):
        rows = [row.model_dump() for row in getattr(config, section)]
        assert "the same name" in _refused(**{section: [*rows, rows[0]]})


def test_no_station_has_more_doors_or_zones_than_a_hub_reads() -> None:
    config = station_config()
    for section in ("compartment", "zone"):
        row = getattr(config, section)[0].model_dump()
        said = _refused(**{section: [row] * (MOST_PLACES + 1)})
        assert f"at most {MOST_PLACES} items" in said


def test_a_name_that_stands_nowhere_is_refused_with_those_that_do() -> None:
    assert "there are [" in _refused(compartment=_doors(bus="nowhere"))
    assert "there are [" in _refused(compartment=_doors(zone="nowhere"))


def test_a_wedge_has_no_port_and_every_other_scanner_one() -> None:
    assert "a wedge has no `port`" in _refused(scanner={"kind": "wedge", "port": "/dev/x"})
    assert "a gm65 needs a `port`" in _refused(scanner={})


def test_two_devices_on_one_port_are_refused_and_named() -> None:
    scale = {"port": "/dev/x", "capacity_g": 30_000, "division_g": 10}
    said = _refused(scanner={"port": "/dev/x"}, scale=scale)
    assert "[scanner] and [scale] have the same port /dev/x" in said
    said = _refused(scanner={"port": "/dev/sim"})
    assert "bus 'bus0' and [scanner] have the same port /dev/sim" in said


def test_only_a_toledo_scale_has_a_checksum_and_a_minimum_is_twenty_divisions() -> None:
    about = {"port": "/dev/x", "capacity_g": 30_000, "division_g": 10}
    assert "a cas scale has no `checksum`" in _refused(
        scale={**about, "kind": "cas", "checksum": True}
    )
    made = StationConfig.model_validate(station_config().model_dump() | {"scale": about})
    assert made.scale is not None
    assert made.scale.minimum_mg == 200_000
    assert made.scale.model_copy(update={"minimum_g": 50.0}).minimum_mg == 50_000


FLAP: dict[str, Any] = {"label": "R01", "bus": "bus0", "unit": 9, "channel": 0}


def test_a_flap_hangs_like_a_door_and_is_none_for_parcels() -> None:
    made = StationConfig.model_validate(station_config().model_dump() | {"flap": [FLAP]})
    assert [part.label for part in made.flap] == ["R01"]
    assert "R01" not in [part.label for part in made.compartment]
    assert made.doors_wired[-1].label == "R01"


@pytest.mark.parametrize(
    ("flap", "said"),
    [
        ({"label": "A01"}, "more than one compartment has the label A01"),
        ({"unit": 1}, "share unit 1 channel 0"),
        ({"unit": 3}, "unit 3 on bus 'bus0' is the relay board of R01"),
        ({"board_kind": "wkly"}, "speaks"),
        ({"bus": "bus9"}, "names bus 'bus9'"),
        ({"channel": 8}, "R01"),
    ],
)
def test_a_flap_takes_nothing_from_a_door(flap: dict[str, Any], said: str) -> None:
    assert said in _refused(flap=[FLAP | flap])


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        ({"unit": 7}, "senses no door of this station"),
        ({"channel": 0}, "shares input 0 with R01"),
        ({"channel": 8}, "fill level 'bottles'"),
    ],
)
def test_a_fill_level_needs_a_spare_input(fill: dict[str, Any], said: str) -> None:
    good = {"name": "bottles", "bus": "bus0", "unit": 9, "channel": 7}
    assert said in _refused(flap=[FLAP], fill=[good | fill])
    twice = [good, good | {"name": "paper"}]
    assert "shares input 7 with bottles" in _refused(flap=[FLAP], fill=twice)
    kept = station_config().model_dump() | {"flap": [FLAP], "fill": [good]}
    assert StationConfig.model_validate(kept).fill[0].full_level == 1


def test_a_flaps_board_is_no_other_device() -> None:
    device = {"name": "meter", "bus": "bus0", "unit": 9, "kind": "pzem_016"}
    assert "unit 9 on bus 'bus0'" in _refused(flap=[FLAP], device=[device])
