"""The table of a grant's life: facts win, ends are ends, nothing opens without being issued."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contract.words import GrantState
from edge.pickup.machine import (
    FINAL,
    TRANSITIONS,
    Trigger,
    UnknownTransitionError,
    diagram,
    next_state,
)
from tests.parts import ROOT


@given(st.lists(st.sampled_from(list(Trigger)), max_size=30))
def test_a_walk_never_leaves_the_promises(triggers: list[Trigger]) -> None:
    state, issued = GrantState.WAITING, False
    for trigger in triggers:
        try:
            after = next_state(state, trigger)
        except UnknownTransitionError:
            assert (state, trigger) not in TRANSITIONS
            continue
        issued = issued or after is GrantState.ISSUED
        if after is GrantState.OPENING:
            assert state is GrantState.ISSUED
            assert issued
        if state in FINAL and after is not state:
            assert trigger is Trigger.DOOR_OPENED
        if state in (GrantState.OPENING, GrantState.OPENED):
            assert trigger not in (Trigger.REVOKED, Trigger.EXPIRED)
        state = after


def test_every_state_can_be_reached_and_only_ends_have_no_way_on() -> None:
    reached = {GrantState.WAITING} | set(TRANSITIONS.values())
    assert reached == set(GrantState)
    asked = {state for state, trigger in TRANSITIONS if trigger is not Trigger.DOOR_OPENED}
    assert set(GrantState) - asked == FINAL


def test_an_unknown_pair_raises() -> None:
    with pytest.raises(UnknownTransitionError):
        next_state(GrantState.DONE, Trigger.OPEN_ASKED)


def test_the_diagram_shows_every_arrow() -> None:
    assert diagram().count("-->") == 1 + len(TRANSITIONS) + len(FINAL)
    assert diagram() in (ROOT / "docs/operations/grants.md").read_text("utf-8")
