"""What lies in which compartment: announced parcels, placements, allocation."""

from edge.parcels.model import Parcel, Placement, PlacementState, Site
from edge.parcels.replica import REPLICA_TABLES
from edge.parcels.service import Parcels
from edge.parcels.store import DDL

__all__ = ["DDL", "REPLICA_TABLES", "Parcel", "Parcels", "Placement", "PlacementState", "Site"]
