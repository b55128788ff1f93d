"""How many batches the hub takes in hand at once: what is above is sent away with a time, before it costs anything.

A hub that lets everybody in answers nobody in time, and stations that time out send the same again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from common.kit.errors import UnavailableError

MOST_IN_FLIGHT = 32
"""Batches waiting for the writer; about a second of its work."""
RETRY_S = 2
"""Stations spread themselves behind it by chance (edge.sync.contact)."""


class Admission:
    """Counts what is in flight, over all stations and for each."""

    def __init__(self, most: int = MOST_IN_FLIGHT) -> None:
        """Let in `most` at once."""
        self.most = most
        self._stations: dict[str, int] = {}

    @property
    def in_flight(self) -> int:
        """Return how many are in."""
        return sum(self._stations.values())

    @contextmanager
    def enter(self, station_id: str, at_once: int) -> Iterator[None]:
        """Hold a place, at most `at_once` for this station; UnavailableError `sync.busy` when there is none."""
        mine = self._stations.get(station_id, 0)
        if mine >= at_once or self.in_flight >= self.most:
            raise UnavailableError("sync.busy", "the hub has its hands full", wait_s=RETRY_S)
        self._stations[station_id] = mine + 1
        try:
            yield
        finally:
            left = self._stations[station_id] - 1
            if left:
                self._stations[station_id] = left
            else:
                del self._stations[station_id]
