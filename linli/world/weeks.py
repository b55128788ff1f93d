"""The kinds of week there are, each drawn from a seed in the one scenario language."""

import random
from dataclasses import replace
from enum import StrEnum

from linli.world.scenario import (
    BUSY,
    DAY_S,
    QUIET,
    STATION_PLACES,
    Errand,
    Fault,
    FaultKind,
    Plan,
    plan,
)

ALONE_FROM_S = 3 * 3600.0
_ORDERS = (14, 22)
_SAMPLE_S, _SELDOM_S = 60.0, 3600.0
"""Each tenth seed measures every minute: two zones make 20,160 events in seven days."""
_LATEST_S = 12 * 3600.0
_LAST_ARRIVAL_DAYS = 10
"""Later in a month alone nothing arrives: a code ends for good 14 days after its order was locked."""


class Week(StrEnum):
    """How much goes on."""

    BUSY = "busy"
    QUIET = "quiet"
    OFFLINE = "offline"
    """The cable is cut on the first morning and stays cut; what was announced by then arrives day by day."""


def plan_of(week: Week, seed: int, days: int) -> Plan:
    """Draw the plan of `seed` for such a week."""
    if week is Week.OFFLINE:
        return _offline(seed, days)
    return plan(seed, days, BUSY if week is Week.BUSY else QUIET)


def _offline(seed: int, days: int) -> Plan:
    """Draw a week alone: the daemon stops and dies and clocks lie, but doors, bus and sensors work."""
    rng = random.Random(f"offline|{seed}|{days}")
    usual, horizon_s = plan(seed, days), days * DAY_S
    errands = usual.errands * 4  # as many kinds of people as it takes
    return replace(
        usual,
        errands=tuple(
            _announced(rng, number, errands[number], days)
            for number in range(rng.randint(*_ORDERS))
        ),
        faults=tuple(sorted(_faults(rng, horizon_s))),
        remote_opens=(),
        horizon_s=horizon_s,
        alone_from_s=ALONE_FROM_S,
        sample_s=_SELDOM_S if seed % 10 else _SAMPLE_S,
    )


def _announced(rng: random.Random, number: int, errand: Errand, days: int) -> Errand:
    return replace(
        errand,
        number=number,
        at_s=rng.uniform(60, ALONE_FROM_S / 2),
        arrives_s=rng.randrange(max(1, min(days - 1, _LAST_ARRIVAL_DAYS))) * DAY_S,
        fetch_after_s=min(errand.fetch_after_s or 0.0, _LATEST_S),
        cancel_after_s=None,
        revoke_after_s=None,
        revoked_at_door=False,
        muted=False,
        not_before_s=0.0,
    )


def _faults(rng: random.Random, horizon_s: float) -> list[Fault]:
    found = [Fault(ALONE_FROM_S, FaultKind.CUT, horizon_s)]

    def some(most: int, kind: FaultKind, longest_s: float) -> None:
        for _ in range(rng.randint(0, most)):
            at_s, amount = rng.uniform(ALONE_FROM_S, horizon_s), float(rng.random() < 0.3)
            if kind is FaultKind.CLOCK:
                amount = rng.uniform(-300, 300)
            place = rng.choice(STATION_PLACES) if kind is FaultKind.KILL_STATION else ""
            found.append(Fault(at_s, kind, rng.uniform(2, longest_s), place, amount))

    some(2, FaultKind.CLOCK, 2 * DAY_S)
    some(3, FaultKind.STOP_STATION, 300)
    some(8, FaultKind.KILL_STATION, 300)
    return found
