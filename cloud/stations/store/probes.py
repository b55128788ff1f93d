"""SQL of what stations add to their probes' readings: every record, and which of them a station says it applies."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.stations.models import calibration, probe


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """One row of `station_probe`: the station's last word about a probe it has."""

    station_id: str
    probe: str
    zone: str
    held_id: str | None
    held_offset_k: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """One comparison with a reference, or the withdrawal of one."""

    calibration_id: str
    number: int
    kind: str
    done_by: str
    at_ms: int
    offset_k: float
    reference_c: float | None
    before_c: float | None
    after_c: float | None
    instrument: str
    certificate_until: str | None
    due_at_ms: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class CalibrationRecord(Calibration):
    """One row of `station_calibration`; none is ever changed."""

    station_id: str
    probe: str
    boot_epoch: int
    seq: int


def put_probe(connection: Connection, record: ProbeRecord) -> None:
    """Remember which record a station applies to one probe."""
    news = {
        "zone": record.zone, "held_id": record.held_id, "held_offset_k": record.held_offset_k,
    }  # fmt: skip
    here = (probe.c.station_id == record.station_id) & (probe.c.probe == record.probe)
    if connection.execute(probe.update().where(here).values(**news)).rowcount:
        return
    connection.execute(
        probe.insert().values(station_id=record.station_id, probe=record.probe, **news)
    )


def drop_others(connection: Connection, station_id: str, kept: set[str]) -> None:
    """Forget probes that the station no longer has; their records stay."""
    connection.execute(
        probe.delete().where(probe.c.station_id == station_id, probe.c.probe.not_in(sorted(kept)))
    )


def probes_of(connection: Connection, station_id: str) -> list[ProbeRecord]:
    """Return the probes of a station by name."""
    rows = connection.execute(
        sa.select(probe).where(probe.c.station_id == station_id).order_by(probe.c.probe)
    )
    return [ProbeRecord(*row) for row in rows]


def put_calibration(connection: Connection, record: CalibrationRecord) -> None:
    """Keep a record; one that is here already stays as it is."""
    here = (calibration.c.station_id == record.station_id) & (
        calibration.c.calibration_id == record.calibration_id
    )
    if connection.execute(sa.select(calibration.c.number).where(here)).first() is None:
        row = {name: getattr(record, name) for name in CalibrationRecord.__dataclass_fields__}
        connection.execute(calibration.insert().values(row))


def newest_of(connection: Connection, station_id: str) -> Mapping[str, CalibrationRecord]:
    """Return probe → the record it was told last, in the order of the station's own log."""
    rows = connection.execute(
        sa.select(*(calibration.c[name] for name in CalibrationRecord.__dataclass_fields__))
        .where(calibration.c.station_id == station_id)
        .order_by(calibration.c.boot_epoch, calibration.c.seq)
    )
    return {record.probe: record for record in (CalibrationRecord(*row) for row in rows)}
