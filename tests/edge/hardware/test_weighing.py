"""When a weight counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contract.words import Quality
from edge.hardware.ports import ScaleReading
from edge.hardware.weighing import Refused, Stillness, Weighed, Zero, weigh, zero_of

D = 10_000
"""A division of 10 g."""


def read(mg: int, *, stable: bool = True) -> ScaleReading:
    return ScaleReading(mg, stable=stable, quality=Quality.GOOD)


def settle(*readings: tuple[float, ScaleReading]) -> list[int | None]:
    subject = Stillness(D)
    return [subject.settled_mg(reading, at_s) for at_s, reading in readings]


def test_a_second_without_more_than_a_division_is_still() -> None:
    told = settle(*((n * 0.25, read(50_000 + D * (n % 2))) for n in range(6)))
    assert told == [None, None, None, None, 50_000, 60_000]


def test_stable_by_its_own_word_but_creeping_is_not_still() -> None:
    assert set(settle(*((n * 0.2, read(n * D)) for n in range(50)))) == {None}


def test_a_reading_in_motion_begins_the_second_anew() -> None:
    steps = [(n * 0.25, read(0)) for n in range(4)] + [(1.0, read(0, stable=False))]
    steps += [(1.25 + n * 0.25, read(0)) for n in range(5)]
    assert settle(*steps) == [None] * 9 + [0]


@pytest.mark.parametrize(
    "bad",
    [
        ScaleReading(None, stable=False, quality=Quality.STALE),
        ScaleReading(None, stable=True, quality=Quality.GOOD),
        ScaleReading(0, stable=True, quality=Quality.BAD),
    ],
)
def test_a_bad_reading_begins_anew(bad: ScaleReading) -> None:
    steps = [(n * 0.25, read(0)) for n in range(4)] + [(1.0, bad), (1.25, read(0))]
    assert settle(*steps) == [None] * 6


def test_readings_too_far_apart_show_nothing() -> None:
    assert settle((0.0, read(0)), (0.6, read(0)), (1.2, read(0)), (1.8, read(0))) == [None] * 4


@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.integers(-5, 5), st.booleans()), min_size=1, max_size=60
    )
)
def test_what_is_settled_was_still_for_a_whole_second(steps: list[tuple[int, int, bool]]) -> None:
    subject, at_s = Stillness(D), 0.0
    seen: list[tuple[float, int, bool]] = []
    for wait, divisions, stable in steps:
        at_s += wait * 0.05
        seen.append((at_s, divisions * D // 2, stable))
        if subject.settled_mg(read(divisions * D // 2, stable=stable), at_s) is None:
            continue
        second = [one for one in seen if one[0] >= at_s - 1.0]
        assert all(one[2] for one in second)
        assert max(one[1] for one in second) - min(one[1] for one in second) <= D


@pytest.mark.parametrize(
    ("gross_mg", "is_shut", "expected"),
    [
        (0, False, Zero.EMPTY),
        (2 * D, False, Zero.EMPTY),
        (-2 * D, False, Zero.EMPTY),
        (2 * D + 1, True, Zero.TARE),
        (2 * D + 1, False, Zero.FLAP_OPEN),
        (600_000, True, Zero.TARE),
        (600_001, True, Zero.NOT_EMPTY),
        (-600_001, True, Zero.NOT_EMPTY),
        (-600_000, True, Zero.TARE),
    ],
)
def test_what_counts_as_an_empty_scale(gross_mg: int, is_shut: bool, expected: Zero) -> None:
    said = zero_of(gross_mg, division_mg=D, capacity_mg=30_000_000, is_shut=is_shut)
    assert said is expected


@pytest.mark.parametrize(
    ("before_mg", "after_mg", "expected"),
    [
        (0, 200_000, Weighed(0, 200_000)),
        (50_000, 250_000, Weighed(50_000, 250_000)),
        (0, 199_999, Refused.TOO_LIGHT),
        (200_000, 0, Refused.NEGATIVE),
        (-300_000, -100_000, Weighed(-300_000, -100_000)),
        (0, 30_000_000, Weighed(0, 30_000_000)),
        (0, 30_000_001, Refused.OVER),
        (5, 5, Refused.TOO_LIGHT),
    ],
)
def test_what_is_weighed(before_mg: int, after_mg: int, expected: Weighed | Refused) -> None:
    said = weigh(before_mg, after_mg, minimum_mg=200_000, capacity_mg=30_000_000)
    assert said == expected
    if isinstance(said, Weighed):
        assert said.net_mg == after_mg - before_mg
