"""Temperatures of the zones: sampling, plain over-limit marking, the local record and its blocks for the hub."""

from edge.climate.calibrating import CalibrationDesk, CalibrationSession
from edge.climate.calibrations import DDL as CALIBRATION_DDL
from edge.climate.instruments import InstrumentView
from edge.climate.service import Climate, ZoneView
from edge.climate.store import STATE_DDL as MARKS_DDL
from edge.climate.store import TELEMETRY_DDL, HistoryPoint

STATE_DDL = (*MARKS_DDL, *CALIBRATION_DDL)

__all__ = [
    "STATE_DDL",
    "TELEMETRY_DDL",
    "CalibrationDesk",
    "CalibrationSession",
    "Climate",
    "HistoryPoint",
    "InstrumentView",
    "ZoneView",
]
