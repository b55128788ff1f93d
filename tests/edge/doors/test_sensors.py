"""Door contacts bounce and go silent; neither may look like a door that moved."""

from hypothesis import given
from hypothesis import strategies as st

from edge.doors.sensors import Sensors


def test_a_change_needs_equal_samples() -> None:
    subject = Sensors(("A",), 2)
    assert subject.open("A") is None
    assert subject.feed({"A": False}, 1) == []
    assert subject.feed({"A": False}, 2) == [("A", False)]
    for sample in (True, False, True, False):
        assert subject.feed({"A": sample}, 3) == []
    subject.feed({"A": True}, 4)
    assert subject.feed({"A": True}, 5) == [("A", True)]
    assert subject.since_s("A") == 5


def test_two_misses_keep_the_last_value_the_third_makes_it_unknown() -> None:
    subject = Sensors(("A",), 1)
    subject.feed({"A": True}, 1)
    subject.feed({"A": None}, 2)
    assert subject.feed({"A": None}, 3) == []
    assert subject.open("A") is True
    assert subject.feed({"A": None}, 4) == [("A", None)]


def test_a_miss_between_two_samples_breaks_the_run() -> None:
    subject = Sensors(("A",), 2)
    for sample in (True, None, True):
        assert subject.feed({"A": sample}, 1) == []
    assert subject.feed({"A": True}, 2) == [("A", True)]


def test_a_forced_state_holds_until_equal_samples_say_otherwise() -> None:
    subject = Sensors(("A",), 2)
    subject.force("A", open_=True, at_s=1)
    assert subject.feed({"A": False}, 2) == []
    assert subject.feed({"A": False}, 3) == [("A", False)]


@given(st.lists(st.sampled_from((True, False, None)), max_size=40), st.integers(1, 5))
def test_what_is_known_was_always_seen_often_enough(samples: list[bool | None], equal: int) -> None:
    subject = Sensors(("A",), equal)
    for place, sample in enumerate(samples):
        for _, after in subject.feed({"A": sample}, place):
            if after is not None:
                assert samples[place - equal + 1 : place + 1] == [after] * equal
            else:
                assert samples[place - 2 : place + 1] == [None] * 3
