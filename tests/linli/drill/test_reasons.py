"""Which pulse has a reason: planted pulses with and without one."""

import pytest

from linli.drill.reasons import ON_THE_WIRE_S, WITHIN_S, Act, Seen, without_reason

DOORS = frozenset({"A01", "A02"})


def _act(at_s: float, doors: frozenset[str] | None = DOORS) -> Act:
    return Act(at_s, "code", doors)


def test_a_pulse_after_its_act_has_a_reason() -> None:
    assert without_reason([Seen(11.0, "A01")], [_act(10.0)], []) == []


@pytest.mark.parametrize(
    "pulse",
    [
        Seen(9.0, "A01"),
        Seen(10.0 + WITHIN_S + 1, "A01"),
        Seen(11.0, "B01"),
    ],
    ids=["before", "too late", "another door"],
)
def test_a_pulse_at_the_wrong_time_or_door_has_none(pulse: Seen) -> None:
    (sentence,) = without_reason([pulse], [_act(10.0)], [])
    assert pulse.door in sentence


def test_an_act_explains_one_pulse_only() -> None:
    pulses = [Seen(11.0, "A01"), Seen(12.0, "A01")]
    assert len(without_reason(pulses, [_act(10.0)], [])) == 1
    assert without_reason(pulses, [_act(10.0), _act(11.5)], []) == []


def test_what_the_station_may_choose_is_explained_at_any_door() -> None:
    assert without_reason([Seen(11.0, "B07")], [_act(10.0, None)], []) == []


def test_no_act_outlives_the_daemon_that_heard_it() -> None:
    act, death_s = _act(10.0), 10.5
    left_before = Seen(death_s + ON_THE_WIRE_S / 2, "A01")
    by_itself = Seen(death_s + ON_THE_WIRE_S + 1, "A01")
    assert without_reason([left_before], [act], [death_s]) == []
    assert len(without_reason([by_itself], [act], [death_s])) == 1
    assert without_reason([by_itself], [act, _act(11.2)], [death_s]) == []


def test_the_act_that_ends_first_is_used_first() -> None:
    early, late = _act(10.0), _act(20.0)
    assert without_reason([Seen(21.0, "A01"), Seen(35.0, "A01")], [late, early], []) == []
