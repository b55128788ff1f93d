"""The station file made from a cabinet file is one the daemon takes, with the same doors in the same places."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from common.contract.words import TemperatureClass
from common.kit.config import load_toml
from common.kit.errors import ConfigError
from device_sim.config import BoardSection, CabinetConfig, load
from edge.config import StationConfig
from linli.demo.ports import Ports
from linli.demo.prepare import Site, require_station
from linli.demo.station_file import station_toml
from provisioning.limits import temperature_class
from tests.device_sim.cabinets import profile_cabinet
from tests.parts import ROOT

STATION_ID = "01K0YANGGVANG0000000000003"
CABINET = ROOT / "cabinets" / "yangguangli-3.toml"


def test_the_daemon_takes_it(tmp_path: Path) -> None:
    cabinet = load(CABINET, os.environ)
    text = station_toml(
        cabinet, station_id="01K0YANGGVANG0000000000003", ports=Ports.from_base(8800), ptys=tmp_path
    )
    (tmp_path / "station.toml").write_text(text, encoding="utf-8")
    subject = load_toml(StationConfig, tmp_path / "station.toml", {})
    places = {(part.label, part.column, part.row) for part in subject.compartment}
    assert places == {(door.label, door.column, door.row) for door in cabinet.door}
    assert subject.screen.kiosk_port == 8810
    assert subject.bus[0].port == str(tmp_path / "bus0")


def test_with_tls_it_goes_to_the_other_port(tmp_path: Path) -> None:
    cabinet, ports = load(CABINET, os.environ), Ports.from_base(8800)
    station_id = "01K0YANGGVANG0000000000003"
    text = station_toml(cabinet, station_id=station_id, ports=ports, ptys=tmp_path, tls=True)
    assert 'url = "https://127.0.0.1:8801"' in text


@pytest.mark.parametrize(
    "file", sorted((ROOT / "cabinets").glob("*.toml")), ids=lambda one: one.stem
)
def test_every_cabinet_that_ships_makes_a_station(file: Path, tmp_path: Path) -> None:
    cabinet = load(file, {})
    (tmp_path / "station.toml").write_text(_text(cabinet), encoding="utf-8")
    subject = load_toml(StationConfig, tmp_path / "station.toml", {})
    kinds = {board.unit: board.kind for board in cabinet.board}
    assert [part.board_kind for part in subject.compartment] == [
        kinds[d.board] for d in cabinet.door if not d.flap
    ]
    assert {zone.temperature_class for zone in subject.zone} >= {
        TemperatureClass.CHILLED, TemperatureClass.AMBIENT
    }  # fmt: skip


def _text(cabinet: CabinetConfig) -> str:
    return station_toml(
        cabinet, station_id="01K0YANGGVANG0000000000003", ports=Ports.from_base(8800), ptys=Path()
    )


def test_a_probe_without_a_driver_is_named_with_those_that_have_one() -> None:
    cabinet = load(CABINET, os.environ)
    boards = [
        BoardSection.model_construct(**dict(board) | {"kind": "no_such_probe"})
        if board.unit == 4
        else board
        for board in cabinet.board
    ]
    with pytest.raises(ConfigError) as said:
        _text(cabinet.model_copy(update={"board": tuple(boards)}))
    place = next(n for n, board in enumerate(boards) if board.unit == 4)
    assert said.value.detail.startswith(f"`board.{place}.kind` = 'no_such_probe': ")
    assert said.value.detail.endswith("it has 'xy_md02'")


def test_a_zone_without_a_probe_is_named() -> None:
    cabinet = load(CABINET, os.environ)
    boards = tuple(board for board in cabinet.board if board.unit != 4)
    with pytest.raises(ConfigError) as said:
        _text(cabinet.model_copy(update={"board": boards}))
    assert "zone 'ambient' has no probe" in said.value.detail


@pytest.mark.parametrize(
    ("set_point_c", "kind"), [(None, "ambient"), (20, "ambient"), (4, "chilled"), (-18, "frozen")]
)
def test_a_zones_class_follows_its_set_point(set_point_c: float | None, kind: str) -> None:
    assert temperature_class(set_point_c) is TemperatureClass(kind)


def test_the_recycling_box_keeps_its_flaps_and_devices(tmp_path: Path) -> None:
    cabinet = load(ROOT / "cabinets" / "lvyuan-6.toml", {})
    (tmp_path / "station.toml").write_text(_text(cabinet), encoding="utf-8")
    subject = load_toml(StationConfig, tmp_path / "station.toml", {})
    assert [flap.label for flap in subject.flap] == ["R01", "R02"]
    assert [(fill.name, fill.unit, fill.channel) for fill in subject.fill] == [
        ("bottles", 2, 6), ("textiles", 2, 7),
    ]  # fmt: skip
    assert subject.scanner is not None
    assert subject.scanner.port == "scanner"
    assert subject.scale is not None
    assert (subject.scale.kind, subject.scale.checksum, subject.scale.bits) == ("toledo", True, 8)
    assert subject.card_reader is not None
    assert subject.printer is not None
    assert subject.camera is not None
    assert subject.camera.source == "http://127.0.0.1:8821/stream.mjpg"
    assert (subject.camera.width_px, subject.camera.height_px) == (1280, 720)


def test_a_cameras_name_and_password_are_in_its_address(tmp_path: Path) -> None:
    secrets = {"LINLI_CAMERA__USER": "lens", "LINLI_CAMERA__PASSWORD": "a/b@c"}
    cabinet = load(ROOT / "cabinets" / "lvyuan-6.toml", secrets)
    (tmp_path / "station.toml").write_text(_text(cabinet), encoding="utf-8")
    subject = load_toml(StationConfig, tmp_path / "station.toml", {})
    assert subject.camera is not None
    assert subject.camera.source == "http://lens:a%2Fb%40c@127.0.0.1:8821/stream.mjpg"


def test_a_scale_on_a_bus_has_its_section(tmp_path: Path) -> None:
    board = {"kind": "weigh_v380", "unit": 9, "capacity_g": 15_000, "division_g": 5}
    probes = {"kind": "r4dcb08", "unit": 7, "zones": ["frozen", "chilled"]}
    (tmp_path / "station.toml").write_text(_text(profile_cabinet(probes, board)), encoding="utf-8")
    subject = load_toml(StationConfig, tmp_path / "station.toml", {})
    assert subject.scale is not None
    assert (subject.scale.kind, subject.scale.place) == ("weigh_v380", ("bus1", 9))
    assert (subject.scale.capacity_g, subject.scale.division_g) == (15_000, 5)
    assert subject.device == ()


def _own(folder: Path) -> Site:
    """Return a demo on other ports with settings of somebody's own."""
    text = station_toml(
        load(CABINET, os.environ), station_id=STATION_ID, ports=Ports.from_base(8800), ptys=folder
    )
    (folder / "station.toml").write_text(text, encoding="utf-8")
    return Site(folder, Ports.from_base(9800), CABINET, folder / "station.toml")


def test_settings_of_another_station_are_named_before_anything_starts(tmp_path: Path) -> None:
    site = _own(tmp_path)
    require_station(site, STATION_ID)
    with pytest.raises(ConfigError, match="provision config --station-id 01K0OTHER"):
        require_station(site, "01K0OTHER00000000000000003")


def test_settings_of_somebodys_own_run_on_the_ports_of_the_demo(tmp_path: Path) -> None:
    site = _own(tmp_path)
    settings = load_toml(StationConfig, site.station_file, site.station_environment())
    assert (settings.screen.kiosk_port, settings.screen.keeper_port) == (9810, 9811)
    assert settings.hub.url == "http://127.0.0.1:9800"
    by_tls = replace(site, tls=True).station_environment()
    assert by_tls["LINLI_HUB__URL"] == "https://127.0.0.1:9801"
