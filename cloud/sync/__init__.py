"""The hub's end of LSP/1: event log, per-station feed, sessions; knows no domain."""

from cloud.sync.blobs import Shelf
from cloud.sync.certificates import Certificates, hub_authority
from cloud.sync.gateway import EventCursor, Gateway, StationSyncStatus, StoredEvent
from cloud.sync.ingest import EventContext
from cloud.sync.models import metadata
from cloud.sync.server import SyncServer
from cloud.sync.timekeeper import Timekeeper
from cloud.sync.tls import GatewayPorts, TlsGateway, refuse_plain

__all__ = [
    "Certificates",
    "EventContext",
    "EventCursor",
    "Gateway",
    "GatewayPorts",
    "Shelf",
    "StationSyncStatus",
    "StoredEvent",
    "SyncServer",
    "Timekeeper",
    "TlsGateway",
    "hub_authority",
    "metadata",
    "refuse_plain",
]
