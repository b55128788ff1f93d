"""`linli drill evil-hub`: a seed passes, and without any one of its safeguards it does not."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from linli.drill.cli import app
from linli.drill.evilhub.ablation import ABLATIONS
from linli.drill.evilhub.case import most
from tests.parts import require


def _drill(*words: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["evil-hub", "--json", *words])
    return result.exit_code, json.loads(result.output.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_hostile_hub_opens_two_doors_an_hour_and_no_more() -> None:
    code, record = _drill()
    figures = record["figures"]
    assert (code, record["violations"]) == (0, 0), record
    assert figures["opens_in_an_hour"] == 2
    assert figures["opens_in_a_minute"] <= 3
    assert figures["commands"] > 2000


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", sorted(ABLATIONS))
def test_a_safeguard_that_is_off_is_noticed(name: str) -> None:
    require("campaign")
    code, record = _drill("--ablate", name)
    assert (code, record["violations"] > 0) == (1, True), record


def test_the_most_in_a_window_is_counted_without_its_open_end() -> None:
    assert most([], 60) == 0
    assert most([0, 30, 59, 60, 61], 60) == 4
