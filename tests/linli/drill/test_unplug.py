"""`linli drill unplug`: an adapter that comes back under another number is used again, if its name lasts."""

import json

import pytest
from typer.testing import CliRunner

from linli.drill.cli import app

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


def test_the_line_comes_back_and_no_pulse_is_doubled() -> None:
    result = CliRunner().invoke(app, ["unplug", "--cycles", "4", "--json"])
    record = json.loads(result.output.splitlines()[-1])
    assert (result.exit_code, record["violations"]) == (0, 0), result.output
    assert record["figures"]["cycles"] == 4
    assert 0 < record["figures"]["back_max_s"] < 5


def test_a_port_configured_by_its_number_does_not_come_back() -> None:
    result = CliRunner().invoke(app, ["unplug", "--cycles", "2", "--ablate", "lasting-name"])
    assert result.exit_code == 1
    assert "not back" in result.output
