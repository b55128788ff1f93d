"""The plan of a seed: drawn before anything runs, always the same, rich enough to be worth living."""

import pytest

from linli.world.scenario import DAY_S, HUB_PLACES, STATION_PLACES, FaultKind, plan
from linli.world.weeks import Week, plan_of
from tests.house_rules import failpoint_names
from tests.parts import ROOT


def test_a_plan_repeats_by_its_seed() -> None:
    assert plan(7, 3) == plan(7, 3)
    assert plan(7, 3) != plan(8, 3)


def test_every_kind_of_fault_and_every_place_is_drawn_somewhere() -> None:
    faults = [fault for seed in range(150) for fault in plan(seed, 7).faults]
    of_sync = {FaultKind.STRIKE, FaultKind.SEVER, FaultKind.RESTORE_HUB, FaultKind.RESTORE_STATION}
    assert {fault.kind for fault in faults} == set(FaultKind) - of_sync
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


def test_a_week_offline_announces_everything_before_the_cut() -> None:
    week = plan_of(Week.OFFLINE, 3, 7)
    assert week.alone_from_s is not None
    assert all(errand.at_s < week.alone_from_s for errand in week.errands)
    assert any(errand.arrives_s > week.alone_from_s for errand in week.errands)
    assert FaultKind.BUS not in {fault.kind for fault in week.faults}
    (cut,) = (fault for fault in week.faults if fault.kind is FaultKind.CUT)
    assert cut.at_s + cut.for_s >= week.horizon_s


def test_in_a_month_offline_everything_arrives_while_codes_live() -> None:
    month = plan_of(Week.OFFLINE, 10, 30)
    assert max(errand.arrives_s for errand in month.errands) + 72 * 3600 < 14 * DAY_S
    assert month.horizon_s == 30 * DAY_S


def test_a_quiet_week_has_the_faults_of_a_busy_one_and_a_tenth_of_the_people() -> None:
    quiet = [plan_of(Week.QUIET, seed, 7) for seed in range(20)]
    busy = [plan_of(Week.BUSY, seed, 7) for seed in range(20)]
    assert 5 * sum(len(one.errands) for one in quiet) < sum(len(one.errands) for one in busy)
    assert 2 * sum(len(one.faults) for one in quiet) > sum(len(one.faults) for one in busy)


def test_some_codes_are_revoked_at_the_open_door_and_some_buses_mute() -> None:
    errands = [one for seed in range(20) for one in plan(seed, 7).errands]
    assert any(one.revoked_at_door for one in errands)
    assert any(one.muted for one in errands)
