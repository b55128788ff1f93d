"""The contact that senses a door: what it shows is what a board reads, which is not always what the door does."""

import math
from dataclasses import dataclass

BOUNCE_PERIOD_S = 0.024
"""A bouncing contact opens and closes once in this time."""


@dataclass(slots=True)
class Contact:
    """A contact and what is wrong with it."""

    is_reversed: bool = False
    """Wired or bought the other way round (NO for NC)."""
    stuck_open: bool | None = None
    """What it shows whatever the door does; None: it follows the door."""
    bounce_s: float = 0.0
    """How long it chatters after a movement."""
    ajar_shows_open: bool = False
    """Where a door that is not quite shut already counts as open."""
    _moved_s: float = -math.inf

    def moved(self, at_s: float) -> None:
        """Begin to chatter: the door has moved."""
        self._moved_s = at_s

    def shows_open(self, *, is_open: bool, is_ajar: bool, at_s: float) -> bool:
        """Return what a board reads at `at_s`."""
        if self.stuck_open is not None:
            return self.stuck_open
        felt = is_open or (is_ajar and self.ajar_shows_open)
        since_s = at_s - self._moved_s
        if 0 <= since_s < self.bounce_s and since_s % BOUNCE_PERIOD_S < BOUNCE_PERIOD_S / 2:
            felt = not felt
        return felt is not self.is_reversed
