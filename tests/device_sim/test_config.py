"""The cabinet file: the demo's own, and mistakes with their line and remedy."""

from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from common.kit.errors import ConfigError
from device_sim.cabinet import LOCK_BOARD_MAKERS, PROBE_BOARDS
from device_sim.config import ProbeKind, load
from firmware_protocols.lock_boards import LockKind
from tests.device_sim.cabinets import CABINET_FILE


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = CABINET_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "cabinet.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        load(path, {})
    return refused.value.detail


def test_the_demo_cabinet() -> None:
    read = load(CABINET_FILE, {})
    assert [door.label for door in read.door] == [
        f"{side}{number:02d}" for side in "AB" for number in range(1, 9)
    ]
    assert {(door.board, door.zone) for door in read.door} == {(1, "chilled"), (2, "ambient")}
    assert {door.channel for door in read.door if door.board == 1} == set(range(8))
    assert Counter(door.size for door in read.door) == {"S": 4, "M": 8, "L": 4}
    assert [bus.baud for bus in read.bus] == [9600]


def test_every_kind_of_lock_board_has_a_board() -> None:
    assert set(LOCK_BOARD_MAKERS) == set(get_args(LockKind))


def test_every_kind_of_probe_has_a_board() -> None:
    assert set(PROBE_BOARDS) == set(get_args(ProbeKind))


def test_a_kind_nobody_knows_is_named_with_those_there_are(tmp_path: Path) -> None:
    said = refusal(changed(tmp_path, 'kind = "xy_md02"', 'kind = "no_such_probe"'))
    assert "line 53: `board.2.kind` = 'no_such_probe': " in said
    assert "there is no board 'no_such_probe'; there are waveshare_8ch_d, " in said
    assert "xy_md02" in said
    near = refusal(changed(tmp_path, 'kind = "xy_md02"', 'kind = "r4dcb80"'))
    assert "did you mean 'r4dcb08'?" in near


def test_a_probe_hangs_in_a_zone_that_is_there(tmp_path: Path) -> None:
    nowhere = 'kind = "r4dcb08"\nzones = ["chilled", "nowhere"]'
    assert "names zone 'nowhere'" in refusal(changed(tmp_path, 'kind = "xy_md02"', nowhere))


def test_no_two_things_stand_in_the_same_place() -> None:
    read = load(CABINET_FILE, {})
    cells = [
        (column, row)
        for one in [*read.door, read.screen]
        for column in range(one.column, one.column + one.width)
        for row in range(one.row, one.row + one.height)
    ]
    assert len(cells) == len(set(cells))


def test_an_unknown_key_is_named_with_line_and_neighbour(tmp_path: Path) -> None:
    said = refusal(changed(tmp_path, "ambient_c = 24.0", "ambientc = 24.0"))
    assert "line 9" in said
    assert "ambientc" in said
    assert "ambient_c" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('label = "A02"', 'label = "A01"', "door label 'A01' is given twice"),
        ("board = 1\nchannel = 1", "board = 1\nchannel = 0", "(1, 0) is given twice"),
        ("board = 1\nchannel = 1", "board = 3\nchannel = 1", "relay board 3"),
        (
            'unit = 3\nzone = "chilled"',
            'unit = 3\nzone = "cool"',
            "'cool'; there are ambient, chilled",
        ),
        ('unit = 3\nzone = "chilled"', "unit = 3", "zone None"),
        ('bus = "bus0"\nunit = 2', 'bus = "bus1"\nunit = 2', "'bus1'; there are bus0"),
        ("unit = 2", "unit = 1", "board unit 1 is given twice"),
        ('[[zone]]\nname = "ambient"', '[[zone]]\nname = "chilled"', "zone name 'chilled'"),
        ("channel = 7", "channel = 8", "door A08: a waveshare_8ch_d has the channels 0 to 7"),
        ("unit = 4", "unit = 0", "a xy_md02 has an address of 1 to 247"),
        ("channel = 0\n", "channel = 0\nsensor_board = 3\n", "door A01 names relay board 3"),
        (
            "channel = 0\n",
            "channel = 0\nsensor_channel = 8\n",
            "door A01: a waveshare_8ch_d has the inputs 0 to 7",
        ),
        (
            "channel = 0\n",
            "channel = 0\nsensor_channel = 1\n",
            "board and input of a door (1, 1) is given twice",
        ),
        ('size = "S"', 'size = "XL"', "'S', 'M' or 'L'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in refusal(changed(tmp_path, old, new))


def test_a_line_speaks_one_protocol(tmp_path: Path) -> None:
    path = changed(tmp_path, 'kind = "waveshare_8ch_d"', 'kind = "wkly"')
    assert "the boards on bus 'bus0' speak modbus and wkly" in refusal(path)


def test_a_door_is_sensed_on_the_line_that_opens_it(tmp_path: Path) -> None:
    text = CABINET_FILE.read_text(encoding="utf-8")
    text = text.replace(
        '[[zone]]\nname = "chilled"', '[[bus]]\nname = "bus1"\n\n[[zone]]\nname = "chilled"', 1
    )
    text = text.replace('bus = "bus0"\nunit = 2', 'bus = "bus1"\nunit = 2', 1)
    for label, other in (("A01", 2), ("B01", 1)):  # crossed, so that no input is named twice
        text = text.replace(
            f'label = "{label}"\n', f'label = "{label}"\nsensor_board = {other}\n', 1
        )
    path = tmp_path / "cabinet.toml"
    path.write_text(text, encoding="utf-8")
    assert "door A01 is opened on bus 'bus0' and sensed elsewhere" in refusal(path)


def test_only_one_bus_can_be_tcp(tmp_path: Path) -> None:
    second = '[[bus]]\nname = "bus1"\ntcp = true\n\n[[zone]]\nname = "chilled"'
    path = changed(tmp_path, '[[zone]]\nname = "chilled"', second)
    assert "only one bus" in refusal(path)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    assert "no.toml" in refusal(tmp_path / "no.toml")


def test_the_environment_overrides() -> None:
    assert load(CABINET_FILE, {"LINLI_CABINET__CLOCK_FACTOR": "60"}).cabinet.clock_factor == 60
