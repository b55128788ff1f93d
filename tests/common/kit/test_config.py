"""Every mistake in a settings file is named with its file, line, key and remedy."""

from pathlib import Path
from typing import Self

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from common.kit.config import key_lines, load_toml
from common.kit.errors import ConfigError


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hub(Section):
    url: str = "http://127.0.0.1:8800"
    wait_s: float = Field(default=25.0, le=60, description="seconds a long-poll may be held")


class Bus(Section):
    name: str
    baud: int = 9600
    units: tuple[int, ...] = ()

    @field_validator("name")
    @classmethod
    def _short(cls, value: str) -> str:
        if len(value) > 8:
            raise ValueError("at most eight letters")
        return value


class Station(Section):
    hub: Hub = Hub()
    bus: list[Bus] = []

    @model_validator(mode="after")
    def _one_of_a_name(self) -> Self:
        if len({bus.name for bus in self.bus}) < len(self.bus):
            raise ValueError("two buses have the same name")
        return self


GOOD = """\
# a station
[hub]
url = "https://hub.example"

[[bus]]
name = "A"
units = [
    1,
    2,
]

[[bus]]
name = "B"
baud = 19200
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "station.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def complaint(path: Path, text: str, env: dict[str, str] | None = None) -> ConfigError:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_toml(Station, path, env or {})
    return caught.value


def test_reads_a_file_into_its_model(file: Path) -> None:
    subject = load_toml(Station, file, {})
    assert subject.hub.url == "https://hub.example"
    assert [(bus.name, bus.baud, bus.units) for bus in subject.bus] == [
        ("A", 9600, (1, 2)),
        ("B", 19200, ()),
    ]


def test_environment_wins_over_the_file(file: Path) -> None:
    env = {
        "LINLI_HUB__WAIT_S": "5",
        "LINLI_BUS__1__NAME": "C",
        "LINLI_BUS__0__UNITS": "[7, 8]",
        "LINLI_DATA": "/somewhere",
        "OTHER_HUB__URL": "http://not-ours",
    }
    subject = load_toml(Station, file, env)
    assert subject.hub.wait_s == 5.0
    assert subject.bus[1].name == "C"
    assert subject.bus[0].units == (7, 8)
    assert subject.hub.url == "https://hub.example"


def test_a_section_that_is_not_in_the_file_can_come_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.write_text("", encoding="utf-8")
    assert load_toml(Station, path, {"LINLI_HUB__URL": "http://x"}).hub.url == "http://x"


def test_unknown_key_names_line_and_nearest_key(file: Path) -> None:
    error = complaint(file, GOOD.replace("url =", "ulr ="))
    assert str(error) == f"{file} line 3: unknown key `hub.ulr`; did you mean `url`?"
    assert (error.key, error.params["line"]) == ("config.invalid", 3)


def test_unknown_key_without_a_near_one_lists_what_is_known(file: Path) -> None:
    error = complaint(file, "[hub]\nxxxxxxxx = 1\n")
    assert str(error) == f"{file} line 2: unknown key `hub.xxxxxxxx`; known here: url, wait_s"


def test_wrong_value_names_line_value_and_what_would_be_right(file: Path) -> None:
    error = complaint(file, GOOD.replace("19200", '"fast"'))
    assert str(error).startswith(f"{file} line 14: `bus.1.baud` = 'fast': Input should be a valid ")
    error = complaint(file, "\n\n[hub]\nwait_s = 61\n")
    assert "line 4: `hub.wait_s` = 61: Input should be less than or equal to 60" in str(error)
    assert str(error).endswith("(seconds a long-poll may be held)")


def test_missing_key_points_at_its_table(file: Path) -> None:
    error = complaint(file, "[hub]\n\n[[bus]]\nbaud = 9600\n")
    assert str(error) == f"{file} line 3: `bus.0.name` is missing"


def test_a_models_own_words_come_through(file: Path) -> None:
    error = complaint(file, GOOD.replace('"B"', '"much-too-long"'))
    assert str(error) == f"{file} line 13: `bus.1.name` = 'much-too-long': at most eight letters"


def test_what_concerns_the_whole_file_names_the_file(file: Path) -> None:
    error = complaint(file, GOOD.replace('"B"', '"A"'))
    assert str(error) == f"{file}: two buses have the same name"


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    error = complaint(file, "[hub]\na = 1\nwait_s = 99\n")
    assert len(str(error).splitlines()) == 2


def test_a_wrong_value_from_the_environment_names_the_variable(file: Path) -> None:
    error = complaint(file, GOOD, {"LINLI_HUB__WAIT_S": "long"})
    assert str(error).startswith("environment LINLI_HUB__WAIT_S: `hub.wait_s` = 'long':")


def test_an_unknown_key_in_a_known_section_of_the_environment_is_refused(file: Path) -> None:
    error = complaint(file, GOOD, {"LINLI_HUB__WAIT": "5"})
    assert "did you mean `wait_s`?" in str(error)


def test_an_index_beyond_the_list_is_refused(file: Path) -> None:
    error = complaint(file, GOOD, {"LINLI_BUS__9__NAME": "Z"})
    assert str(error) == "LINLI_BUS__9__NAME: bus.9.name does not exist"


def test_a_foreign_section_in_the_environment_is_said_and_ignored(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_toml(Station, file, {"LINLI_CABINET__ID": "1"})
    assert "LINLI_CABINET__ID is ignored" in caplog.text


def test_broken_toml_and_missing_files_are_named(file: Path, tmp_path: Path) -> None:
    assert "not TOML" in str(complaint(file, "[hub\n"))
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_toml(Station, tmp_path / "none.toml", {})
    file.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match=r"not UTF-8 text \(byte 5\)"):
        load_toml(Station, file, {})


def test_lines_of_nested_and_multi_line_values() -> None:
    lines = key_lines(
        'top = """\n[hub]\n"""\n[a.b]\nc.d = {e = 1}\n'
        "[[x]]\n[x.y]\nz = 1\n[[x]]\n[[x.w]]\nv = [\n1]\n"
    )
    assert lines[("top",)] == 1
    assert lines[("a", "b", "c", "d", "e")] == 5
    assert lines[("x", 0, "y", "z")] == 8
    assert lines[("x", 1, "w", 0, "v", 0)] == 11
    assert ("hub",) not in lines
