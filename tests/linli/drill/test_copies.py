"""`linli drill clone` and `hub-restore`: seeds pass, and without any one of their safeguards they do not."""

import json

import pytest
from typer.testing import CliRunner

from linli.drill.cli import app
from linli.world.copies.ablations import CLONE, RESTORE
from tests.parts import require

# A seed that notices that the safeguard is off; found by `--ablate NAME`.
NOTICED = {
    ("clone", "lease"): 4,
    ("clone", "process"): 5,
    ("clone", "doors"): 1,
    ("clone", "older-disk"): 18,
    ("clone", "withdraw"): 1,
    ("hub-restore", "retention"): 1,
    ("hub-restore", "generation"): 5,
}


def _drill(name: str, *words: str) -> tuple[int, int, dict[str, int]]:
    result = CliRunner().invoke(app, [name, *words, "--json"])
    record = json.loads(result.output.splitlines()[-1])
    return result.exit_code, record["violations"], record["figures"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_of_a_station_and_its_copy_one_opens() -> None:
    require("campaign")
    code, violations, figures = _drill("clone", "--seed", "1", "--seeds", "4")
    assert (code, violations) == (0, 0)
    assert figures["opened"] > 8
    assert figures["alarm fork"] == 4


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_restored_hub_is_refilled() -> None:
    require("campaign")
    code, violations, figures = _drill("hub-restore", "--seed", "1", "--seeds", "2")
    assert (code, violations) == (0, 0)
    assert figures["facts only at the station"] > 20


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "safeguard"), NOTICED)
def test_a_safeguard_that_is_off_is_noticed(name: str, safeguard: str) -> None:
    require("campaign")
    seed = str(NOTICED[name, safeguard])
    code, violations, _ = _drill(name, "--seed", seed, "--seeds", "1", "--ablate", safeguard)
    assert code == 1
    assert violations > 0


def test_every_safeguard_has_its_seed() -> None:
    assert {("clone", name) for name in CLONE} | {("hub-restore", name) for name in RESTORE} == {
        *NOTICED
    }
