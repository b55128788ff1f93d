"""What a code led to, and why a right one may open nothing."""

from dataclasses import dataclass
from enum import StrEnum

from edge.access.limiter import Standing


class Hindrance(StrEnum):
    """Why a right code opens nothing: no fault of whoever typed it, so it costs no attempt."""

    NO_DOOR = "no_door"  # `station.toml` no longer has the doors behind which its parcels lie
    TIME_UNSURE = "time_unsure"  # it has not certainly ended, and not certainly not
    HELD = "held"  # the station has lost what would prove that it was not used
    ROWS_LOST = (
        "rows_lost"  # the station has lost rows of the hub: it cannot say that the code is wrong
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one code led to: a session, or how the keypad stands after it."""

    accepted: bool
    standing: Standing | None = None
    hindrance: Hindrance | None = None
