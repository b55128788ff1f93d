"""Facts a station reports to the hub, one model per event type. Additive only; unknown types are stored and acked.

Money and door facts travel in lane `facts`, measurements in lane `telemetry`.
"""

from typing import Annotated, Literal

from pydantic import Field

from common.contract.base import GridIndex, GridSpan, Id, Label, LimitC, Message, Ms
from common.contract.calibration import ProbeCalibrated, StationProbes
from common.contract.damage import StorageDamaged
from common.contract.instruments import InstrumentAlarm, InstrumentReadings
from common.contract.papers import MaintenanceStarted, RevocationApplied
from common.contract.words import (
    ActorKind,
    CommandState,
    KeypadLevel,
    Lane,
    Purpose,
    Quality,
    Size,
    TemperatureClass,
)

Name = Annotated[str, Field(min_length=1, max_length=20)]
MOST_PLACES = 1000
"""More doors or zones than any station has; a station that says more is read by no hub."""


class CompartmentPlace(Message):
    """Where a compartment stands in the cabinet's front, seen from before it, and what it is for."""

    label: Label
    zone: Name
    size: Size
    column: GridIndex
    row: GridIndex
    width: GridSpan = 1
    height: GridSpan = 1


class ScreenPlace(Message):
    """Where the screen stands in the same grid."""

    column: GridIndex
    row: GridIndex
    width: GridSpan = 1
    height: GridSpan = 1


class ZoneLimits(Message):
    """A temperature zone: its names for people and the range it must keep."""

    zone: Name
    name_zh: Name
    name_en: Name
    temperature_class: TemperatureClass
    min_c: LimitC
    max_c: LimitC


class StationStarted(Message):
    """`station.started`: the daemon is up; doors were read before it served anyone.

    `layout`, `screen` and `zones` came later: a station that does not say them leaves the hub's word as it is.
    """

    app_version: str
    boot_reason: Literal["cold", "restart"]
    compartments: tuple[Label, ...] = Field(max_length=MOST_PLACES)
    open_doors: tuple[Label, ...] = Field(max_length=MOST_PLACES)
    layout: tuple[CompartmentPlace, ...] = Field(
        default=(),
        max_length=MOST_PLACES,
        description="label, zone, size, column, row, width, height of each",
    )
    screen: ScreenPlace | None = Field(
        default=None, description="column, row, width, height in the same grid"
    )
    zones: tuple[ZoneLimits, ...] = Field(
        default=(),
        max_length=MOST_PLACES,
        description="zone, name_zh, name_en, temperature_class, min_c, max_c of each",
    )


class BusStateChanged(Message):
    """`bus.state_changed`: a serial port or a unit went away or came back."""

    bus: str
    unit: int | None
    up: bool
    detail: str


class ParcelPutIn(Message):
    """`parcel.put_in`: a parcel lies in a compartment and its door is shut."""

    parcel_id: Id
    grant_id: Id | None
    compartment: Label
    keeper_id: Id
    expires_at_ms: Ms


class ParcelPutInUndone(Message):
    """`parcel.put_in_undone`: the keeper took it back within the undo window."""

    parcel_id: Id
    compartment: Label
    keeper_id: Id


class ParcelUnknownScanned(Message):
    """`parcel.unknown_scanned`: a label no row knows; kept for the hub to explain."""

    label: str
    keeper_id: Id


class ParcelCollected(Message):
    """`parcel.collected`: taken by the holder of the grant; the door was seen open and shut again."""

    parcel_id: Id
    grant_id: Id
    compartment: Label


class ParcelHandedOver(Message):
    """`parcel.handed_over`: given to the person by the keeper."""

    parcel_id: Id
    compartment: Label | None
    keeper_id: Id
    reason: str


class ParcelRemoved(Message):
    """`parcel.removed`: an overdue or cancelled parcel was taken out by the keeper."""

    parcel_id: Id
    compartment: Label
    keeper_id: Id
    reason: str


class GrantActivated(Message):
    """`grant.activated`: the code works from now on, offline too."""

    grant_id: Id
    expires_at_ms: Ms


class GrantStateChanged(Message):
    """`grant.state_changed`: opening, opened, done, revoked or expired on the station."""

    grant_id: Id
    state: Literal["issued", "opening", "opened", "done", "revoked", "expired"]
    pulses: int = Field(ge=0)


class DoorChanged(Message):
    """`door.changed`: one transition of an open request."""

    open_request_id: Id
    compartment: Label
    state: Literal[
        "queued", "pulsing", "open", "closed", "failed_open", "indeterminate", "bus_down", "expired"
    ]
    actor_kind: ActorKind
    actor_id: str
    purpose: Purpose
    reason: str
    grant_id: Id | None
    pulse_number: int = Field(ge=0)


class DoorLeftOpen(Message):
    """`door.left_open`: open for longer than the reminder allows."""

    compartment: Label
    open_for_s: int


class DoorUnexpected(Message):
    """`door.unexpected`: the sensor says open and nobody asked (key, force, or a fault)."""

    compartment: Label
    open: bool


class StorageLevelChanged(Message):
    """`storage.level_changed`: the station's disk fills or has room again; below `low` nothing new is put in."""

    level: Literal["ok", "low", "critical", "full", "read_only"]
    free_mib: int = Field(ge=0)


class KeypadLocked(Message):
    """`keypad.locked`: the limiter is empty."""

    wait_s: int
    failures_24h: int


class KeypadLevelChanged(Message):
    """`keypad.level_changed`: after many wrong codes the keypad asks for more, or is off; or all is well again."""

    level: KeypadLevel
    failures_24h: int = Field(ge=0)


class CompartmentMarked(Message):
    """`compartment.marked`: the keeper or the daemon takes a compartment out of use or back."""

    compartment: Label
    out_of_service: bool
    reason: str
    keeper_id: Id | None


class CommandResult(Message):
    """`command.result`: what became of a command."""

    command_id: Id
    state: Literal[
        CommandState.DELIVERED,
        CommandState.STARTED,
        CommandState.SUCCEEDED,
        CommandState.FAILED,
        CommandState.EXPIRED,
        CommandState.UNKNOWN,
    ]
    detail: str


class ReplicaApplied(Message):
    """`replica.applied`: every op up to `op` of generation `gen` rules here now (turns *pending* into *revoked*)."""

    gen: int
    op: int


class TelemetryGap(Message):
    """`telemetry.gap`: a stretch of telemetry was dropped to save the disk."""

    boot_epoch: int
    first_seq: int
    count: int
    last_chain: str


class BlobDropped(Message):
    """`blob.dropped`: a photo or other evidence is gone before the hub had it: no room, damaged, or refused."""

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)
    reason: str = Field(max_length=40)


class ClimateBlock(Message):
    """`climate.block`: one minute of readings of one probe; null where the quality was not good."""

    zone: str
    probe: str
    started_at_ms: Ms
    period_s: int
    temperatures_c: tuple[float | None, ...] = Field(
        description="with the offset of the probe's calibration"
    )
    humidities_pct: tuple[float | None, ...]
    over_limit: bool
    raw_c: tuple[float | None, ...] = Field(
        default=(), description="as the probe said; empty: nothing was added"
    )
    calibration_id: Id | None = None


class ClimateOverLimit(Message):
    """`climate.over_limit`: a zone left or re-entered its limits; plain marking, no alarm policy."""

    zone: str
    over: bool
    temperature_c: float | None
    limit_c: float
    quality: Quality
    raw_c: float | None = Field(default=None, description="as the probe said")
    calibration_id: Id | None = Field(default=None, description="the record of its offset, if any")


EVENT_TYPES: dict[str, tuple[Lane, type[Message]]] = {
    "station.started": (Lane.FACTS, StationStarted),
    "bus.state_changed": (Lane.FACTS, BusStateChanged),
    "storage.level_changed": (Lane.FACTS, StorageLevelChanged),
    "storage.damaged": (Lane.FACTS, StorageDamaged),
    "parcel.put_in": (Lane.FACTS, ParcelPutIn),
    "parcel.put_in_undone": (Lane.FACTS, ParcelPutInUndone),
    "parcel.unknown_scanned": (Lane.FACTS, ParcelUnknownScanned),
    "parcel.collected": (Lane.FACTS, ParcelCollected),
    "parcel.handed_over": (Lane.FACTS, ParcelHandedOver),
    "parcel.removed": (Lane.FACTS, ParcelRemoved),
    "grant.activated": (Lane.FACTS, GrantActivated),
    "grant.state_changed": (Lane.FACTS, GrantStateChanged),
    "revocation.applied": (Lane.FACTS, RevocationApplied),
    "maintenance.started": (Lane.FACTS, MaintenanceStarted),
    "door.changed": (Lane.FACTS, DoorChanged),
    "door.left_open": (Lane.FACTS, DoorLeftOpen),
    "door.unexpected": (Lane.FACTS, DoorUnexpected),
    "keypad.locked": (Lane.FACTS, KeypadLocked),
    "keypad.level_changed": (Lane.FACTS, KeypadLevelChanged),
    "compartment.marked": (Lane.FACTS, CompartmentMarked),
    "command.result": (Lane.FACTS, CommandResult),
    "replica.applied": (Lane.FACTS, ReplicaApplied),
    "telemetry.gap": (Lane.FACTS, TelemetryGap),
    "blob.dropped": (Lane.FACTS, BlobDropped),
    "climate.block": (Lane.TELEMETRY, ClimateBlock),
    "climate.over_limit": (Lane.FACTS, ClimateOverLimit),
    "probe.calibrated": (Lane.FACTS, ProbeCalibrated),
    "station.probes": (Lane.FACTS, StationProbes),
    "instrument.readings": (Lane.TELEMETRY, InstrumentReadings),
    "instrument.alarm": (Lane.FACTS, InstrumentAlarm),
}
"""Event type → lane and body model; the current version of every body is 1."""

_TYPE_OF: dict[type[Message], str] = {model: name for name, (_, model) in EVENT_TYPES.items()}


def type_of(body: Message) -> str:
    """Return the event type of `body`."""
    return _TYPE_OF[type(body)]
