"""The drill itself: the station keeps its word, and without either safeguard the drill says so."""

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from common.kit.errors import UnavailableError
from linli.cli import app
from linli.drill.powercut.campaign import SEEDS_A_JOURNEY, Ablation, Campaign, Tally, tape
from linli.drill.powercut.proof import Broken
from tests.parts import require


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_station_keeps_its_word_and_the_drill_can_fail(tmp_path: Path) -> None:
    require("campaign")
    tapes = tape(0, tmp_path, short=True)
    said: list[str] = []
    honest = Campaign(range(1, 251), said.append, short=True, tapes=tapes).run()
    assert (honest.runs, honest.violations) == (250, 0), "\n".join(said)
    assert honest.unsynced > 200
    assert honest.transactions > 100
    for ablation in Ablation:
        campaign = Campaign(range(20, 40), said.append, True, ablation, tapes)
        broken = campaign.run().broken
        assert broken[Broken.LOST] > 5, ablation
        assert any(f"--ablate {ablation}" in line for line in said)
    again: list[str] = []
    first = next(line for line in said if f"--ablate {Ablation.LYING_DISK}" in line)
    seed = int(first.split("--seed ")[1].split()[0])
    Campaign(range(seed, seed + 1), again.append, True, Ablation.LYING_DISK, tapes).run()
    assert again[-1] == first


def test_figures_are_one_line_of_json() -> None:
    tally = Tally(runs=3, images_s=1.5)
    tally.broken[Broken.HALF] += 1
    record = json.loads(tally.as_json())
    assert (record["name"], record["runs"], record["violations"]) == ("power-cut", 3, 1)
    assert record["figures"]["half_commits"] == 1
    assert record["figures"]["images_per_s"] == 2


def test_each_stretch_of_seeds_has_its_journey() -> None:
    campaign = Campaign(range(SEEDS_A_JOURNEY - 1, SEEDS_A_JOURNEY + 2), print)
    assert list(campaign._journeys()) == [
        (0, [SEEDS_A_JOURNEY - 1]),
        (1, [SEEDS_A_JOURNEY, SEEDS_A_JOURNEY + 1]),
    ]
    assert campaign.replay(7) == "linli drill power-cut --seed 7 --seeds 1"


def test_without_apsw_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apsw", None)
    for name in [one for one in sys.modules if one.startswith("linli.drill.powercut.")]:
        monkeypatch.delitem(sys.modules, name)
    result = CliRunner().invoke(app, ["drill", "power-cut"])
    assert isinstance(result.exception, UnavailableError)
    assert "apsw" in result.exception.detail


def test_an_unknown_ablation_is_refused_with_the_known_ones() -> None:
    result = CliRunner().invoke(app, ["drill", "power-cut", "--ablate", "prayer"])
    assert result.exit_code == typer.BadParameter("").exit_code
    assert "lying-disk" in result.output
