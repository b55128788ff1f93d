"""What the screens see: frozen answers of PickupFlow, KeeperDesk and StationFacts, no behaviour."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from common.contract.words import DoorState, KeypadLevel, Size, TemperatureClass


class Step(StrEnum):
    """Where the resident's session stands."""

    OPENING = "opening"
    OPEN = "open"
    NOT_OPENED = "not_opened"
    CLOSED = "closed"
    DONE = "done"
    FAILED = (
        "failed"  # no pulses left: the keeper has been told, the code stays valid unless `refused`
    )


@dataclass(frozen=True, slots=True)
class SessionView:
    """One resident in front of the station; times are seconds at the moment of asking."""

    session_id: str
    step: Step
    compartment: str
    index: int  # from 1
    total: int
    items: int
    order_tail: str
    person_masked: str
    pulses_left: int
    reopens_left: int
    open_for_s: float
    reopen_left_s: float
    door_left_open: bool
    took_s: float | None
    another: bool = False
    """This door stays shut, and `proceed` opens another one of the order."""
    refused: bool = False
    """Something of the order lies here that the code does not open now: withdrawn, over, or the station is fenced."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The code opens something here; the door is on its way."""

    session: SessionView


@dataclass(frozen=True, slots=True)
class Refused:
    """Wrong, expired, used or foreign: nobody learns which. `wait_s` > 0: the keypad is locked."""

    wait_s: int
    second_factor: bool = False
    """Nothing was checked: the keypad wants the last four digits of the order's phone number too."""


@dataclass(frozen=True, slots=True)
class KeypadView:
    """What the keypad asks for, and the seconds until it takes a code again (0: now)."""

    level: KeypadLevel
    locked_s: int


class ParcelState(StrEnum):
    """What the keeper sees of a parcel."""

    EXPECTED = "expected"
    PLACED = "placed"
    COLLECTED = "collected"
    HANDED_OVER = "handed_over"
    REMOVED = "removed"
    OVERDUE = "overdue"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ParcelView:
    """One parcel announced to this station."""

    parcel_id: str
    label: str
    order_tail: str
    person_masked: str
    temperature_class: TemperatureClass
    size: Size
    items: int
    state: ParcelState
    compartment: str | None
    placed_at: datetime | None
    expires_at: datetime | None
    door_gone: bool = False
    """It lies in a compartment that is no longer in `station.toml`."""


@dataclass(frozen=True, slots=True)
class DayView:
    """Today's parcels, those already handled included; sorted by state, then label."""

    parcels: tuple[ParcelView, ...]


class NextReason(StrEnum):
    """Why the keeper wants another compartment, or the same door once more."""

    TOO_SMALL = "too_small"
    DIRTY = "dirty"
    DID_NOT_OPEN = "did_not_open"


@dataclass(frozen=True, slots=True)
class PutInStep:
    """A parcel was scanned and its compartment is opening."""

    parcel: ParcelView
    compartment: str
    open_request_id: str


@dataclass(frozen=True, slots=True)
class DoorScan:
    """A door's own label was scanned: what lies behind it."""

    compartment: str
    parcel: ParcelView | None


@dataclass(frozen=True, slots=True)
class UnknownParcel:
    """No row knows this label; it is reported to the hub."""

    label: str


@dataclass(frozen=True, slots=True)
class ScanRefused:
    """A known parcel that may not be put in now; `key` is an error key (put_in.cancelled, .already_placed, …)."""

    key: str
    parcel: ParcelView


ScanResult = PutInStep | DoorScan | UnknownParcel | ScanRefused


class DeskStep(StrEnum):
    """Where the keeper's open door stands."""

    OPENING = "opening"
    OPEN = "open"
    STORED = "stored"  # put-in: the door is shut, the parcel lies inside
    DONE = "done"  # undo, hand-over, removal: the parcel is out
    FAILED = "failed"  # the door did not open
    DOOR_GONE = (
        "door_gone"  # put-in: `station.toml` lost the door; only the keeper knows what lies inside
    )


class DeskKind(StrEnum):
    """What the keeper does at a door."""

    PUT_IN = "put_in"
    UNDO = "undo"
    HAND_OVER = "hand_over"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class PutInView:
    """The parcel in the keeper's hands, or the last one stored."""

    task_id: str
    kind: DeskKind
    keeper_id: str
    parcel: ParcelView
    compartment: str
    step: DeskStep
    open_for_s: float


@dataclass(frozen=True, slots=True)
class UndoView:
    """The last put-in that can still be taken back."""

    parcel: ParcelView
    compartment: str
    left_s: float


@dataclass(frozen=True, slots=True)
class DoorCell:
    """One compartment on the door map: place in the cabinet, door, what lies inside."""

    label: str
    zone: str
    column: int
    row: int
    width: int
    height: int
    size: Size
    open: bool | None
    request: DoorState | None
    since_s: float
    occupied: bool
    overdue: bool
    out_of_service: bool
    reason: str
    parcel_id: str | None
