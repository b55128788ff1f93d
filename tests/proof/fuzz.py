"""`make fuzz ARGS="--minutes 10"`: atheris drives every parser by coverage; one line a parser, exit 1 on a crash."""

import argparse
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

_STATS = re.compile(r"stat::(number_of_executed_units|peak_rss_mb):\s+(\d+)")
_LONGEST_BYTES = 600


def _one(name: str, seconds: int, crashes: Path) -> None:
    """Fuzz one parser in this process; atheris ends it."""
    atheris: Any = importlib.import_module("atheris")  # not in the tests' own set

    with atheris.instrument_imports(include=["firmware_protocols"]):
        from tests.proof.parsers import PARSERS
    atheris.Setup(
        [
            sys.argv[0], f"-max_total_time={seconds}", f"-max_len={_LONGEST_BYTES}", "-print_final_stats=1",
            "-timeout=5", f"-artifact_prefix={crashes}/{name}-",
        ],
        PARSERS[name],
    )  # fmt: skip
    atheris.Fuzz()


def _all(names: list[str], seconds: int, crashes: Path) -> int:
    """Fuzz one parser after the other, each in a process of its own; return how many crashed."""
    crashed = 0
    for name in names:
        words = ["--one", name, "--minutes", str(seconds / 60), "--crashes", str(crashes)]
        ran = subprocess.run(
            [sys.executable, "-m", "tests.proof.fuzz", *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        figures = dict(_STATS.findall(ran.stderr))
        runs, rss_mb = (
            figures.get(key, "?") for key in ("number_of_executed_units", "peak_rss_mb")
        )
        said = "ok" if ran.returncode == 0 else f"CRASHED ({ran.returncode})"
        print(f"{name:<12} {said:<8} {runs} inputs in {seconds} s, {rss_mb} MiB", flush=True)
        if ran.returncode:
            crashed += 1
            print(ran.stderr[-3000:])
    return crashed


def main() -> None:
    """Read the words of the command."""
    words = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    words.add_argument("--minutes", type=float, default=1.0, help="for each parser")
    words.add_argument("--parser", action="append", help="only this one")
    words.add_argument(
        "--crashes", type=Path, default=Path(".fuzz"), help="where inputs that crash are kept"
    )
    words.add_argument("--one", help=argparse.SUPPRESS)
    given = words.parse_args()
    given.crashes.mkdir(parents=True, exist_ok=True)
    seconds = max(1, round(given.minutes * 60))
    if given.one:
        _one(given.one, seconds, given.crashes)
        return
    from tests.proof.parsers import PARSERS

    sys.exit(1 if _all(given.parser or list(PARSERS), seconds, given.crashes) else 0)


if __name__ == "__main__":
    main()
