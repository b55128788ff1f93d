"""Days of the simulated world at level 1: nothing violated, the same in every process, no safeguard unnoticed."""

import asyncio
import json
import os
import sys
from typing import Any

import pytest

from linli.world.ablation import ABLATIONS
from tests.parts import ROOT, require

# A seed at which one virtual day is enough to notice that the safeguard is off; found by `--ablate NAME --days 1`.
NOTICED = {
    "code-stays-valid": 1,
    "command-expiry": 3,
    "cursor-moves": 1,
    "debounce": 1,
    "expiry": 9,
    "expiry-sweep": 10,
    "late-door": 2,
    "lies-there": 2,
    "limiter": 4,
    "one-owner": 1,
    "outbox-in-tx": 2,
    "pulse-once": 1,
    "reconcile": 3,
    "revocation": 9,
    "sensor-judges": 2,
    "taken-out-frees": 1,
    "three-pulses": 13,
    "token-given-back": 41,
    "used-mark": 1,
}
IN_CI = ("used-mark", "debounce")
SEEDS = 3


async def _drill(*words: str, hash_seed: str = "0") -> tuple[int, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linli", "drill", "pickups", "--json", *words),
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    try:
        record: dict[str, Any] = json.loads(out.splitlines()[-1])
    except ValueError:
        pytest.fail(out.decode())
    if record["violations"] and process.returncode == 0:
        pytest.fail("violations and exit code 0")
    return process.returncode or 0, record


def _kept() -> list[tuple[str, str, str]]:
    lines = (ROOT / "tests/seeds.txt").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    return [(week, seed, days) for week, seed, days, *_ in words if week in ("busy", "quiet")]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_days_with_everything_failing_violate_nothing() -> None:
    require("campaign")
    code, record = await _drill("--seed", "1", "--seeds", str(SEEDS), "--days", "1", "--jobs", "1")
    assert (code, record["violations"], record["runs"]) == (0, 0, SEEDS), record
    assert record["figures"]["fetched"] > 5 * SEEDS
    assert record["figures"]["kills"] >= SEEDS


@pytest.mark.timeout(120)
async def test_a_seed_is_the_same_in_two_processes() -> None:
    require("campaign")
    words = ("--seed", "3", "--seeds", "1", "--days", "1", "--jobs", "1")
    (_, first), (_, second) = await asyncio.gather(
        _drill(*words, hash_seed="1"), _drill(*words, hash_seed="2")
    )
    assert first["figures"]["last_digest"] == second["figures"]["last_digest"]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_failing_seed_replays_with_the_same_trace() -> None:
    require("campaign")
    words = ("--seed", "1", "--days", "1", "--week", "quiet", "--seeds", "2", "--times", "3")
    code, record = await _drill(*words, "--jobs", "2", "--ablate", "used-mark")
    assert code == 1
    assert (record["runs"], record["figures"]["seeds"]) == (6, 2)
    assert record["violations"] % 3 == 0, "a life with another trace is one violation more"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_week_without_the_hub_keeps_every_promise() -> None:
    require("campaign")
    words = ("--seed", "1", "--days", "2", "--week", "offline", "--seeds", "1", "--jobs", "1")
    code, record = await _drill(*words)
    assert (code, record["violations"]) == (0, 0), record
    assert record["figures"]["alone pickups"] > 5
    assert 0 < record["figures"]["catch-up s"] <= 600


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("week", "seed", "days"), _kept())
async def test_a_seed_that_once_failed_stays_good(week: str, seed: str, days: str) -> None:
    require("campaign")
    for level in ("1", "2"):
        words = ("--week", week, "--seed", seed, "--seeds", "1", "--days", days, "--jobs", "1")
        code, record = await _drill(*words, "--level", level)
        assert (code, record["violations"]) == (0, 0), record


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", IN_CI)
async def test_a_safeguard_that_is_off_is_noticed(name: str) -> None:
    require("campaign")
    words = (
        "--seed",
        str(NOTICED[name]),
        "--seeds",
        "1",
        "--days",
        "1",
        "--jobs",
        "1",
        "--ablate",
        name,
    )
    code, record = await _drill(*words)
    assert (code, record["violations"] > 0) == (1, True)


def test_the_seeds_are_of_safeguards_there_are() -> None:
    assert NOTICED.keys() <= ABLATIONS.keys()
    assert len(NOTICED) >= 8
