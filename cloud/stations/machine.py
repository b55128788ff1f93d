"""Two tables of the hub: what a station's reports make of a grant, and of a command.

Facts are never refused: both tables are total for what a station can report; later facts win over the hub's own guess.
"""

from enum import StrEnum

from common.contract.words import CommandState


class HubGrantState(StrEnum):
    """A grant as the hub tells it."""

    WAITING = "waiting"  # at the station or on the way there; the parcels are not put in yet
    ACTIVE = "active"
    OPENED = "opened"
    DONE = "done"
    REVOKED = "revoked"
    EXPIRED = "expired"


class GrantTrigger(StrEnum):
    """What a station reports, and the two ends the hub itself sees."""

    ACTIVATED = "activated"
    ISSUED = "issued"  # an attempt ended without an open door: the code is valid again
    OPENING = "opening"
    OPENED = "opened"
    DONE = "done"
    REVOKED = "revoked"
    EXPIRED = "expired"


_G, _T = HubGrantState, GrantTrigger
_LIVE = (_G.WAITING, _G.ACTIVE)
LIVE_GRANTS = frozenset({_G.WAITING, _G.ACTIVE, _G.OPENED})

GRANT_TRANSITIONS: dict[tuple[HubGrantState, GrantTrigger], HubGrantState] = {
    **{(state, _T.ACTIVATED): _G.ACTIVE for state in _LIVE},
    **{(state, _T.ISSUED): _G.ACTIVE for state in _LIVE},
    **{(state, _T.OPENING): _G.ACTIVE for state in _LIVE},
    # The sensor saw the door open: that counts, whatever the hub believed.
    **{(state, _T.OPENED): _G.OPENED for state in _G if state is not _G.DONE},
    **{(state, _T.DONE): _G.DONE for state in _G},
    **{(state, _T.REVOKED): _G.REVOKED for state in _LIVE},
    **{(state, _T.EXPIRED): _G.EXPIRED for state in _LIVE},
    # The next compartment or a re-open of a grant in use; a used grant cannot be revoked, it ends.
    **{(_G.OPENED, trigger): _G.OPENED for trigger in (_T.ACTIVATED, _T.ISSUED, _T.OPENING)},
    **{(_G.OPENED, trigger): _G.DONE for trigger in (_T.REVOKED, _T.EXPIRED)},
    # Ends stay ends.
    **{(_G.DONE, trigger): _G.DONE for trigger in _T},
    **{
        (state, trigger): state
        for state in (_G.REVOKED, _G.EXPIRED)
        for trigger in (_T.ACTIVATED, _T.ISSUED, _T.OPENING, _T.REVOKED, _T.EXPIRED)
    },
}


def next_grant_state(state: HubGrantState, trigger: GrantTrigger) -> HubGrantState:
    """Return the grant's state after `trigger`; KeyError for a pair the table does not know."""
    return GRANT_TRANSITIONS[state, trigger]


_C = CommandState
FINAL_COMMANDS = frozenset({_C.SUCCEEDED, _C.FAILED, _C.EXPIRED, _C.UNKNOWN})
_ORDER = (_C.QUEUED, _C.DELIVERED, _C.STARTED)

COMMAND_TRANSITIONS: dict[tuple[CommandState, CommandState], CommandState] = {
    # Forward only: a repeated or overtaken report changes nothing.
    **{
        (state, report): max(state, report, key=_ORDER.index)
        for state in _ORDER
        for report in _ORDER
    },
    **{(state, end): end for state in _ORDER for end in sorted(FINAL_COMMANDS)},
    # A held one is at no station: only the second person or time moves it.
    **{(_C.HELD, report): _C.HELD for report in _C if report not in (_C.QUEUED, _C.EXPIRED)},
    (_C.HELD, _C.QUEUED): _C.QUEUED,
    (_C.HELD, _C.EXPIRED): _C.EXPIRED,
    **{(state, _C.HELD): state for state in _ORDER},
    # EXPIRED and UNKNOWN are the hub's guesses; what the station knows replaces them.
    **{
        (guess, report): report if report in FINAL_COMMANDS - {_C.UNKNOWN} else guess
        for guess in (_C.EXPIRED, _C.UNKNOWN)
        for report in _C
    },
    **{(end, report): end for end in (_C.SUCCEEDED, _C.FAILED) for report in _C},
}


def next_command_state(state: CommandState, report: CommandState) -> CommandState:
    """Return the command's state after the station (or the sweep) reported `report`."""
    return COMMAND_TRANSITIONS[state, report]
