"""Controllers and meters beside the probes: read at their own pace; what changes and what alarms is told.

A controller's own alarm counts from the first reading that shows it: it has its delays behind it already.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from common.contract.instruments import InstrumentAlarm, InstrumentReadings, PointReading
from common.contract.words import Quality, TemperatureClass
from common.kit.clock import Clock
from common.kit.sqlite import Db
from edge.climate import store
from edge.climate.store import Alarm
from edge.config import StationConfig
from edge.hardware.ports import Instrument, PointSeen
from edge.instruments import DeviceSection
from edge.sync import Outbox
from firmware_protocols.profile import ALARM_ROLES, Role

WHOLE_EVERY_S = 900.0
NO_POWER = "no_power"
NO_POWER_W = 1.0
NO_POWER_S = 1200.0
"""A cold zone that draws no watt for so long is not cooled: even in a pause its controller draws some."""


@dataclass(frozen=True, slots=True)
class InstrumentView:
    """One device as it was last read; before the first reading nothing was seen."""

    name: str
    kind: str
    zone: str | None
    seen: tuple[PointSeen, ...]
    read_at: datetime | None
    alarms: tuple[Alarm, ...]


class InstrumentPoller:
    """Reads one device."""

    def __init__(
        self,
        section: DeviceSection,
        instrument: Instrument,
        is_cold: bool,
        state_db: Db,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        """`is_cold`: its zone must be cooled."""
        self.raised: set[Alarm] = set()
        self._section, self._instrument, self._is_cold = section, instrument, is_cold
        self._db, self._outbox, self._clock = state_db, outbox, clock
        self._seen: tuple[PointSeen, ...] = ()
        self._read_at: datetime | None = None
        self._told: dict[str, PointSeen] = {}
        self._whole_at_s: float | None = None
        self._idle_since_s: float | None = None

    def view(self) -> InstrumentView:
        """Return what was last seen; no I/O."""
        part, alarms = self._section, tuple(sorted(self.raised))
        return InstrumentView(part.name, part.kind, part.zone, self._seen, self._read_at, alarms)

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self.poll()
            await asyncio.sleep(self._section.sample_s)

    async def poll(self) -> None:
        """Read once and tell what is new."""
        self._seen = await self._instrument.read()
        self._read_at = self._clock.wall()
        await self._tell_alarms(self._read_at)
        await self._tell_readings(self._read_at)

    async def _tell_alarms(self, at: datetime) -> None:
        news = [
            (alarm, raised)
            for alarm, raised in self._alarms()
            if raised is not (alarm in self.raised)
        ]
        if not news:
            return
        zone = self._section.zone

        def tx(conn: sqlite3.Connection) -> None:
            for alarm, raised in news:
                tell_alarm_tx(conn, self._outbox, alarm, zone, raised=raised, at=at)

        await self._db.write(tx)
        for alarm, raised in news:
            (self.raised.add if raised else self.raised.discard)(alarm)
        self._outbox.kick()

    def _alarms(self) -> list[tuple[Alarm, bool]]:
        """Return each alarm that this reading says something about."""
        name = self._section.name
        found = [
            (Alarm(name, one.point, one.role.value), one.value is True)
            for one in self._seen
            if one.role in ALARM_ROLES and one.quality is Quality.GOOD
        ]
        power = next((one for one in self._seen if one.role is Role.POWER), None)
        if self._is_cold and power is not None and power.value is not None:
            found.append((Alarm(name, power.point, NO_POWER), self._is_idle(power.value)))
        return found

    def _is_idle(self, watts: float) -> bool:
        now_s = self._clock.monotonic_s()
        if watts >= NO_POWER_W:
            self._idle_since_s = None
            return False
        if self._idle_since_s is None:
            self._idle_since_s = now_s
        # marked before a restart: it counts on, rather than seeming to be over
        marked = any(alarm.role == NO_POWER for alarm in self.raised)
        return marked or now_s - self._idle_since_s >= NO_POWER_S

    async def _tell_readings(self, at: datetime) -> None:
        now_s = self._clock.monotonic_s()
        whole = self._whole_at_s is None or now_s - self._whole_at_s >= WHOLE_EVERY_S
        told = [one for one in self._seen if whole or self._has_changed(one)]
        if not told:
            return
        body = InstrumentReadings(
            instrument=self._section.name,
            kind=self._section.kind,
            zone=self._section.zone,
            whole=whole,
            readings=tuple(
                PointReading(
                    point=one.point, role=one.role.value, value=one.value, quality=one.quality
                )
                for one in told
            ),
        )
        await self._db.write(lambda conn: self._outbox.append_tx(conn, body, occurred_at=at))
        self._told |= {one.point: one for one in told}
        self._whole_at_s = now_s if whole else self._whole_at_s
        self._outbox.kick()

    def _has_changed(self, one: PointSeen) -> bool:
        """Tell whether a state or a set point is not what was told; measurements come with the whole."""
        told = self._told[one.point]
        if one.quality is not told.quality:
            return True
        return (isinstance(one.value, bool) or one.role is Role.SET_POINT) and one != told


class Instruments:
    """All of them."""

    def __init__(
        self,
        state_db: Db,
        outbox: Outbox,
        instruments: Sequence[Instrument],
        config: StationConfig,
        clock: Clock,
    ) -> None:
        """Read `instruments`, which `config` names."""
        cold = {
            zone.name
            for zone in config.zone
            if zone.temperature_class is not TemperatureClass.AMBIENT
        }
        by_name = {one.name: one for one in instruments}
        self._db, self._outbox, self._clock = state_db, outbox, clock
        self._pollers = {
            part.name: InstrumentPoller(
                part, by_name[part.name], part.zone in cold, state_db, outbox, clock
            )
            for part in config.device
            if part.name in by_name
        }

    async def start(self) -> None:
        """Go on with the alarms of the last run; those of a device that is gone are over."""
        marked = await self._db.read(store.alarms)
        gone = [alarm for alarm in marked if alarm.instrument not in self._pollers]
        for alarm in marked - set(gone):
            self._pollers[alarm.instrument].raised.add(alarm)
        if not gone:
            return
        at = self._clock.wall()

        def tx(conn: sqlite3.Connection) -> None:
            for alarm in gone:
                tell_alarm_tx(conn, self._outbox, alarm, None, raised=False, at=at)

        await self._db.write(tx)
        self._outbox.kick()

    def jobs(self, group: asyncio.TaskGroup) -> None:
        """Read all of them in `group`."""
        for name, poller in self._pollers.items():
            group.create_task(poller.run(), name=f"instrument {name}")

    def view(self) -> tuple[InstrumentView, ...]:
        """Return every device in the order of the configuration; no I/O."""
        return tuple(poller.view() for poller in self._pollers.values())


def tell_alarm_tx(
    conn: sqlite3.Connection,
    outbox: Outbox,
    alarm: Alarm,
    zone: str | None,
    *,
    raised: bool,
    at: datetime,
) -> None:
    """Mark an alarm and report it, in one transaction."""
    store.set_alarm(conn, alarm, raised=raised)
    body = InstrumentAlarm(
        instrument=alarm.instrument, zone=zone, point=alarm.point, role=alarm.role, raised=raised
    )
    outbox.append_tx(conn, body, occurred_at=at)
