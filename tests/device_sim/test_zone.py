"""The air of a zone: its swing, doors, defrosts and weather; no heat from nowhere, one step as true as many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_sim.cooling import DEFROST_TO_AIR
from device_sim.zone import Air, Zone
from tests.device_sim.zones import stored_j, zone

DAY_S = 86_400


def course_c(subject: Zone, seconds: int, doors: int = 0, *, step_s: int = 10) -> list[float]:
    """Return the air at every step."""
    seen = []
    for _ in range(0, seconds, step_s):
        subject.pass_time(step_s, doors)
        seen.append(subject.air.temperature_c)
    return seen


def test_shut_it_swings_within_its_band() -> None:
    subject = zone(defrost_every_h=0)
    seen = course_c(subject, DAY_S)
    assert 3.49 < min(seen) < 3.6
    assert 4.4 < max(seen) < 4.51
    assert subject.goods_c == pytest.approx(4.0, abs=0.1)


def test_the_compressor_runs_a_part_of_the_time_and_rests_between() -> None:
    subject = zone(defrost_every_h=0)
    runs, off_s, rests = 0, 0, []
    was_on = False
    for _ in range(DAY_S // 10):
        subject.pass_time(10, 0)
        runs += subject.compressor_on
        if subject.compressor_on and not was_on:
            rests.append(off_s)
        off_s = 0 if subject.compressor_on else off_s + 10
        was_on = subject.compressor_on
    assert 0.1 < runs * 10 / DAY_S < 0.25  # 40 W leak in, 238 W taken out
    assert len(rests) > 100
    assert min(rests) >= 170


def test_what_it_draws_tells_what_runs() -> None:
    subject = zone(defrost_every_h=0)
    seen = set()
    for _ in range(360):
        subject.pass_time(10, 0)
        seen.add((subject.compressor_on, subject.watts))
    assert seen == {(False, 3.0), (True, 135.0)}


def test_open_it_warms_and_shut_it_comes_back() -> None:
    subject = zone()
    subject.pass_time(240, 1)
    warm_c = subject.air.temperature_c
    assert 8.0 < warm_c < 10.0
    assert subject.goods_c < 4.2  # goods follow in hours
    subject.pass_time(3600, 0)
    assert 3.4 < subject.air.temperature_c < 4.6


def test_an_open_door_stops_the_machine_and_one_left_open_does_not_for_ever() -> None:
    subject = zone()
    subject.pass_time(899, 1)
    assert subject.door_open
    assert not subject.compressor_on
    subject.pass_time(2, 1)
    assert subject.compressor_on
    subject.pass_time(7 * DAY_S, 1)
    assert 12.0 < subject.air.temperature_c < 16.0  # it runs and runs, and cannot hold it


def test_more_open_doors_warm_faster_and_a_gap_slower() -> None:
    one, three, gap = zone(), zone(), zone()
    one.pass_time(60, 1)
    three.pass_time(60, 3)
    gap.pass_time(60, 0, 0.3)
    assert three.air.temperature_c > one.air.temperature_c > gap.air.temperature_c > 4.3
    assert not gap.door_open


def test_a_defrost_warms_the_air_and_is_over_after_its_time() -> None:
    subject = zone(set_point_c=-18.0)
    subject.pass_time(8 * 3600 - 1, 0)
    assert not subject.defrosting
    subject.pass_time(2, 0)
    before_c = subject.air.temperature_c
    assert subject.defrosting
    assert subject.watts == 153.0
    subject.pass_time(8 * 60 - 10, 0)
    assert subject.air.temperature_c > before_c + 1
    subject.pass_time(20, 0)
    assert not subject.defrosting
    assert max(course_c(subject, DAY_S)) < -15


def test_without_mains_it_warms_and_draws_nothing() -> None:
    subject = zone()
    subject.set_power(on=False)
    seen = course_c(subject, 6 * 3600)
    assert subject.watts == 0
    assert not subject.compressor_on
    assert seen == sorted(seen)
    assert seen[-1] > 8
    subject.set_power(on=True)
    subject.pass_time(100, 0)
    assert not subject.compressor_on  # the controller rests first
    subject.pass_time(100, 0)
    assert subject.compressor_on


def test_a_broken_compressor_and_a_defrost_that_never_ends() -> None:
    broken, stuck = zone(), zone(set_point_c=-18.0)
    broken.set_compressor_broken(True)
    stuck.set_defrost_stuck(True)
    for subject in (broken, stuck):
        subject.pass_time(7 * DAY_S, 0)
        assert not subject.compressor_on
    assert broken.air.temperature_c == pytest.approx(24, abs=0.1)  # the fan of its defrosts
    assert stuck.defrosting
    assert stuck.air.temperature_c > 24
    broken.set_compressor_broken(False)
    stuck.set_defrost_stuck(False)
    for subject, set_point_c in ((broken, 4.0), (stuck, -18.0)):
        subject.pass_time(2 * DAY_S, 0)
        assert subject.air.temperature_c == pytest.approx(set_point_c, abs=0.6)


def test_a_stuck_defrost_outlives_a_power_cut() -> None:
    subject = zone()
    subject.set_defrost_stuck(True)
    subject.set_power(on=False)
    assert not subject.defrosting
    subject.set_power(on=True)
    assert subject.defrosting


def test_an_operator_changes_the_set_point_and_asks_for_a_defrost() -> None:
    subject, warm = zone(), zone(set_point_c=None)
    subject.change_set_point(8.0)
    assert subject.set_point_c == 8.0
    subject.pass_time(6 * 3600, 0)
    assert subject.air.temperature_c == pytest.approx(8.0, abs=0.6)
    subject.start_defrost()
    assert subject.defrosting
    subject.pass_time(8 * 60 + 1, 0)
    assert not subject.defrosting
    subject.set_power(on=False)
    subject.start_defrost()
    assert not subject.defrosting
    warm.change_set_point(8.0)
    warm.start_defrost()
    assert warm.set_point_c is None
    assert not warm.defrosting


def test_a_zone_that_is_not_cooled_follows_the_weather() -> None:
    subject = zone(set_point_c=None)
    subject.pass_time(DAY_S, 1)
    assert subject.air.temperature_c == pytest.approx(24)
    subject.set_outside(Air(-5.0, 80.0))
    subject.pass_time(7 * DAY_S, 0)
    assert subject.air.temperature_c == pytest.approx(-5.0, abs=0.01)
    assert subject.watts == 0
    assert subject.outside.temperature_c == -5.0


@given(
    st.floats(0.001, 20_000),
    st.integers(1, 50),
    st.integers(0, 8),
    st.sampled_from([4.0, -18.0, None]),
)
def test_many_small_steps_are_one_big_step(
    seconds: float, steps: int, doors: int, set_point_c: float | None
) -> None:
    once, often = zone(set_point_c=set_point_c), zone(set_point_c=set_point_c)
    for subject in (once, often):
        subject.pass_time(300, 2)
    once.pass_time(seconds, doors)
    for _ in range(steps):
        often.pass_time(seconds / steps, doors)
    assert often.air.temperature_c == pytest.approx(once.air.temperature_c, abs=1e-4)
    assert often.goods_c == pytest.approx(once.goods_c, abs=1e-4)
    assert often.air.humidity_pct == pytest.approx(once.air.humidity_pct)


@given(
    st.lists(st.tuples(st.integers(1, 900), st.integers(0, 3)), min_size=1, max_size=6),
    st.sampled_from([4.0, -18.0, None]),
    st.floats(-10, 40),
)
def test_no_heat_comes_from_nowhere(
    story: list[tuple[int, int]], set_point_c: float | None, outside_c: float
) -> None:
    """What air and goods gain is what came through walls and doors plus what the machine put in or took out."""
    subject = zone(Air(outside_c, 60), set_point_c=set_point_c)
    model = subject.model
    before_j, came_in_j, most_w = stored_j(subject), 0.0, 0.0
    for seconds, doors in story:
        leak = model.leak_w_per_k + doors * model.door_w_per_k
        for _ in range(seconds):
            low_c, ran = subject.air.temperature_c, machine_w(subject)
            subject.pass_time(1, doors)
            mean_k = outside_c - (low_c + subject.air.temperature_c) / 2
            # within the one second in which the machine switches, half of both is not exact
            most_w += abs(ran - machine_w(subject))
            came_in_j += leak * mean_k + (ran + machine_w(subject)) / 2
    slack_j = 1 + most_w + 1e-4 * abs(came_in_j)
    assert stored_j(subject) - before_j == pytest.approx(came_in_j, abs=slack_j)


def machine_w(subject: Zone) -> float:
    cooling = subject.model.cooling
    if cooling is None:
        return 0.0
    heater_w = subject.defrosting * cooling.defrost_w * DEFROST_TO_AIR
    fan_w = subject.fan_on * cooling.fan_w
    return heater_w + fan_w - subject.compressor_on * cooling.cooling_w


@given(st.integers(0, 8), st.floats(-20, 45), st.lists(st.floats(1, 50_000), max_size=20))
def test_without_mains_the_air_only_nears_the_outside(
    doors: int, outside_c: float, steps: list[float]
) -> None:
    subject = zone(Air(outside_c, 60))
    subject.set_power(on=False)
    away_k = abs(subject.air.temperature_c - outside_c)
    for seconds in steps:
        subject.pass_time(seconds, doors)
        now_k = abs(subject.air.temperature_c - outside_c)
        assert now_k <= away_k + 1e-9
        away_k = now_k


def test_sixty_days_in_one_step_end_within_the_band() -> None:
    """What the clock factor makes of a few seconds: a temperature that was swung through, not an estimate."""
    subject = zone(defrost_every_h=0)
    subject.pass_time(60 * DAY_S, 0)
    assert 3.49 < subject.air.temperature_c < 4.51
    assert subject.goods_c == pytest.approx(4.0, abs=0.1)
