"""What the doors room takes and gives: wishes, requests, changes and views."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from common.contract.words import ActorKind, DoorState, Purpose


@dataclass(frozen=True, slots=True)
class DoorWish:
    """Who wants which door open, and why. `grant_id` is carried along, never looked into."""

    compartment: str
    actor_kind: ActorKind
    actor_id: str
    purpose: Purpose
    reason: str
    grant_id: str | None


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """One wish with its fate so far."""

    open_request_id: str
    wish: DoorWish
    state: DoorState
    pulses: int
    """Pulse frames that left this machine or may have."""
    boot_id: str
    created_mono_ms: int
    changed_ms: int
    opened_ms: int | None
    left_open_told: bool

    def to(self, state: DoorState) -> "OpenRequest":
        """Return the same request in another state."""
        return replace(self, state=state)


@dataclass(frozen=True, slots=True)
class DoorChange:
    """A stored transition, told inside the transaction that stores it."""

    open_request_id: str
    compartment: str
    state: DoorState
    pulses: int
    wish: DoorWish
    at: datetime


@dataclass(frozen=True, slots=True)
class DoorView:
    """What a screen shows of one door."""

    label: str
    open: bool | None
    """None: the sensor could not be read lately."""
    state: DoorState | None
    """State of the door's newest request of this run; None: there is none."""
    open_request_id: str | None
    pulses: int
    since_s: float
    """Seconds since the sensor or the request last changed."""


ChangeListener = Callable[[sqlite3.Connection, DoorChange], None]
Judge = Callable[[sqlite3.Connection, OpenRequest], bool]
"""Says, in the transaction that stores a pulse, whether the request still holds."""
