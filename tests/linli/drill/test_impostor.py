"""`linli drill impostor`: a seed passes, and without any one of its safeguards it does not."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from linli.drill.cli import app
from linli.drill.impostor.ablation import ABLATIONS
from linli.drill.impostor.tricks import TRICKS
from tests.parts import require


def _drill(*words: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["impostor", "--json", *words])
    return result.exit_code, json.loads(result.output.splitlines()[-1])


@pytest.mark.timeout(90)
def test_no_impostor_gets_in_and_nobody_honest_stays_out() -> None:
    code, record = _drill()
    assert (code, record["violations"]) == (0, 0), record
    assert record["figures"] == {"tricks": len(TRICKS), "honest_hellos": len(TRICKS)}


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize("name", sorted(ABLATIONS))
def test_a_safeguard_that_is_off_is_noticed(name: str) -> None:
    if name not in ("fingerprint", "certificate-of-the-signer"):
        require("campaign")
    code, record = _drill("--ablate", name, "--seed", "2")
    assert (code, record["violations"] > 0) == (1, True), record
