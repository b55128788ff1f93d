"""What a code led to, and why a right one may open nothing."""

from dataclasses import dataclass
from enum import StrEnum

from common.kit.errors import UnavailableError
from edge.access.limiter import Standing


class Hindrance(StrEnum):
    """Why a code opens nothing through no fault of whoever showed it: it costs no attempt."""

    NO_DOOR = "no_door"  # `station.toml` no longer has the doors behind which its parcels lie
    FENCED = "fenced"  # another daemon may have used it (edge.sync.fence); not looked up at all
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


_HINDRANCES = {
    Hindrance.NO_DOOR: ("pickup.no_door", "the compartment is not in station.toml"),
    Hindrance.TIME_UNSURE: ("pickup.time_unsure", "the station needs its hub's time first"),
    Hindrance.FENCED: ("pickup.fenced", "another computer may have used this code"),
    Hindrance.HELD: ("pickup.held", "the disk was damaged: this grant may have been used"),
    Hindrance.ROWS_LOST: ("pickup.rows_lost", "the disk was damaged: the hub must send its rows"),
}


def raise_hindrance(hindrance: Hindrance | None) -> None:
    """Tell the person what stands in the way; UnavailableError."""
    if hindrance is not None:
        raise UnavailableError(*_HINDRANCES[hindrance])
