"""The sync drill's plan, drawn from the seed in the scenario language before anything runs."""

import random
from dataclasses import dataclass

from linli.world.scenario import DAY_S, Fault, FaultKind

_HOUR_S = 3600.0
_BUSY_S = 6 * _HOUR_S
PLACES = (
    "sync.edge.request_signed",
    "sync.edge.answer_read",
    "sync.edge.acked",
    "sync.edge.rows_applied",
    "sync.edge.session_stored",
    "sync.hub.events_stored",
    "sync.hub.effects_done",
    "sync.hub.events_committed",
    "sync.hub.hello_committed",
    "sync.hub.cursor_moved",
)


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What station and hub have to tell each other, and what comes between."""

    seed: int
    horizon_s: float
    facts: tuple[float, ...]
    measurements: tuple[float, ...]
    rows: tuple[float, ...]
    faults: tuple[Fault, ...]
    again: float
    """Share of requests that arrive once more, perhaps much later."""


def sync_plan(seed: int) -> SyncPlan:
    """Draw some hours; on half of the seeds seven days without the other follow, and some hours more."""
    rng = random.Random(f"sync|{seed}")
    parted, back_s = rng.random() < 0.5, _BUSY_S + 7 * DAY_S
    horizon_s = back_s + _BUSY_S if parted else _BUSY_S
    busy = [(0.0, _BUSY_S)] + ([(back_s, horizon_s)] if parted else [])
    faults = [Fault(_BUSY_S, FaultKind.CUT, 7 * DAY_S)] if parted else []
    for start_s, end_s in busy:
        faults += _faults(rng, start_s, end_s)

    def moments(count: int) -> tuple[float, ...]:
        spans = [rng.choice(busy) if rng.random() < 0.8 else (0.0, horizon_s) for _ in range(count)]
        return tuple(sorted(60 + rng.uniform(*span) for span in spans))

    return SyncPlan(
        seed, horizon_s, moments(80), moments(20), moments(30), tuple(sorted(faults)),
        rng.choice((0.0, 0.02, 0.1)),
    )  # fmt: skip


def _faults(rng: random.Random, start_s: float, end_s: float) -> list[Fault]:
    found: list[Fault] = []

    def some(most: int, kind: FaultKind, longest_s: float, *details: str) -> None:
        for _ in range(rng.randint(0, most)):
            detail = rng.choice(details) if details else ""
            at_s, amount = rng.uniform(start_s, end_s), rng.choice((0.05, 0.3, 0.9))
            found.append(Fault(at_s, kind, rng.uniform(5, longest_s), detail, amount))

    some(3, FaultKind.CUT, _HOUR_S)
    some(6, FaultKind.SEVER, 5)
    some(4, FaultKind.STRIKE, _HOUR_S / 2, *PLACES)
    some(2, FaultKind.STOP_STATION, 600)
    some(3, FaultKind.KILL_STATION, 600)
    some(2, FaultKind.STOP_HUB, 1800)
    some(1, FaultKind.RESTORE_HUB, 1800)
    some(1, FaultKind.RESTORE_STATION, 1800)
    return found
