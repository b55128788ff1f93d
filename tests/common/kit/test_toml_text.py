"""What is written is what is read again."""

import tomllib

from common.kit.toml_text import toml_text


def test_a_settings_file_comes_back() -> None:
    record = {
        "data": "/var/lib/linli",
        "names": ["a", "b"],
        "none": [],
        "station": {"id": "01K0", "cabinet": '阳光里 "3" 号\\柜', "pair": {"a": 1, "b": [True]}},
        "bus": [{"name": "bus0", "baud": 9600, "local_echo": False}, {"name": "bus1"}],
        "hub": {"wait_s": 20.0},
    }
    assert tomllib.loads(toml_text(record)) == record


def test_none_is_left_out() -> None:
    assert tomllib.loads(toml_text({"a": None, "t": {"b": None, "c": 1}})) == {"t": {"c": 1}}
