"""What the books may say differently in the end."""

import pytest

from linli.world.level1 import reckoning


def test_only_what_is_older_than_a_whole_retention_may_be_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reckoning, "RETENTION_ROWS", 3)
    told = {("facts", 1, n) for n in range(1, 6)} | {("telemetry", 1, n) for n in range(1, 9)}
    here = {("facts", 1, 4), ("facts", 1, 5)} | {("telemetry", 1, n) for n in (5, 7, 8)}
    assert reckoning.given_up(here, told) == {("telemetry", 1, n) for n in range(1, 5)}
