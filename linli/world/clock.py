"""The clock of a host in the simulated world: monotonic is the loop's time, the wall may lie."""

from datetime import UTC, datetime, timedelta

from common.kit.clock import to_ms
from linli.world.loop import VirtualLoop

DAWN = datetime(2026, 10, 12, 22, 0, tzinfo=UTC)  # 06:00 in Shanghai, a Tuesday: keepers start


class WorldClock:
    """Time of one host; `skew` is how far its wall clock is off."""

    def __init__(self, loop: VirtualLoop, *, boot_id: str, start: datetime = DAWN) -> None:
        """Tell the loop's time, from `start` on."""
        self._loop = loop
        self._start = start
        self.boot_id = boot_id
        self.skew = timedelta()

    def monotonic_s(self) -> float:
        """Return virtual seconds."""
        return self._loop.time()

    def wall(self) -> datetime:
        """Return the host's idea of UTC."""
        return self.true() + self.skew

    def true(self) -> datetime:
        """Return what a clock that is right would show."""
        return self._start + timedelta(seconds=self._loop.time())

    def true_ms(self) -> int:
        """Return the true time in milliseconds."""
        return to_ms(self.true())
