"""The climate room: one sampler a zone, what screens show of it, and the record."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.contract.calibration import ProbeHeld, StationProbes
from common.contract.words import Quality
from common.kit.clock import Clock, to_ms
from common.kit.sqlite import Db
from edge.climate import calibrations, store
from edge.climate.calibrations import CalibratedProbe, Calibrations, probe_name
from edge.climate.instruments import Instruments, InstrumentView
from edge.climate.sampler import ZoneSampler
from edge.config import StationConfig
from edge.hardware.ports import Instrument, Probe
from edge.sync import Outbox


@dataclass(frozen=True, slots=True)
class ZoneView:
    """One zone now; no number unless the quality is good."""

    zone: str
    temperature_c: float | None
    quality: Quality
    over_limit: bool
    sampled_at: datetime | None


class Measures(Protocol):
    """What is needed of the hardware."""

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Return a probe per zone."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Return every controller and meter."""


class Climate:
    """`start()` loads what is marked, `run()` samples until cancelled."""

    def __init__(
        self,
        state_db: Db,
        telemetry_db: Db,
        outbox: Outbox,
        hardware: Measures,
        config: StationConfig,
        clock: Clock,
        keeps_every: Callable[[], int] = lambda: 1,
    ) -> None:
        """Use `STATE_DDL` in `state_db` and `TELEMETRY_DDL` in `telemetry_db`; a probe per configured zone.

        Of `keeps_every()` samples one goes into the record, of 0 none; marking looks at all of them.
        """
        by_zone = {probe.zone: probe for probe in hardware.probes}
        self.calibrations = Calibrations(clock)
        self._clock, self._outbox = clock, outbox
        self._probes = {
            zone.name: CalibratedProbe(by_zone[zone.name], probe_name(zone), self.calibrations)
            for zone in config.zone
        }
        self._instruments = Instruments(state_db, outbox, hardware.instruments, config, clock)
        self._state_db, self._telemetry_db = state_db, telemetry_db
        self._samplers = {
            zone.name: ZoneSampler(
                zone, self._probes[zone.name], state_db, telemetry_db, outbox, clock, keeps_every
            )
            for zone in config.zone
        }

    async def start(self) -> None:
        """Go on with the markings of the last run, so that coming back inside the limits is told too.

        Tells which offsets rule: a station that came back from an older copy does not know what it lacks, its hub does.
        """
        self.calibrations.load(await self._state_db.read(calibrations.newest))
        at, held = self._clock.wall(), StationProbes(probes=self._held())
        await self._state_db.write(lambda conn: self._outbox.append_tx(conn, held, occurred_at=at))
        self._outbox.kick()
        for zone, over in (await self._state_db.read(store.marks)).items():
            if zone in self._samplers:
                self._samplers[zone].mark_as(over=over)
        await self._instruments.start()

    async def run(self) -> None:
        """Sample every zone and read every device until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._instruments.jobs(group)
            for name, sampler in self._samplers.items():
                group.create_task(sampler.run(), name=f"climate {name}")

    def probes(self) -> dict[str, CalibratedProbe]:
        """Return every probe by its name; one that measures two zones once."""
        named: dict[str, CalibratedProbe] = {}
        for probe in self._probes.values():
            named.setdefault(probe.name, probe)
        return named

    def _held(self) -> tuple[ProbeHeld, ...]:
        held = []
        for name, probe in self.probes().items():
            record = self.calibrations.of(name)
            held.append(
                ProbeHeld(
                    probe=name,
                    zone=probe.zone,
                    calibration_id=record.calibration_id if record else None,
                    offset_k=record.offset_k if record else 0.0,
                )
            )
        return tuple(held)

    def view(self) -> tuple[ZoneView, ...]:
        """Return every zone in the order of the configuration; no I/O."""
        return tuple(self._zone(name, sampler) for name, sampler in self._samplers.items())

    def instruments(self) -> tuple[InstrumentView, ...]:
        """Return every controller and meter in the order of the configuration; no I/O."""
        return self._instruments.view()

    async def history(self, zone: str, since: datetime) -> tuple[store.HistoryPoint, ...]:
        """Return the record of `zone` since then, oldest first; an unknown zone has none."""
        since_ms = to_ms(since)
        points = await self._telemetry_db.read(lambda conn: store.history(conn, zone, since_ms))
        return tuple(points)

    def _zone(self, name: str, sampler: ZoneSampler) -> ZoneView:
        reading, at = sampler.now()
        return ZoneView(name, reading.temperature_c, reading.quality, sampler.limits.over, at)
