"""The station's end of LSP/1: outbox, replica, hub link; moves envelopes without reading them."""

from edge.sync.blobs import BlobStore
from edge.sync.contact import LinkView
from edge.sync.link import HubLink, LinkPorts
from edge.sync.outbox import Backlog, Outbox
from edge.sync.replica import Replica, ReplicaTable
from edge.sync.schema import DDL

__all__ = [
    "DDL",
    "Backlog",
    "BlobStore",
    "HubLink",
    "LinkPorts",
    "LinkView",
    "Outbox",
    "Replica",
    "ReplicaTable",
]
