"""The door table, exhaustively."""

from pathlib import Path

import pytest

from common.contract.events import DoorChanged
from common.contract.words import DoorState
from edge.doors.machine import (
    TRANSIENT,
    TRANSITIONS,
    Trigger,
    UnknownTransitionError,
    diagram,
    next_state,
    stored_as,
)

PAGE = Path(__file__).parents[3] / "docs/operations/doors.md"


@pytest.mark.parametrize("state", DoorState)
@pytest.mark.parametrize("trigger", Trigger)
def test_every_pair_is_in_the_table_or_raises(state: DoorState, trigger: Trigger) -> None:
    if (state, trigger) in TRANSITIONS:
        assert next_state(state, trigger) is TRANSITIONS[state, trigger]
    else:
        with pytest.raises(UnknownTransitionError, match=f"{state} has no way out by {trigger}"):
            next_state(state, trigger)


def test_every_state_is_reached_from_queued() -> None:
    seen = {DoorState.QUEUED}
    while new := {b for (a, _), b in TRANSITIONS.items() if a in seen} - seen:
        seen |= new
    assert seen == set(DoorState)


def test_a_request_has_one_turn_and_one_pulse() -> None:
    into_pulsing = {pair for pair, after in TRANSITIONS.items() if after is DoorState.PULSING}
    assert into_pulsing == {(DoorState.PRECHECK, Trigger.PULSE_STORED)}
    into_precheck = {pair for pair, after in TRANSITIONS.items() if after is DoorState.PRECHECK}
    assert into_precheck == {(DoorState.QUEUED, Trigger.TAKEN)}
    assert DoorState.QUEUED not in TRANSITIONS.values()


def test_only_the_sensor_leads_to_open_and_closed() -> None:
    for (_, trigger), after in TRANSITIONS.items():
        assert (after is DoorState.OPEN) == (trigger is Trigger.SEEN_OPEN)
        assert (after is DoorState.CLOSED) == (trigger is Trigger.SEEN_CLOSED)


def test_no_restart_leads_to_a_pulse() -> None:
    after = {b for (_, t), b in TRANSITIONS.items() if t is Trigger.RESTARTED_SHUT}
    assert after == {DoorState.INDETERMINATE}


def test_what_is_stored_has_a_word_in_the_contract() -> None:
    words = set(DoorChanged.model_fields["state"].annotation.__args__)  # type: ignore[union-attr]
    assert words == {str(state) for state in DoorState if state not in TRANSIENT}


def test_a_transient_state_stands_on_disk_as_where_it_came_from() -> None:
    assert stored_as(DoorState.OPEN) == {DoorState.OPEN}
    assert stored_as(DoorState.WAIT_OPEN) == {DoorState.PULSING}
    assert stored_as(DoorState.PRECHECK) == {DoorState.QUEUED}


def test_the_diagram_in_the_docs_is_the_table() -> None:
    assert diagram() in PAGE.read_text(encoding="utf-8")
