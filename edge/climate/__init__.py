"""Temperatures of the zones: sampling, plain over-limit marking, the local record and its blocks for the hub."""

from edge.climate.instruments import InstrumentView
from edge.climate.service import Climate, ZoneView
from edge.climate.store import STATE_DDL, TELEMETRY_DDL, HistoryPoint

__all__ = ["STATE_DDL", "TELEMETRY_DDL", "Climate", "HistoryPoint", "InstrumentView", "ZoneView"]
