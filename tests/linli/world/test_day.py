"""A virtual day of the unmodified hub and daemon: everybody gets the food, and the day repeats to the last bit."""

import asyncio
import json
import os
import sys
from typing import Any

import pytest

from tests.parts import ROOT, require

SEED = 20261013


async def _live(hash_seed: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "linli.world",
        str(SEED),
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_day_with_ten_pickups_and_two_cuts_repeats_itself() -> None:
    require("campaign")
    first, second = await asyncio.gather(_live("1"), _live("2"))
    assert first == second
    assert first["pickups"] == 10
    events = first["events"]
    # One pulse for every door the keeper and the residents had a right to, and none besides.
    assert first["pulses"] == events["parcel.put_in"] + events["parcel.collected"]
    assert events["parcel.collected"] == first["doors"] == 13
    assert events["station.started"] == 1
