"""The air: towards outside with a door open, back when shut, the same in one step or in many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_sim.zone import Air, Zone

COLD, OUTSIDE = Air(4.0, 70.0), Air(24.0, 60.0)


def zone() -> Zone:
    return Zone("chilled", COLD, OUTSIDE)


def test_shut_it_stays_at_its_set_point() -> None:
    subject = zone()
    subject.pass_time(86_400, 0)
    assert subject.air.temperature_c == pytest.approx(4.0)


def test_open_it_drifts_to_outside_and_back_when_shut() -> None:
    subject = zone()
    subject.pass_time(240, 1)
    warm_c = subject.air.temperature_c
    assert 8.0 < warm_c < 10.0
    subject.pass_time(86_400, 1)
    assert subject.air.temperature_c == pytest.approx(24.0, abs=0.01)
    subject.pass_time(3600, 0)
    assert 4.0 < subject.air.temperature_c < 4.1


def test_more_open_doors_warm_faster() -> None:
    one, three = zone(), zone()
    one.pass_time(60, 1)
    three.pass_time(60, 3)
    assert three.air.temperature_c > one.air.temperature_c


@given(st.floats(0.001, 10_000), st.integers(1, 50), st.integers(0, 8))
def test_many_small_steps_are_one_big_step(seconds: float, steps: int, doors: int) -> None:
    once, often = zone(), zone()
    for subject in (once, often):
        subject.pass_time(300, 2)
    once.pass_time(seconds, doors)
    for _ in range(steps):
        often.pass_time(seconds / steps, doors)
    assert often.air.temperature_c == pytest.approx(once.air.temperature_c)
    assert often.air.humidity_pct == pytest.approx(once.air.humidity_pct)
