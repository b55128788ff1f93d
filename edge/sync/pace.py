"""How much a lane sends at once: a little more after every full batch that arrived, half after every one that did not.

Additive increase, multiplicative decrease (RFC 5681 does it for TCP): a bad line and a busy hub both get small batches.
"""

from common.contract.protocol import MAX_BATCH_BYTES, MAX_BATCH_EVENTS

FIRST_EVENTS = 100
STEP_EVENTS = 50


class Pace:
    """Events and bytes of the next batch."""

    def __init__(self) -> None:
        """Start carefully."""
        self.events = FIRST_EVENTS

    @property
    def body_bytes(self) -> int:
        """Return the byte budget that belongs to the number of events."""
        return max(1, MAX_BATCH_BYTES * self.events // MAX_BATCH_EVENTS)

    def arrived(self, events: int, *, full: bool) -> None:
        """Send more next time when this batch was as large as it might be."""
        if full or events >= self.events:
            self.events = min(MAX_BATCH_EVENTS, self.events + STEP_EVENTS)

    def failed(self) -> None:
        """Send half as much next time."""
        self.events = max(1, self.events // 2)
