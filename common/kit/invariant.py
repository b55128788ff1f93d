"""Invariants checked in production: a broken one is said loudly and stops what it concerns, never goes on silently.

Raised inside a transaction it undoes it; the station's link then pauses, the hub holds the lane and raises an alarm.
"""

import logging

from common.kit.errors import UnavailableError

_log = logging.getLogger(__name__)
HELD_S = 60
"""When to try what an invariant stopped again: a person has to look."""


class InvariantError(UnavailableError):
    """Something holds that must not: this program or its data is wrong."""


def must(holds: bool, invariant: str, detail: str) -> None:
    """Go on when `holds`; else log it and raise. `invariant` is its name in docs/operations/guarantees.md."""
    if holds:
        return
    _log.critical("invariant %s is broken: %s", invariant, detail)
    raise InvariantError(
        "internal.invariant", f"{invariant}: {detail}", invariant=invariant, wait_s=HELD_S
    )
