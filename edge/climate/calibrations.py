"""The records of every probe: appended, never changed; the newest one's offset is added to what the probe says."""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from common.contract.calibration import ProbeCalibrated
from common.contract.words import Quality
from common.kit.clock import Clock
from edge.config import ZoneSection
from edge.hardware.ports import Probe, ProbeReading

# A row is never edited and never goes; REPLACE of the same row by a rebuild is no edit.
DDL: tuple[str, ...] = (
    """CREATE TABLE IF NOT EXISTS calibration (
        probe TEXT NOT NULL,
        number INTEGER NOT NULL,
        calibration_id TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (probe, number)
    ) STRICT""",
    """CREATE TRIGGER IF NOT EXISTS calibration_is_kept BEFORE DELETE ON calibration
    BEGIN SELECT RAISE(ABORT, 'a calibration is never deleted'); END""",
    """CREATE TRIGGER IF NOT EXISTS calibration_is_fixed BEFORE UPDATE ON calibration
    BEGIN SELECT RAISE(ABORT, 'a calibration is never changed'); END""",
)


def probe_name(zone: ZoneSection) -> str:
    """Return bus, unit and, of a unit with several probes, the channel."""
    unit = f"{zone.probe_bus}/{zone.probe_unit}"
    return f"{unit}/{zone.probe_channel}" if zone.probe_channel else unit


def newest(conn: sqlite3.Connection) -> dict[str, ProbeCalibrated]:
    """Return the record that rules for every probe that has one."""
    rows = conn.execute("SELECT probe, max(number), body FROM calibration GROUP BY probe")
    return {row["probe"]: ProbeCalibrated.model_validate_json(row["body"]) for row in rows}


def append_tx(conn: sqlite3.Connection, record: ProbeCalibrated) -> None:
    """Keep one more record; IntegrityError where its number is taken."""
    conn.execute(
        "INSERT INTO calibration VALUES (?, ?, ?, ?)",
        (record.probe, record.number, record.calibration_id, record.model_dump_json()),
    )


class Calibrations:
    """What rules for every probe, and which probes are out of their zones for a comparison."""

    def __init__(self, clock: Clock) -> None:
        """Nothing is known before `load`."""
        self._clock = clock
        self._rules: dict[str, ProbeCalibrated] = {}
        self._out_until_s: dict[str, float] = {}

    def load(self, rules: Mapping[str, ProbeCalibrated]) -> None:
        """Take over what the store says."""
        self._rules = dict(rules)

    def of(self, probe: str) -> ProbeCalibrated | None:
        """Return the newest record of a probe."""
        return self._rules.get(probe)

    def put(self, record: ProbeCalibrated) -> None:
        """Let a record rule that was committed."""
        self._rules[record.probe] = record

    def take_out(self, probe: str, for_s: float) -> None:
        """Believe no reading of this probe about its zone for so long."""
        self._out_until_s[probe] = self._clock.monotonic_s() + for_s

    def bring_back(self, probe: str) -> None:
        """Believe it again."""
        self._out_until_s.pop(probe, None)

    def is_out(self, probe: str) -> bool:
        """Tell whether it hangs somewhere else."""
        until_s = self._out_until_s.get(probe)
        return until_s is not None and self._clock.monotonic_s() < until_s


class CalibratedProbe:
    """A probe whose readings carry its offset; what it says itself goes along."""

    def __init__(self, probe: Probe, name: str, calibrations: Calibrations) -> None:
        """Correct `probe` by the records of `name`."""
        self.zone, self.name = probe.zone, name
        self._probe, self._calibrations = probe, calibrations

    async def read(self) -> ProbeReading:
        """Measure the zone; STALE while the probe is out of it."""
        reading = await self.raw()
        if self._calibrations.is_out(self.name):
            reading = ProbeReading(None, None, Quality.STALE)
        return self.corrected(reading)

    async def raw(self) -> ProbeReading:
        """Measure, wherever the probe hangs, without any offset; plausible or not is judged by this value."""
        return await self._probe.read()

    def corrected(self, reading: ProbeReading) -> ProbeReading:
        """Return the reading with the offset that rules now; what is no number stays none."""
        record, raw_c = self._calibrations.of(self.name), reading.temperature_c
        if record is None or record.kind == "withdrawn":
            return reading
        return replace(
            reading,
            temperature_c=None if raw_c is None else round(raw_c + record.offset_k, 2),
            raw_c=raw_c,
            calibration_id=record.calibration_id,
        )
