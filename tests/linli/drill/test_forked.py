"""The forked kills: few in CI, the list of places whole, and each safeguard missed when it is off."""

import asyncio
import json
import os
import sys
from typing import Any

import pytest

from linli.drill.forked.ablation import ABLATIONS
from linli.drill.forked.campaign import Campaign, Tally
from linli.drill.forked.places import PLACES
from linli.drill.forked.run import Arms, Outcome
from linli.drill.forked.survey import SCENES, kept
from tests.house_rules import failpoint_names
from tests.parts import ROOT, require

OF_OTHER_DRILLS = {"climate.calibration_committed"}
"""Nobody calibrates a probe in these scenes; tests/edge/climate/test_calibrating.py pulls the plug there."""
# Where the drill notices that the safeguard is off: seed, scene, place.
NOTICED = {
    "journal-first": (1, "pickup", "daemon/doors.pulse_sent"),
    "no-pulse-at-boot": (1, "pickup", "daemon/doors.pulse_row_committed"),
    "used-when-open": (1, "pickup", "daemon/doors.pulse_row_committed"),
    "ack-and-refill": (1, "put in", "hub/sync.hub.events_stored"),
    "effects-with-cursor": (1, "pickup", "hub/sync.hub.events_committed"),
    "one-answer-a-key": (1, "an order", "hub/api.effect_committed"),
    "reconcile": (1, "pickup", "daemon/doors.pulse_row_committed"),
}


async def _drill(*words: str) -> tuple[int, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linli", "drill", "kill", "--forked", "--json", *words),
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    try:
        record: dict[str, Any] = json.loads(out.splitlines()[-1])
    except ValueError:
        pytest.fail(out.decode())
    return process.returncode or 0, record


@pytest.mark.timeout(120)
async def test_a_few_kills_break_no_promise() -> None:
    code, record = await _drill("--scene", "pickup", "--seed", "3", "--seeds", "4", "--jobs", "1")
    assert (code, record["violations"], record["runs"]) == (0, 0, 4), record
    assert record["figures"]["kills"] >= 4


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_every_place_is_struck_and_no_promise_broken() -> None:
    require("campaign")
    code, record = await _drill("--seed", "1", "--seeds", str(2 * len(PLACES)))
    assert (code, record["violations"]) == (0, 0), record
    assert record["figures"]["places"] >= len(PLACES)
    assert record["figures"]["fewest"] >= 1


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NOTICED)
async def test_a_safeguard_that_is_off_is_noticed(name: str) -> None:
    require("campaign")
    seed, scene, place = NOTICED[name]
    words = ("--seed", str(seed), "--seeds", "12", "--scene", scene, "--place", place)
    code, record = await _drill(*words, "--jobs", "1", "--ablate", name)
    assert (code, record["violations"] > 0) == (1, True)


def test_what_one_scene_surely_passes_is_not_left_to_chance_in_another() -> None:
    lives = {
        "sure": [{"a": 1}, {"a": 2}],
        "chance": [{"a": 5, "b": 1}, {}],
        "other": [{}, {"c": 1}],
    }
    assert kept(lives) == {"sure": {"a": 2}, "chance": {"b": 1}, "other": {"c": 1}}


def test_the_safeguards_are_there() -> None:
    assert NOTICED.keys() <= ABLATIONS.keys()
    assert {scene for _, scene, _ in NOTICED.values()} <= {one.name for one in SCENES}
    assert {place for *_, place in NOTICED.values()} <= set(PLACES)


@pytest.mark.xdist_group("tree")  # one worker parses it
def test_the_list_of_places_is_the_code_s() -> None:
    known = {
        name
        for room in ("edge", "cloud", "common", "linli")
        for path in (ROOT / room).rglob("*.py")
        for name, _ in failpoint_names(path.read_text(encoding="utf-8"), path.name)
    }
    drilled = {place.partition("/")[2] for place in PLACES}
    whole = {name for name in known if "<" not in name}
    assert whole - drilled == OF_OTHER_DRILLS
    heads = tuple(name.partition("<")[0] for name in known if "<" in name)
    assert not [name for name in drilled - whole if not name.startswith(heads)]
    assert not [head for head in heads if not any(name.startswith(head) for name in drilled)]
    assert len(PLACES) >= 100


def test_scenes_have_names_of_their_own() -> None:
    assert len({one.name for one in SCENES}) == len(SCENES)


def test_a_replay_names_what_the_draw_depends_on() -> None:
    only = Campaign(range(1), 1, print, ("hub/orders.paid",), SCENES[:1], "journal-first")
    assert only.replay(7) == (
        "linli drill kill --forked --seed 7 --seeds 1 --place hub/orders.paid"
        f" --scene '{SCENES[0].name}' --ablate journal-first"
    )
    assert Campaign(range(1), 1, print).replay(7).endswith("--forked --seed 7 --seeds 1")


def test_the_tally_counts_kills_by_place() -> None:
    tally = Tally()
    tally.add(Outcome(1, "pickup", Arms(), [], ["daemon/a", "hub/b", "daemon/a"]))
    tally.add(Outcome(2, "pickup", Arms(), ["lost"], []))
    record = json.loads(tally.as_json())
    assert (record["runs"], record["violations"]) == (2, 1)
    assert record["figures"]["by_place"] == {"daemon/a": 2, "hub/b": 1}
    assert (record["figures"]["kills"], record["figures"]["hub_kills"]) == (3, 1)
