"""When readings may be compared: pure."""

import pytest

from edge.climate.steady import FEWEST, Steady


def fed(readings: list[float | None], pace_s: float = 2.0) -> Steady:
    steady = Steady(60.0, 0.2)
    for number, raw_c in enumerate(readings):
        steady.add(number * pace_s, raw_c)
    return steady


def test_a_minute_of_equal_readings_may_be_compared() -> None:
    assert not fed([0.5] * 30).is_steady, "58 s are no minute"
    steady = fed([0.5] * 31)
    assert steady.is_steady
    assert (steady.mean_c, steady.spread_k) == (0.5, 0.0)


def test_a_probe_that_still_cools_is_waited_for() -> None:
    warm = [8.0 - 0.1 * number for number in range(60)]
    assert not fed(list(warm)).is_steady
    still = fed([*warm, *[2.1] * 31])
    assert still.is_steady
    assert still.readings_c == (2.1,) * 31, "what was before the span does not count"


@pytest.mark.parametrize(("spread_k", "steady"), [(0.2, True), (0.3, False)])
def test_the_spread_decides(spread_k: float, steady: bool) -> None:
    assert fed([0.0, spread_k] * 16).is_steady is steady


def test_a_reading_without_a_number_begins_anew() -> None:
    steady = fed([*[0.5] * 31, None, *[0.5] * 20])
    assert not steady.is_steady
    assert len(steady.readings_c) == 20
    assert fed([]).spread_k is None


def test_a_few_readings_prove_nothing_however_long_they_took() -> None:
    assert not fed([0.5] * (FEWEST - 1), pace_s=10).is_steady
    assert not fed([0.5] * 30, pace_s=10).is_steady, "one reading in ten seconds is too few"
