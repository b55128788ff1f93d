"""The life of one open request as a table: (state, trigger) → state; an unknown pair raises.

Pure: effects happen outside, after the new state is stored. The diagram in docs/operations/doors.md is made from it.
"""

from enum import StrEnum

from common.contract.words import DoorState


class Trigger(StrEnum):
    """What may happen to an open request."""

    TAKEN = "taken"
    """Its turn has come: duty and supply allow a pulse."""
    WAITED_TOO_LONG = "waited_too_long"
    PULSE_STORED = "pulse_stored"
    """"Pulse n" is durable; only now may the frame leave."""
    FRAME_LEFT = "frame_left"
    """Acknowledged or not: the sensor decides from here."""
    NOT_SENT = "not_sent"
    REFUSED = "refused"
    """The board answered with an exception."""
    SEEN_OPEN = "seen_open"
    STAYED_SHUT = "stayed_shut"
    UNSEEN = "unseen"
    """The time is over and the sensor could not be read."""
    SEEN_CLOSED = "seen_closed"
    RESTARTED_SHUT = "restarted_shut"
    """The daemon started, found the intent without an outcome and the door shut or unreadable."""


S, T = DoorState, Trigger

TRANSITIONS: dict[tuple[DoorState, Trigger], DoorState] = {
    (S.QUEUED, T.TAKEN): S.PRECHECK,
    (S.QUEUED, T.WAITED_TOO_LONG): S.EXPIRED,
    (S.QUEUED, T.SEEN_OPEN): S.OPEN,  # only at a start
    (S.QUEUED, T.RESTARTED_SHUT): S.INDETERMINATE,
    (S.PRECHECK, T.PULSE_STORED): S.PULSING,
    (S.PULSING, T.FRAME_LEFT): S.WAIT_OPEN,
    (S.PULSING, T.NOT_SENT): S.BUS_DOWN,
    (S.PULSING, T.REFUSED): S.FAILED_OPEN,
    (S.PULSING, T.SEEN_OPEN): S.OPEN,  # only at a start
    (S.PULSING, T.RESTARTED_SHUT): S.INDETERMINATE,
    (S.WAIT_OPEN, T.SEEN_OPEN): S.OPEN,
    (S.WAIT_OPEN, T.STAYED_SHUT): S.FAILED_OPEN,
    (S.WAIT_OPEN, T.UNSEEN): S.INDETERMINATE,
    (S.OPEN, T.SEEN_CLOSED): S.CLOSED,
    (S.FAILED_OPEN, T.SEEN_OPEN): S.OPEN,  # pushed or pulled a moment too late
    (S.INDETERMINATE, T.SEEN_OPEN): S.OPEN,  # the first reading after the sensor came back
}

TRANSIENT = frozenset({S.PRECHECK, S.WAIT_OPEN})
"""Never stored: a power cut in them reads as the stored state before (nothing sent / pulse sent, outcome open)."""

_STORED_BEFORE: dict[DoorState, frozenset[DoorState]] = {
    passing: frozenset(a for (a, _), b in TRANSITIONS.items() if b is passing)
    for passing in sorted(TRANSIENT)
}

LIVE = frozenset({S.QUEUED, S.PRECHECK, S.PULSING, S.WAIT_OPEN, S.OPEN})
"""A door with a request in one of these takes no second one."""


class UnknownTransitionError(RuntimeError):
    """The table has no such pair: a defect, never a state of the world."""


def next_state(state: DoorState, trigger: Trigger) -> DoorState:
    """Return the state that follows; an unknown pair raises UnknownTransitionError."""
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise UnknownTransitionError(f"{state} has no way out by {trigger}") from None


def stored_as(state: DoorState) -> frozenset[DoorState]:
    """Return what may stand on disk while a request is in `state`: itself, or where a transient one came from."""
    return _STORED_BEFORE.get(state, frozenset({state}))


def diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {S.QUEUED}"]
    lines += [f"    {a} --> {b}: {t}" for (a, t), b in TRANSITIONS.items()]
    ends = [s for s in S if not any(a is s for a, _ in TRANSITIONS)]
    return "\n".join(lines + [f"    {s} --> [*]" for s in ends])
