"""`linli drill guessing`: a seed passes, and without any one of its safeguards it does not."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from linli.drill.cli import app
from linli.drill.guessing.ablation import ABLATIONS
from linli.drill.guessing.robot import Attempts
from tests.parts import require


def _drill(*words: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["guessing", "--json", *words])
    return result.exit_code, json.loads(result.output.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_guessing_does_not_pay_and_right_codes_pass() -> None:
    code, record = _drill("--guesses", "400")
    figures = record["figures"]
    assert (code, record["violations"]) == (0, 0), record
    assert 15 <= figures["checked_without_second_factor_in_24_h"] <= 20
    assert figures["checked_in_24_h"] <= 100
    assert (figures["right_codes_passed"], figures["openings_of_one_code"]) == (40, 1)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", sorted(ABLATIONS))
def test_a_safeguard_that_is_off_is_noticed(name: str) -> None:
    require("campaign")
    code, record = _drill("--guesses", "500", "--ablate", name)
    assert (code, record["violations"] > 0) == (1, True), record


def test_attempts_are_counted_in_any_24_hours() -> None:
    attempts = Attempts()
    for hour in (0, 1, 2, 23, 24, 25, 26):
        attempts.note(hour * 3600.0, with_factor=hour % 2 == 0)
    assert attempts.most() == 4
    assert attempts.most(with_factor=False) == 2
    assert Attempts().most() == 0
