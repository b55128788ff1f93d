"""What a quiet station does by the clock, at level 1 done seldom: news wakes everybody, so seconds need not be counted.

Only periods are changed, no rule: each of these jobs also runs when something happens.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from edge import stores
from edge.access import powered
from edge.pickup import grants
from edge.sync import link

CHECKPOINT_S = 14400.0
_PERIODS = (
    (stores, "DISK_LOOK_S", 43200.0),  # the disk of this level never fills
    (powered, "CHECKPOINT_S", CHECKPOINT_S),
    (grants, "SWEEP_S", 14400.0),
    (link, "JANITOR_S", 86400.0),
)


@contextmanager
def calm() -> Iterator[None]:
    """Let the clockwork of the daemon turn slowly for a while."""
    before = [(module, name, getattr(module, name)) for module, name, _ in _PERIODS]
    for module, name, period_s in _PERIODS:
        setattr(module, name, period_s)
    try:
        yield
    finally:
        for module, name, period_s in before:
            setattr(module, name, period_s)
