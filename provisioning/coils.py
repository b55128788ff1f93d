"""How often a coil may still be pulsed: the daemon's own rule, over pulses that outlive this program."""

import asyncio
from collections.abc import Sequence

from common.kit.clock import Clock, to_ms
from edge.config import DoorsSection
from edge.doors import duty
from edge.hardware.lease import LeaseSaid
from provisioning.record import CoilPulse

_KEPT = 400
_LIMITS = DoorsSection()


class Coils:
    """The pulses of all coils; `rows` goes into the record before a pulse leaves."""

    def __init__(self, rows: Sequence[CoilPulse], clock: Clock) -> None:
        """Start with what is known."""
        self.rows = tuple(rows)
        self._clock = clock
        self._started_s = clock.monotonic_s()

    def take_over(self, bus: str, said: LeaseSaid) -> None:
        """Count what the daemon has pulsed lately."""
        for coil in said.coils:
            for age_s in reversed(coil.ages_s):
                self._add(bus, coil.unit, coil.channel, age_s)

    def pulsed(self, bus: str, unit: int, channel: int) -> None:
        """Count a pulse that is about to leave."""
        self._add(bus, unit, channel, 0.0)

    def rest_s(self, bus: str, unit: int, channel: int) -> float:
        """Return how long this coil must rest before the next pulse."""
        ages_s = self._ages_s(bus, unit, channel)
        return duty.wait_s(
            ages_s, max_per_min=_LIMITS.max_pulses_per_min, cool_down_s=_LIMITS.cool_down_s
        )

    def cool_s(self, bus: str) -> float:
        """Return when every coil of a bus is as rested as if nobody had pulsed it."""
        places = {(row.unit, row.channel) for row in self.rows if row.bus == bus}
        ages_s = [self._ages_s(bus, *place)[0] for place in places]
        return max(0.0, duty.WINDOW_S - min(ages_s, default=duty.WINDOW_S))

    async def rested(self, bus: str, unit: int, channel: int) -> None:
        """Wait until the coil may be pulsed."""
        await asyncio.sleep(self.rest_s(bus, unit, channel))

    def _ages_s(self, bus: str, unit: int, channel: int) -> list[float]:
        mono_ms = round(self._clock.monotonic_s() * 1000)
        up_ms = mono_ms - round(self._started_s * 1000)
        return sorted(
            duty.age_s(
                (row.boot_id, row.mono_ms, row.wall_ms),
                boot_id=self._clock.boot_id,
                mono_ms=mono_ms,
                wall_ms=to_ms(self._clock.wall()),
                up_ms=up_ms,
            )
            for row in self.rows
            if (row.bus, row.unit, row.channel) == (bus, unit, channel)
        )

    def _add(self, bus: str, unit: int, channel: int, age_s: float) -> None:
        age_ms = round(age_s * 1000)
        row = CoilPulse(
            bus=bus, unit=unit, channel=channel, boot_id=self._clock.boot_id,
            mono_ms=round(self._clock.monotonic_s() * 1000) - age_ms,
            wall_ms=to_ms(self._clock.wall()) - age_ms,
        )  # fmt: skip
        self.rows = (*self.rows, row)[-_KEPT:]
