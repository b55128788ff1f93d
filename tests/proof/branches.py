"""Runs the tests of the proved rooms and holds each room at all of its branches: `make coverage`.

The rooms and their tests stand in pyproject.toml; other rooms are measured by `pytest --cov` and held by nothing.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.proof.mutants import ROOT, beneath, rooms, selection


def measure(data: Path, workers: str) -> bool:
    """Run the rooms' tests with branches counted into `data`."""
    command = [
        sys.executable, "-m", "pytest", "-q", "-n", workers, "--dist", "loadgroup", "-m", "not browser",
        "--cov", "--cov-report=", *selection(), *beneath()[1],
    ]  # fmt: skip
    env = os.environ | {"COVERAGE_FILE": str(data)}
    return subprocess.run(command, cwd=ROOT, check=False, env=env).returncode == 0


def hold(room: str, patterns: list[str], data: Path, at_least: float) -> bool:
    """Print what is not covered in a room; False when it is below `at_least` percent."""
    print(f"== {room}")
    report = [
        sys.executable, "-m", "coverage", "report", "--show-missing", "--skip-covered", "--precision=2",
        f"--data-file={data}", f"--include={','.join(patterns)}", f"--fail-under={at_least}",
    ]  # fmt: skip
    return subprocess.run(report, cwd=ROOT, check=False).returncode == 0


def main() -> int:
    """Measure, then hold every room; 1 when one is below, 2 when the tests fail."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "--at-least", type=float, default=100.0, help="percent of lines and branches"
    )
    asked.add_argument("--workers", default="auto", help="as pytest -n")
    given = asked.parse_args()
    data = ROOT / ".coverage"
    if not measure(data, given.workers):
        return 2
    held = [
        hold(room, patterns, data, given.at_least)
        for room, patterns in (rooms() | {"beneath": beneath()[0]}).items()
    ]
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
