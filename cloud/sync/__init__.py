"""The hub's end of LSP/1: event log, per-station feed, sessions; knows no domain."""

from cloud.sync.blobs import Shelf
from cloud.sync.gateway import EventCursor, Gateway, StationSyncStatus, StoredEvent
from cloud.sync.ingest import EventContext
from cloud.sync.models import metadata
from cloud.sync.server import SyncServer
from cloud.sync.timekeeper import Timekeeper

__all__ = [
    "EventContext",
    "EventCursor",
    "Gateway",
    "Shelf",
    "StationSyncStatus",
    "StoredEvent",
    "SyncServer",
    "Timekeeper",
    "metadata",
]
