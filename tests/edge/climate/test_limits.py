"""Marking a zone as outside its limits: pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.climate.limits import HYSTERESIS_C, LimitState, judge, limit_c

COLD = LimitState(min_c=0.0, max_c=8.0)


def _after(*samples: float | None, state: LimitState = COLD) -> list[bool]:
    seen = []
    for sample in samples:
        state = judge(state, sample)
        seen.append(state.over)
    return seen


@pytest.mark.parametrize(
    ("samples", "over"),
    [
        ((8.0, 8.0, 8.0), [False] * 3),  # the limit itself is inside
        ((8.1, 8.1), [False, True]),
        ((-0.1, -0.1), [False, True]),  # food freezes: that is outside, too
        ((9.0, 5.0, 9.0, 5.0), [False] * 4),  # one sample proves nothing
        ((9.0, None, 9.0), [False] * 3),  # a bad one breaks the run
        ((9.0, 9.0, 7.9, 7.9, 7.9), [False, True, True, True, True]),  # inside, but too close
        ((9.0, 9.0, 7.7, 7.7), [False, True, True, False]),
        ((9.0, 9.0, None, None, None), [False, True, True, True, True]),
        ((9.0, 9.0, 5.0, 9.0, 5.0, 5.0), [False, True, True, True, True, False]),
    ],
)
def test_judge(samples: tuple[float | None, ...], over: list[bool]) -> None:
    assert _after(*samples) == over


@given(st.lists(st.floats(8.0 - HYSTERESIS_C + 0.01, 8.0), max_size=50))
def test_noise_at_the_limit_never_flickers(samples: list[float]) -> None:
    assert _after(*samples) == [False] * len(samples)
    over = LimitState(0.0, 8.0, over=True)
    assert _after(*samples, state=over) == [True] * len(samples)


@given(st.lists(st.one_of(st.none(), st.floats(-50, 60)), max_size=60))
def test_a_mark_always_rests_on_two_samples_in_a_row(samples: list[float | None]) -> None:
    before = False
    for place, now in enumerate(_after(*samples)):
        if now is not before:
            pair = samples[place - 1 : place + 1]
            assert len(pair) == 2
            assert None not in pair
        before = now


def test_the_limit_that_was_crossed_is_the_nearer_one() -> None:
    assert limit_c(COLD, 9.5) == 8.0
    assert limit_c(COLD, -0.5) == 0.0
