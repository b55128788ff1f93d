"""Failpoints: nothing by itself, what a test armed, and a watcher of them all."""

from collections.abc import Iterator

import pytest

from common.kit.failpoints import arm, disarm_all, fp, watch


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    disarm_all()


def test_only_what_is_armed_happens() -> None:
    passed: list[str] = []
    arm("a.here", lambda: passed.append("a.here"))
    fp("a.here")
    fp("a.there")
    disarm_all()
    fp("a.here")
    assert passed == ["a.here"]


def test_a_watcher_hears_every_name_after_what_is_armed_there() -> None:
    passed: list[str] = []
    watch(passed.append)
    arm("a.here", lambda: passed.append("armed"))
    fp("a.here")
    fp("a.there")
    assert passed == ["armed", "a.here", "a.there"]
    disarm_all()
    fp("a.here")
    assert len(passed) == 3
