"""One zone's probe, sampled at its own pace; a minute of samples is a block."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from common.contract.events import ClimateBlock, ClimateOverLimit
from common.contract.words import Quality
from common.kit.clock import Clock, to_ms
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from edge.climate import store
from edge.climate.calibrations import probe_name
from edge.climate.limits import LimitState, judge, limit_c
from edge.config import ZoneSection
from edge.hardware.ports import Probe, ProbeReading
from edge.sync import Outbox

BLOCK_S = 60.0
STALE_AFTER_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class _Sample:
    at: datetime
    mono_s: float
    reading: ProbeReading


class ZoneSampler:
    """Keeps the last good reading, the marking and the block that is being filled."""

    def __init__(
        self,
        zone: ZoneSection,
        probe: Probe,
        state_db: Db,
        telemetry_db: Db,
        outbox: Outbox,
        clock: Clock,
        keeps_every: Callable[[], int] = lambda: 1,
    ) -> None:
        """Sample `probe` for `zone`; of `keeps_every()` samples one is kept, of 0 none."""
        self._keeps_every, self._every, self._passed = keeps_every, 1, 0
        self.zone = zone
        self.limits = LimitState(zone.min_c, zone.max_c)
        self._probe = probe
        self._state_db, self._telemetry_db = state_db, telemetry_db
        self._outbox, self._clock = outbox, clock
        self._good: _Sample | None = None
        self._last: _Sample | None = None
        self._block: list[_Sample] = []
        self._per_block = max(1, round(BLOCK_S / zone.sample_s))

    def mark_as(self, *, over: bool) -> None:
        """Take over the marking of the last run."""
        self.limits = replace(self.limits, over=over)

    def now(self) -> tuple[ProbeReading, datetime | None]:
        """Return what may be shown: the last good reading while it is fresh, else no number and why."""
        if self._last is None:
            return ProbeReading(None, None, Quality.STALE), None
        age_limit_s = STALE_AFTER_SAMPLES * self.zone.sample_s
        now_s = self._clock.monotonic_s()
        if self._good is not None and now_s - self._good.mono_s < age_limit_s:
            return self._good.reading, self._good.at
        stuck = now_s - self._last.mono_s >= age_limit_s
        quality = Quality.STALE if stuck else self._last.reading.quality
        return ProbeReading(None, None, quality), self._last.at

    async def run(self) -> None:
        """Sample until cancelled, on a fixed grid so that slow answers do not stretch the minute."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            await self.sample()
            due_s += self.zone.sample_s
            if due_s < loop.time():
                due_s = loop.time()
            await asyncio.sleep(due_s - loop.time())

    async def sample(self) -> None:
        """Take one reading through marking and block."""
        reading = await self._probe.read()
        taken = _Sample(self._clock.wall(), self._clock.monotonic_s(), reading)
        self._last = taken
        if reading.quality is Quality.GOOD and reading.temperature_c is not None:
            self._good = taken
        before = self.limits.over
        self.limits = judge(self.limits, reading.temperature_c)
        if self.limits.over is not before and reading.temperature_c is not None:
            await self._mark(taken, reading.temperature_c)
        if self._block and self._block[-1].reading.calibration_id != reading.calibration_id:
            await self._close_block()  # a block has one offset
        if self._keeps(taken) and len(self._block) >= self._per_block:
            await self._close_block()

    def _keeps(self, taken: _Sample) -> bool:
        """Put every n-th sample into the block; one that was begun at another pace is let go."""
        every = self._keeps_every()
        if every != self._every:
            self._every, self._passed, self._block = every, 0, []
        self._passed += 1
        if not every or self._passed % every:
            return False
        self._block.append(taken)
        return True

    async def _mark(self, taken: _Sample, temperature_c: float) -> None:
        body = ClimateOverLimit(
            zone=self.zone.name,
            over=self.limits.over,
            temperature_c=temperature_c,
            limit_c=limit_c(self.limits, temperature_c),
            quality=taken.reading.quality,
            raw_c=temperature_c if taken.reading.raw_c is None else taken.reading.raw_c,
            calibration_id=taken.reading.calibration_id,
        )

        def tx(conn: sqlite3.Connection) -> None:
            store.set_mark(conn, self.zone.name, over=body.over)
            self._outbox.append_tx(conn, body, occurred_at=taken.at)

        await self._state_db.write(tx)
        fp("climate.mark_committed")
        self._outbox.kick()

    async def _close_block(self) -> None:
        block, self._block = self._block, []
        body = ClimateBlock(
            zone=self.zone.name,
            probe=probe_name(self.zone),
            started_at_ms=to_ms(block[0].at),
            period_s=round(self.zone.sample_s * self._every),
            temperatures_c=tuple(sample.reading.temperature_c for sample in block),
            humidities_pct=tuple(sample.reading.humidity_pct for sample in block),
            over_limit=self.limits.over,
            raw_c=_raw_c(block),
            calibration_id=block[0].reading.calibration_id,
        )
        period_ms, now_ms = round(self.zone.sample_s * 1000) * self._every, to_ms(block[-1].at)

        def keep(conn: sqlite3.Connection) -> None:
            store.put_block(conn, body, period_ms)
            store.trim(conn, now_ms)

        await self._telemetry_db.write(keep)
        fp("climate.block_kept")
        await self._state_db.write(
            lambda conn: self._outbox.append_tx(conn, body, occurred_at=block[-1].at)
        )
        fp("climate.block_posted")
        self._outbox.kick()


def _raw_c(block: Sequence[_Sample]) -> tuple[float | None, ...]:
    """Return what the probe said; nothing where nothing was added to it."""
    if block[0].reading.calibration_id is None:
        return ()
    return tuple(sample.reading.raw_c for sample in block)
