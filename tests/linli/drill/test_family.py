"""`linli drill family`: seeds pass, and without any one of its safeguards they do not."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from linli.drill.cli import app
from linli.drill.family.ablation import ABLATIONS
from tests.parts import require


def _drill(*words: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["family", "--json", *words])
    return result.exit_code, json.loads(result.output.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_one_parcel_is_opened_once_whoever_comes() -> None:
    code, record = _drill("--seeds", "2")
    figures = record["figures"]
    assert (code, record["violations"]) == (0, 0), record
    assert figures["opened"] > 5
    assert figures["came_at_an_open_door"] > 1
    assert figures["restarts"] > 1


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", sorted(ABLATIONS))
def test_a_safeguard_that_is_off_is_noticed(name: str) -> None:
    require("campaign")
    code, record = _drill("--seeds", "2", "--ablate", name)
    assert (code, record["violations"] > 0) == (1, True), record
