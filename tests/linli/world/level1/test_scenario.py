"""The plan of a seed: drawn before anything runs, always the same, rich enough to be worth living."""

import pytest

from linli.world.scenario import HUB_PLACES, STATION_PLACES, FaultKind, plan
from tests.house_rules import failpoint_names
from tests.parts import ROOT


def test_a_plan_repeats_by_its_seed() -> None:
    assert plan(7, 3) == plan(7, 3)
    assert plan(7, 3) != plan(8, 3)


def test_every_kind_of_fault_and_every_place_is_drawn_somewhere() -> None:
    faults = [fault for seed in range(150) for fault in plan(seed, 7).faults]
    assert {fault.kind for fault in faults} == set(FaultKind)
    assert {fault.detail for fault in faults} >= {*STATION_PLACES, *HUB_PLACES}


def test_a_week_has_people_enough() -> None:
    week = plan(1, 7)
    assert len(week.errands) >= 42
    assert len(week.keeper_rounds) == 14


@pytest.mark.xdist_group("tree")  # one worker parses it
def test_every_place_stands_in_the_code() -> None:
    known = {
        name
        for room in ("edge", "cloud", "common")
        for path in (ROOT / room).rglob("*.py")
        for name, _ in failpoint_names(path.read_text(encoding="utf-8"), path.name)
    }
    open_ended = {one.partition("<")[0] for one in known if "<" in one}
    missing = [
        one
        for one in (*STATION_PLACES, *HUB_PLACES)
        if one not in known and not one.startswith(tuple(open_ended))
    ]
    assert not missing
