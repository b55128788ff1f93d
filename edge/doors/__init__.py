"""Open requests, their state machine and the audit of every pulse; opens doors, never asks who may."""

from edge.doors.model import DoorChange, DoorView, DoorWish, OpenRequest
from edge.doors.service import Doors
from edge.doors.store import DDL
from edge.doors.watch import Watch

__all__ = ["DDL", "DoorChange", "DoorView", "DoorWish", "Doors", "OpenRequest", "Watch"]
