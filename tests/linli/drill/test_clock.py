"""`linli drill clock`: a seed passes, and without any one of its safeguards it does not."""

import json

import pytest
from typer.testing import CliRunner

from cloud.sync.timekeeper import Timekeeper
from common.kit.clock import to_ms
from common.kit.trusted_time import TrustedTime
from linli.drill.cli import app
from tests.parts import require

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def _drill() -> tuple[int, int]:
    result = CliRunner().invoke(app, ["clock", "--seeds", "1", "--seed", "1", "--json"])
    return result.exit_code, json.loads(result.output.splitlines()[-1])["violations"]


def test_codes_outlive_clocks_that_lie() -> None:
    require("campaign")
    assert _drill() == (0, 0)


@pytest.mark.parametrize("gone", ["the bound", "the hub's sweep"])
def test_without_a_safeguard_the_drill_finds_it(monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
    require("campaign")

    def by_the_wall(self: TrustedTime, at_ms: int) -> bool:
        return to_ms(self._clock.wall()) >= at_ms

    if gone == "the bound":
        monkeypatch.setattr(TrustedTime, "is_over", by_the_wall)
    else:
        monkeypatch.setattr(Timekeeper, "judge_tx", lambda _self, _conn: True)
    code, violations = _drill()
    assert code == 1
    assert violations > 0
