"""Every pulse needs a reason: what people asked for, what the witness saw, and which pulse nobody asked for.

Pure; all times are seconds of one monotonic clock.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WITHIN_S = 20.0
"""How long after an act its pulse may come (a queued door waits for the one before it)."""
ON_THE_WIRE_S = 0.5
"""How long after the daemon's death a frame that had left it may still move a relay."""
_CLOCKS_S = 0.05


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody asked for one pulse of one of `doors` (None: of whichever door the station chooses)."""

    at_s: float
    what: str
    doors: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One pulse as the simulator executed it."""

    at_s: float
    door: str


def without_reason(
    pulses: Iterable[Seen], acts: Iterable[Act], deaths_s: Sequence[float]
) -> list[str]:
    """Return one sentence for each pulse that no act explains.

    An act explains one pulse, of its doors, within WITHIN_S, and none after the daemon that heard it was killed.
    """
    pairs = [(_ends_s(act, deaths_s), act) for act in acts]
    free = sorted(pairs, key=lambda pair: pair[0])
    found = []
    for pulse in sorted(pulses, key=lambda one: one.at_s):
        fits = [pair for pair in free if _explains(pair, pulse)]
        if fits:
            free.remove(fits[0])
        else:
            found.append(f"door {pulse.door} was pulsed at {pulse.at_s:.2f} s, asked for by nobody")
    return found


def _ends_s(act: Act, deaths_s: Sequence[float]) -> float:
    death_s = min((one for one in deaths_s if one >= act.at_s), default=float("inf"))
    return min(act.at_s + WITHIN_S, death_s + ON_THE_WIRE_S)


def _explains(pair: tuple[float, Act], pulse: Seen) -> bool:
    ends_s, act = pair
    in_time = act.at_s - _CLOCKS_S <= pulse.at_s <= ends_s
    return in_time and (act.doors is None or pulse.door in act.doors)
