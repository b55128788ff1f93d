"""Coil duty: pure arithmetic over pulse rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.doors.duty import age_s, wait_s


@pytest.mark.parametrize(
    ("ages_s", "wanted_s"),
    [
        ((), 0),
        ((0, 1, 2, 3, 4), 0),  # five of six
        ((0, 1, 2, 3, 4, 5), 55),  # six in a minute: the sixth must leave it
        ((10, 20, 30, 40, 50, 59), 20),  # the cool-down is longer than the minute's rest
        ((29, 40, 50, 60, 70, 80), 1),
        ((30, 40, 50, 60, 70, 80), 0),
        ((0, 12, 24, 36, 48, 60), 0),  # six in exactly a minute are not six *within* one
        ((40, 41, 42, 43, 44, 45, 0), 15),  # only the last six count
    ],
)
def test_wait(ages_s: tuple[float, ...], wanted_s: float) -> None:
    assert wait_s(ages_s, max_per_min=6, cool_down_s=30) == pytest.approx(wanted_s)


@given(st.lists(st.floats(0, 400), max_size=60), st.integers(1, 6), st.floats(0, 60))
def test_no_minute_ever_has_more_than_allowed(
    gaps_s: list[float], most: int, cool_down_s: float
) -> None:
    now_s = 0.0
    pulses: list[float] = []
    for gap_s in gaps_s:
        now_s += gap_s % 15
        ages = [now_s - at_s for at_s in reversed(pulses)][:most]
        now_s += wait_s(ages, max_per_min=most, cool_down_s=cool_down_s)
        pulses.append(now_s)
    for first, last in zip(pulses, pulses[most:], strict=False):
        assert last - first >= 60 - 1e-6


def test_from_one_pulse_to_the_next_a_coil_rests() -> None:
    assert wait_s((0.5, 40), max_per_min=6, cool_down_s=30, between_s=1.6) == pytest.approx(1.1)
    assert wait_s((1.6,), max_per_min=6, cool_down_s=30, between_s=1.6) == 0
    assert wait_s((), max_per_min=6, cool_down_s=30, between_s=1.6) == 0
    assert wait_s((0, 1), max_per_min=2, cool_down_s=70, between_s=1.6) == 70


def test_age_within_a_boot_is_monotonic_whatever_the_wall_does() -> None:
    row = ("boot-1", 5_000, 999_999_999)
    assert age_s(row, boot_id="boot-1", mono_ms=12_000, wall_ms=0, up_ms=1) == 7


def test_age_across_boots_is_the_walls_but_at_least_as_old_as_this_process() -> None:
    row = ("boot-1", 5_000, 100_000)
    assert age_s(row, boot_id="boot-2", mono_ms=50, wall_ms=160_000, up_ms=50) == 60
    # the wall jumped back a year: the door must not be blocked for a year
    assert age_s(row, boot_id="boot-2", mono_ms=9_000, wall_ms=-1, up_ms=9_000) == 9
