"""`linli drill sync`: a seed passes and repeats; without a safeguard it does not pass."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from linli.drill.cli import app
from linli.world.level2.ablation import SYNC_ABLATIONS
from linli.world.level2.plan import sync_plan
from linli.world.scenario import DAY_S, FaultKind
from tests.parts import require

ROOT = Path(__file__).parents[3]
# A seed that notices; found by `linli drill sync --seeds 200 --ablate NAME`.
NOTICED = {"known-events": 1, "step-back": 2}


def _drill(*words: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["sync", "--json", *words])
    record: dict[str, Any] = json.loads(result.output.splitlines()[-1])
    return result.exit_code, record


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_everything_arrives_once_and_a_seed_repeats() -> None:
    require("campaign")
    code, record = _drill("--seeds", "1", "--seed", "1", "--times", "2")
    assert (code, record["violations"], record["runs"]) == (0, 0, 2), record
    assert record["figures"]["told"] > 50


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", sorted(NOTICED))
def test_a_safeguard_that_is_off_is_noticed(name: str) -> None:
    require("campaign")
    code, record = _drill("--seeds", "1", "--seed", str(NOTICED[name]), "--ablate", name)
    assert (code, record["violations"] > 0) == (1, True)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_seeds_that_once_failed_pass() -> None:
    require("campaign")
    lines = (ROOT / "tests/seeds.txt").read_text(encoding="utf-8").splitlines()
    kept = [line.split()[1] for line in lines if line.startswith("sync ")]
    assert kept
    for seed in kept:
        code, record = _drill("--seeds", "1", "--seed", seed)
        assert (code, record["violations"]) == (0, 0), (seed, record)


def test_the_seeds_are_of_safeguards_there_are() -> None:
    assert NOTICED.keys() <= SYNC_ABLATIONS.keys()


def test_a_plan_repeats_and_some_are_parted_for_seven_days() -> None:
    assert sync_plan(7) == sync_plan(7)
    faults = [fault for seed in range(40) for fault in sync_plan(seed).faults]
    assert any(one.kind is FaultKind.CUT and one.for_s == 7 * DAY_S for one in faults)
    kinds = {one.kind for one in faults}
    assert {FaultKind.STRIKE, FaultKind.SEVER, FaultKind.RESTORE_HUB} <= kinds
    assert FaultKind.RESTORE_STATION in kinds
