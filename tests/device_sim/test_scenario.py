"""The scenario file: the examples, and mistakes named with their line and what would be right."""

from pathlib import Path

import pytest

from common.kit.errors import ConfigError
from device_sim.script import begin, faster, load_scenario
from tests.device_sim.cabinets import ROOT, Rig, config

EXAMPLES = sorted((ROOT / "cabinets/scenarios").glob("*.toml"))
HEAD = '[scenario]\nname_zh = "一天"\nname_en = "a day"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenario.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 2


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_fit_the_demo_cabinet(path: Path) -> None:
    file = load_scenario(path, {})
    rig = Rig(faster(config(), file))
    begin(file, rig.cabinet)
    assert rig.cabinet.config.cabinet.clock_factor == 60


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[visit]]\nat = "08:00"\ndor = "A01"\n', "line 6: unknown key `visit.0.dor`; did you mean `door`?"),
        ('[[visit]]\ndoor = "A01"\n', "line 4: `visit.0.at` is missing (time of day, `08:15`)"),
        ('[[visit]]\nat = "25:00"\ndoor = "A01"\n', "line 5: `visit.0.at` = '25:00'"),
        ('[[visit]]\nat = "08:00+02:00"\ndoor = "A01"\n', "line 5: `visit.0.at`"),
        ('[[weather]]\nat = "05:00"\noutside_c = 99\n', "line 6: `weather.0.outside_c` = 99"),
        (
            '[[crowd]]\nbegins = "05:00"\nends = "06:00"\nvisits = 3\nzone = "chilled"\ndoors = ["A01"]\n',
            "line 4: `crowd.0` = {…}: give `doors` or `zone`, not both",
        ),
        (
            '[[crowd]]\nbegins = "05:00"\nends = "06:00"\nvisits = 3\nshortest_s = 50\n',
            "longest_s is less than shortest_s",
        ),
        (
            '[[crowd]]\nbegins = "05:00"\nends = "06:00"\nvisits = 3\najar_share = 0.6\nopen_share = 0.6\n',
            "more than all people",
        ),
        (
            '[[fault]]\nat = "05:00"\nwhat = { kind = "jam", target = "A01", for_s = 5 }\n',
            "line 6: `fault.0.what` = {…}: its length is given as `for_min` beside `what`",
        ),
        (
            '[[fault]]\nat = "05:00"\nwhat = { kind = "ajar", target = "A01", gapp = 5 }\n',
            "line 6: unknown key `fault.0.what.ajar.gapp`; did you mean `gap`?",
        ),
        ('[[fault]]\nat = "05:00"\nwhat = { kind = "earthquake", target = 1 }\n', "'power_cut'"),
    ],
)  # fmt: skip
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_scenario(written(tmp_path, text), {})
    assert said in refused.value.detail


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[visit]]\nat = "08:00"\ndoor = "Z99"\n', "line 6: `visit.0.door`: no door 'Z99'; there are A01"),
        (
            '[[keeper_round]]\nat = "08:00"\ndoors = ["A01", "Z99"]\n',
            "line 6: `keeper_round.0.doors`: no door 'Z99'",
        ),
        (
            '[[crowd]]\nbegins = "08:00"\nends = "09:00"\nvisits = 1\nzone = "attic"\n',
            "line 8: `crowd.0.zone`: no zone 'attic'; there are chilled, ambient",
        ),
        (
            '[[fault]]\nat = "08:00"\nwhat = { kind = "jam", target = "Z99" }\n',
            "line 6: `fault.0.what`: no door 'Z99'",
        ),
        (
            '[[fault]]\nat = "08:00"\nwhat = { kind = "compressor_off", target = "ambient" }\n',
            "line 6: `fault.0.what`: zone 'ambient' has no machine",
        ),
    ],
)  # fmt: skip
def test_what_the_cabinet_has_not_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = load_scenario(written(tmp_path, text), {})
    with pytest.raises(ConfigError) as refused:
        begin(file, Rig().cabinet)
    assert said in refused.value.detail
    assert str(tmp_path / "scenario.toml") in refused.value.detail


def test_all_that_does_not_fit_is_named_at_once(tmp_path: Path) -> None:
    text = "".join(f'[[visit]]\nat = "08:00"\ndoor = "{door}"\n' for door in ("Y01", "Y02"))
    with pytest.raises(ConfigError) as refused:
        begin(load_scenario(written(tmp_path, text), {}), Rig().cabinet)
    assert refused.value.detail.count("no door") == 2


def test_the_environment_overrides(tmp_path: Path) -> None:
    file = load_scenario(written(tmp_path, ""), {"LINLI_SCENARIO__CLOCK_FACTOR": "600"})
    assert faster(config(), file).cabinet.clock_factor == 600
    assert faster(config(), load_scenario(written(tmp_path, ""), {})).cabinet.clock_factor == 1
