"""Percentiles, goals, and the line that machines read."""

import json

import pytest

from linli.bench.figures import Sheet, median, percentile


def test_percentile_is_a_sample_that_enough_others_do_not_exceed() -> None:
    samples = [float(n) for n in range(100, 0, -1)]
    assert percentile(samples, 50) == 50
    assert percentile(samples, 99) == 99
    assert percentile(samples, 100) == 100
    assert percentile([7.0], 1) == 7
    assert median([3.0, 1.0, 2.0]) == 2


def test_no_samples_is_an_error() -> None:
    with pytest.raises(ValueError, match="no samples"):
        median([])


def test_a_missed_goal_is_a_violation_and_a_sentence() -> None:
    sheet = Sheet("pickup", 3)
    sheet.spread("to_wire", "ms", [1.0, 2.0, 9.0])
    sheet.goal("to_wire_p50_ms", 5)
    assert sheet.violations == []
    sheet.goal("to_wire_p99_ms", 5)
    assert "to_wire_p99_ms is 9.0, the goal is 5" in sheet.text()
    assert json.loads(sheet.as_json()) == {
        "name": "pickup",
        "runs": 3,
        "violations": 1,
        "figures": {"to_wire_p50_ms": 2.0, "to_wire_p99_ms": 9.0},
    }
