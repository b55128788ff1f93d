"""How true a station's probes are: its records as the hub keeps them, and whether the station still applies them."""

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from cloud.stations.store import probes as store
from cloud.stations.store.probes import Calibration, CalibrationRecord, ProbeRecord
from cloud.sync.alarms import alarm_tx
from cloud.sync.ingest import EventContext
from common.contract.calibration import ProbeCalibrated, StationProbes
from common.kit.clock import to_ms

__all__ = ["LOST", "Calibration", "ProbeView", "calibrated_tx", "held_tx", "probe_views"]
LOST = "calibration.lost"


@dataclass(frozen=True, slots=True)
class ProbeView:
    """One probe, the newest record of it, and what its station says it adds."""

    probe: str
    zone: str
    held_id: str | None
    held_offset_k: float
    newest: Calibration | None

    @property
    def is_lost(self) -> bool:
        """Tell whether the station no longer knows what it told: it came back from an older copy."""
        return self.newest is not None and self.newest.calibration_id != self.held_id


def probe_views(connection: Connection, station_id: str) -> tuple[ProbeView, ...]:
    """Return every probe of a station, by name."""
    newest = store.newest_of(connection, station_id)
    return tuple(
        ProbeView(one.probe, one.zone, one.held_id, one.held_offset_k, newest.get(one.probe))
        for one in store.probes_of(connection, station_id)
    )


def calibrated_tx(connection: Connection, at: EventContext, body: ProbeCalibrated) -> None:
    """Keep a record; the station applies it from now on."""
    said = body.readings_c
    record = CalibrationRecord(
        station_id=at.station_id,
        calibration_id=body.calibration_id,
        probe=body.probe,
        number=body.number,
        kind=body.kind,
        done_by=body.by,
        at_ms=body.at_ms,
        offset_k=body.offset_k,
        reference_c=body.reference_c,
        before_c=round(sum(said) / len(said), 2) if said else None,
        after_c=body.after_c,
        instrument=body.instrument,
        certificate_until=body.certificate_until,
        due_at_ms=body.due_at_ms,
        reason=body.reason,
        boot_epoch=at.boot_epoch,
        seq=at.seq,
    )
    store.put_calibration(connection, record)
    held = ProbeRecord(at.station_id, body.probe, body.zone, body.calibration_id, body.offset_k)
    store.put_probe(connection, held)


def held_tx(connection: Connection, at: EventContext, body: StationProbes) -> None:
    """Compare what the station applies with what it told before; a record it has lost needs a person."""
    for one in body.probes:
        record = ProbeRecord(at.station_id, one.probe, one.zone, one.calibration_id, one.offset_k)
        store.put_probe(connection, record)
    store.drop_others(connection, at.station_id, {one.probe for one in body.probes})
    lost = [one.probe for one in probe_views(connection, at.station_id) if one.is_lost]
    if lost:
        alarm_tx(connection, at.station_id, LOST, ", ".join(lost)[:200], to_ms(at.received_at))
