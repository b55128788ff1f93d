"""What the stations room tells others: frozen values, no SQL, no HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TypeVar

from cloud.stations.machine import HubGrantState
from cloud.stations.models import RevokeState, SiteState
from cloud.stations.probes import ProbeView
from cloud.stations.store.commands import CommandRecord
from cloud.stations.store.grants import GrantRecord
from cloud.stations.store.sites import (
    BusRecord,
    CompartmentRecord,
    KeeperRecord,
    StationRecord,
    ZoneRecord,
)
from cloud.sync.alarms import Alarm
from cloud.sync.claims import Claim
from common.contract.words import CommandState

ONLINE_S = 90
"""A station long-polls for up to 60 s; half as much again is still a live line."""
LATE_S = 15 * 60
BEATS, BEAT_S = 40, 15 * 60
Beats = tuple[bool, ...]
"""Whether a station was heard in each of the last BEATS spans of BEAT_S, the oldest first."""
V = TypeVar("V")


class Connectivity(StrEnum):
    """How fresh the station's last word is; derived, never stored."""

    NEVER = "never"
    ONLINE = "online"
    LATE = "late"
    OFFLINE = "offline"


def connectivity(last_heard_ms: int | None, now_ms: int) -> Connectivity:
    """Return how fresh a station's last word is."""
    if last_heard_ms is None:
        return Connectivity.NEVER
    age_s = (now_ms - last_heard_ms) / 1000
    if age_s <= ONLINE_S:
        return Connectivity.ONLINE
    return Connectivity.LATE if age_s <= LATE_S else Connectivity.OFFLINE


@dataclass(frozen=True, slots=True)
class PlaceView:
    """Where something stands in the grid of the cabinet's front; columns and rows count from 0."""

    column: int
    row: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class CompartmentView:
    """A compartment for operators; `pending`: the station has not applied the operator's word yet."""

    label: str
    out_of_service: bool
    reason: str
    pending: bool
    marked_out: bool
    marked_reason: str
    door_open: bool | None
    door_state: str
    left_open_s: int | None
    door_at_ms: int | None
    parcel_id: str | None
    zone: str | None
    size: str | None
    place: PlaceView | None


@dataclass(frozen=True, slots=True)
class ZoneView:
    """The last good temperature of a zone, whether it is over its limit, and what its station's settings say."""

    zone: str
    temperature_c: float | None
    sampled_at_ms: int | None
    over_limit: bool
    over_since_ms: int | None
    limit_c: float | None
    name_zh: str | None
    name_en: str | None
    temperature_class: str | None
    min_c: float | None
    max_c: float | None


@dataclass(frozen=True, slots=True)
class BusView:
    """The last word about a serial port (unit null) or a unit on it."""

    bus: str
    unit: int | None
    up: bool
    detail: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much the station has not sent yet, as it last reported."""

    facts: int
    telemetry: int
    oldest_s: int | None


@dataclass(frozen=True, slots=True)
class StationView:
    """One station for the list of operators."""

    station_id: str
    name_zh: str
    name_en: str
    help_phone: str
    state: SiteState
    connectivity: Connectivity
    last_heard_ms: int | None
    head_op: int
    applied_op: int
    lag_ops: int
    backlog: Backlog
    app_version: str
    started_at_ms: int | None
    over_limit: bool
    zones: tuple[ZoneView, ...]
    certificate_until_ms: int | None = None
    """When its TLS certificate ends; None where it has none."""


@dataclass(frozen=True, slots=True)
class AlarmView:
    """What needs a person's eye: its kind, how often it came and when last."""

    kind: str
    detail: str
    times: int
    first_at_ms: int
    last_at_ms: int


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A daemon with the station's key that the hub turned away; `admitted`: it speaks from its next hello on."""

    daemon: str
    install_id: str
    app_version: str
    backlog_facts: int
    first_ms: int
    last_ms: int
    admitted: bool


@dataclass(frozen=True, slots=True)
class StationDetail:
    """One station's own page; `screen` and the compartments' places are null until the station has said them."""

    station: StationView
    screen: PlaceView | None
    compartments: tuple[CompartmentView, ...]
    buses: tuple[BusView, ...]
    probes: tuple[ProbeView, ...]
    commands: tuple["CommandView", ...]
    alarms: tuple[AlarmView, ...]
    claims: tuple[ClaimView, ...]


@dataclass(frozen=True, slots=True)
class KeeperView:
    """A keeper without the PIN's verifier."""

    keeper_id: str
    display_name: str
    active: bool


@dataclass(frozen=True, slots=True)
class CommandView:
    """A command and what became of it."""

    command_id: str
    station_id: str
    kind: str
    compartment: str
    reason: str
    issued_by: str
    issued_at_ms: int
    expires_at_ms: int
    state: CommandState
    detail: str
    state_at_ms: int


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant for others: never the digits, never the verifier."""

    grant_id: str
    station_id: str
    order_id: str
    parcel_ids: tuple[str, ...]
    parent_id: str | None
    given_to: str | None
    state: HubGrantState
    revoke_state: RevokeState
    pulses: int
    issued_at_ms: int
    expires_at_ms: int | None
    not_after_ms: int
    ended_at_ms: int | None


def compartment_view(record: CompartmentRecord, applied_op: int) -> CompartmentView:
    """Return the compartment as operators see it."""
    return _seen(
        CompartmentView,
        record,
        pending=record.op is not None and record.op > applied_op,
        place=_place(record.grid_column, record.grid_row, record.grid_width, record.grid_height),
    )


def screen_place(record: StationRecord) -> PlaceView | None:
    """Return where the station's screen stands."""
    return _place(
        record.screen_column, record.screen_row, record.screen_width, record.screen_height
    )


def zone_view(record: ZoneRecord) -> ZoneView:
    """Return the zone as operators see it."""
    return _seen(ZoneView, record)


def bus_view(record: BusRecord) -> BusView:
    """Return the port or unit as operators see it."""
    return _seen(BusView, record, unit=None if record.unit < 0 else record.unit)


def keeper_view(record: KeeperRecord) -> KeeperView:
    """Return the keeper without the PIN's verifier."""
    return _seen(KeeperView, record)


def command_view(record: CommandRecord) -> CommandView:
    """Return the command as operators see it."""
    return _seen(CommandView, record, state=CommandState(record.state))


def alarm_view(alarm: Alarm) -> AlarmView:
    """Return the alarm as operators see it."""
    return _seen(AlarmView, alarm)


def claim_view(claim: Claim) -> ClaimView:
    """Return the daemon that was turned away as operators see it."""
    return _seen(ClaimView, claim, daemon=claim.hello_id)


def site_state(record: StationRecord) -> SiteState:
    """Return whether the station is paired."""
    return SiteState(record.state)


def grant_view(record: GrantRecord) -> GrantView:
    """Return the grant without its secrets."""
    return _seen(
        GrantView,
        record,
        state=HubGrantState(record.state),
        revoke_state=RevokeState(record.revoke_state),
    )


def _seen(view: Callable[..., V], record: object, **other: object) -> V:
    """Return the view of a row: its fields of the same name, but for `other`; what a view lacks stays behind."""
    names = [one.name for one in fields(view) if one.name not in other]  # type: ignore[arg-type] # a dataclass
    return view(**{name: getattr(record, name) for name in names}, **other)


def _place(
    column: int | None, row: int | None, width: int | None, height: int | None
) -> PlaceView | None:
    if column is None or row is None or width is None or height is None:
        return None
    return PlaceView(column, row, width, height)
