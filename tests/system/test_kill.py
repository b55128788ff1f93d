"""`linli drill kill` with a few places: real processes die, people go on, nothing is lost or done twice.

The whole list is the drill itself (docs/operations/drills.md).
"""

import json
import subprocess
import sys

import pytest

from tests.parts import ROOT, require

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(150)]


def _drill(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "linli", "drill", "kill", "--port-base", "29200", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_three_places_in_each_program() -> None:
    require("campaign")
    ran = _drill("--fast", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads(ran.stdout.splitlines()[-1])
    assert report["name"] == "kill"
    assert report["runs"] == 1
    assert report["violations"] == 0
    assert report["figures"]["daemon_kills"] == report["figures"]["hub_kills"] == 3


def test_a_place_that_is_not_there_is_a_usage_error() -> None:
    ran = _drill("--place", "daemon/nowhere")
    assert ran.returncode == 2
    assert "daemon/doors.pulse_sent" in ran.stderr
