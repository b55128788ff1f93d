"""`linli drill clock`: a seed passes, and without any one of its safeguards it does not."""

import json

import pytest
from typer.testing import CliRunner

from linli.drill.cli import app
from linli.drill.clock_ablation import CLOCK_ABLATIONS
from tests.parts import require

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def _drill(*words: str) -> tuple[int, int]:
    result = CliRunner().invoke(app, ["clock", "--seeds", "1", "--seed", "1", "--json", *words])
    return result.exit_code, json.loads(result.output.splitlines()[-1])["violations"]


def test_codes_outlive_clocks_that_lie() -> None:
    require("campaign")
    assert _drill() == (0, 0)


@pytest.mark.parametrize("gone", CLOCK_ABLATIONS)
def test_without_a_safeguard_the_drill_finds_it(gone: str) -> None:
    require("campaign")
    code, violations = _drill("--ablate", gone)
    assert code == 1
    assert violations > 0
