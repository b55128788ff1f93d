"""`linli drill bus-noise`: seeds pass, replays are equal, and without any one of its safeguards it fails."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from linli.drill.busnoise.ablation import ABLATIONS
from linli.drill.busnoise.campaign import Order, live
from linli.drill.busnoise.case import KINDS, kind_of
from linli.drill.cli import app
from tests.parts import require

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def _drill(*words: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["bus-noise", "--jobs", "1", "--json", *words])
    return result.exit_code, json.loads(result.output.splitlines()[-1])


def test_no_door_opens_and_none_is_believed_wrongly() -> None:
    code, record = _drill("--seeds", "3", "--frames", "1000")
    figures = record["figures"]
    assert (code, record["violations"]) == (0, 0), record
    assert figures["hit"] > 300
    assert figures["said_acked"] > 50
    assert figures["door_states"] > 1000


def test_every_kind_of_board() -> None:
    require("campaign")
    code, record = _drill("--seeds", str(len(KINDS)), "--frames", "3000")
    assert (code, record["violations"]) == (0, 0), record
    assert {kind_of(seed) for seed in range(1, len(KINDS) + 1)} == set(KINDS)


def test_a_seed_replays() -> None:
    one, other = live(Order(5, 400, None)), live(Order(5, 400, None))
    assert one.digest == other.digest
    assert one.figures == other.figures


@pytest.mark.parametrize("name", sorted(ABLATIONS))
def test_a_safeguard_that_is_off_is_noticed(name: str) -> None:
    require("campaign")
    code, record = _drill("--seeds", "6", "--frames", "2500", "--ablate", name)
    assert (code, record["violations"] > 0) == (1, True), record
