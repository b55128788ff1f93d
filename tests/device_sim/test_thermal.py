"""The two masses: the closed form against small steps of the same equations, and the moments of crossing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_sim.thermal import Masses, Mode, Trajectory

MASSES = Masses(20_000, 70_000, 8)
COOLING = Mode(24, 2, -250)
RESTING = Mode(24, 2, 0)
temperatures = st.floats(-30, 50)
courses = st.builds(
    Trajectory,
    st.builds(
        Masses, st.floats(1e3, 1e6), st.floats(1e3, 1e7), st.floats(0.1, 500)
    ),
    st.builds(Mode, temperatures, st.floats(0.1, 300), st.floats(-500, 500)),
    temperatures,
    temperatures,
)  # fmt: skip


def small_steps(masses: Masses, mode: Mode, air_c: float, goods_c: float, seconds: int) -> float:
    """Return the air after `seconds` of Euler's steps of 10 ms."""
    for _ in range(seconds * 100):
        between_w = masses.air_goods_w_per_k * (air_c - goods_c)
        in_w = mode.leak_w_per_k * (mode.outside_c - air_c) + mode.machine_w
        air_c += (in_w - between_w) / masses.air_j_per_k * 0.01
        goods_c += between_w / masses.goods_j_per_k * 0.01
    return air_c


@pytest.mark.parametrize("mode", [COOLING, RESTING, Mode(-10, 27, 37)])
def test_it_solves_the_equations(mode: Mode) -> None:
    subject = Trajectory(MASSES, mode, 9.0, 4.0)
    assert subject.at(300)[0] == pytest.approx(small_steps(MASSES, mode, 9.0, 4.0, 300), abs=1e-3)


@given(courses)
def test_it_starts_where_it_is_told_and_ends_at_rest(course: Trajectory) -> None:
    air_c, goods_c = course.at(1e12)
    assert air_c == pytest.approx(goods_c, abs=1e-6)


def test_the_start_is_kept() -> None:
    assert Trajectory(MASSES, COOLING, 9.0, 4.5).at(0) == pytest.approx((9.0, 4.5))


@given(courses, temperatures, st.booleans(), st.floats(0, 1e5))
def test_nothing_is_crossed_before_the_moment_named(
    course: Trajectory, level_c: float, rising: bool, from_s: float
) -> None:
    reached_s = course.air_reaches_s(level_c, rising=rising, from_s=from_s)
    assert reached_s >= from_s
    sign = 1 if rising else -1
    if reached_s < math.inf:
        assert sign * (course.at(reached_s)[0] - level_c) >= 0
    horizon_s = min(reached_s - 1e-5, from_s + 1e7)
    for part in range(1, 200):
        at_s = from_s + (horizon_s - from_s) * part / 200
        if from_s < at_s < horizon_s:
            assert sign * (course.at(at_s)[0] - level_c) < 1e-6


def test_a_swing_that_turns_round_is_found() -> None:
    """Warm goods, cold air: the air rises past 10 degC, then falls; looked for late, it is never there again."""
    subject = Trajectory(MASSES, Mode(4, 2, 0), 4.0, 20.0)
    first_s = subject.air_reaches_s(10, rising=True)
    assert subject.at(first_s)[0] == pytest.approx(10, abs=1e-6)
    falls_s = subject.air_reaches_s(10, rising=False, from_s=first_s + 60)
    assert falls_s > first_s + 60
    assert subject.air_reaches_s(10, rising=True, from_s=falls_s + 1) == math.inf
