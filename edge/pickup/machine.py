"""The life of a grant on its station as a table: (state, trigger) → state; an unknown pair raises.

Pure; the diagram in docs/operations/grants.md is generated from it. Facts win: a door seen open beats everything.
"""

from enum import StrEnum

from common.contract.words import GrantState as S


class Trigger(StrEnum):
    """What happens to a grant."""

    ALL_PUT_IN = "all put in"
    PUT_IN_UNDONE = "put-in undone"
    OPEN_ASKED = "open asked"
    DOOR_OPENED = "door seen open"
    NOT_OPENED = "door not seen open"
    ITEMS_LEFT = "session over, items left"
    ALL_TAKEN = "all taken"
    REVOKED = "revoked by the hub"
    EXPIRED = "time is over"


TRANSITIONS: dict[tuple[S, Trigger], S] = {
    (S.WAITING, Trigger.ALL_PUT_IN): S.ISSUED,
    (S.WAITING, Trigger.DOOR_OPENED): S.OPENED,
    (S.WAITING, Trigger.ALL_TAKEN): S.DONE,
    (S.WAITING, Trigger.REVOKED): S.REVOKED,
    (S.WAITING, Trigger.EXPIRED): S.EXPIRED,
    (S.ISSUED, Trigger.PUT_IN_UNDONE): S.WAITING,
    (S.ISSUED, Trigger.OPEN_ASKED): S.OPENING,
    (S.ISSUED, Trigger.DOOR_OPENED): S.OPENED,  # the bolt gave way after we had stopped waiting
    (S.ISSUED, Trigger.ALL_TAKEN): S.DONE,
    (S.ISSUED, Trigger.REVOKED): S.REVOKED,
    (S.ISSUED, Trigger.EXPIRED): S.EXPIRED,
    (S.OPENING, Trigger.DOOR_OPENED): S.OPENED,
    (S.OPENING, Trigger.NOT_OPENED): S.ISSUED,
    (S.OPENED, Trigger.OPEN_ASKED): S.OPENED,
    (S.OPENED, Trigger.DOOR_OPENED): S.OPENED,
    (S.OPENED, Trigger.NOT_OPENED): S.OPENED,
    (S.OPENED, Trigger.ITEMS_LEFT): S.ISSUED,
    (S.OPENED, Trigger.ALL_TAKEN): S.DONE,
    (S.REVOKED, Trigger.DOOR_OPENED): S.OPENED,
    (S.EXPIRED, Trigger.DOOR_OPENED): S.OPENED,
    (S.DONE, Trigger.DOOR_OPENED): S.DONE,
}
FINAL = frozenset({S.DONE, S.REVOKED, S.EXPIRED})


class UnknownTransitionError(Exception):
    """The table has no such pair: a mistake in the program, not in the world."""


def next_state(state: S, trigger: Trigger) -> S:
    """Return the state that follows; UnknownTransitionError for a pair the table does not have."""
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise UnknownTransitionError(f"grant: {state} has no {trigger!r}") from None


def diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> waiting"]
    lines += [f"    {a} --> {b}: {t}" for (a, t), b in TRANSITIONS.items()]
    lines += [f"    {state} --> [*]" for state in S if state in FINAL]
    return "\n".join(lines)
