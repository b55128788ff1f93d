"""What the station routes take and answer."""

import re
from typing import Annotated, Literal

import orjson
from pydantic import ConfigDict, Field, JsonValue, SecretStr, WithJsonSchema

from cloud.stations.keepers import MAX_PIN_DIGITS, MIN_PIN_DIGITS
from cloud.sync.gateway import EventCursor, StoredEvent
from common.contract.base import Id, Label
from common.kit.errors import InvalidError
from common.kit.openapi import AnswerModel, RequestModel

_CURSOR = re.compile(r"^([0-9]{1,16})\.(facts|telemetry)\.([0-9]{1,16})\.([0-9]{1,16})$")
# A weak one is told what is wrong with it (keeper.pin_weak); the document says it beforehand.
Pin = Annotated[
    SecretStr,
    WithJsonSchema(
        {
            "type": "string",
            "format": "password",
            "writeOnly": True,
            "pattern": f"^[0-9]{{{MIN_PIN_DIGITS},{MAX_PIN_DIGITS}}}$",
        }
    ),
]
Text = Annotated[str, Field(min_length=1, max_length=60)]
Reason = Annotated[str, Field(min_length=3, max_length=200)]


class _View(AnswerModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class PlaceAnswer(_View):
    """A place in the grid of the cabinet's front; columns and rows count from 0."""

    column: int
    row: int
    width: int
    height: int


class ZoneAnswer(_View):
    """The last good temperature of a zone; names, class and range are null until the station has said them."""

    zone: str
    temperature_c: float | None
    sampled_at_ms: int | None
    over_limit: bool
    over_since_ms: int | None
    limit_c: float | None
    name_zh: str | None
    name_en: str | None
    temperature_class: Literal["ambient", "chilled", "frozen"] | None
    min_c: float | None
    max_c: float | None


class BacklogAnswer(_View):
    """What the station said it had not sent yet."""

    facts: int
    telemetry: int
    oldest_s: int | None


class StationAnswer(_View):
    """One station; `connectivity` is derived from when it was last heard."""

    station_id: str
    name_zh: str
    name_en: str
    help_phone: str
    state: Literal["provisioning", "active"]
    connectivity: Literal["never", "online", "late", "offline"]
    last_heard_ms: int | None
    head_op: int
    applied_op: int
    lag_ops: int
    backlog: BacklogAnswer
    app_version: str
    started_at_ms: int | None
    over_limit: bool
    zones: tuple[ZoneAnswer, ...]
    certificate_until_ms: int | None


class CompartmentAnswer(_View):
    """A compartment; `pending`: the station has not applied the operator's word yet; `place` null: never said."""

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
    size: Literal["S", "M", "L"] | None
    place: PlaceAnswer | None


class BusAnswer(_View):
    """The last word about a serial port (`unit` null) or a unit on it."""

    bus: str
    unit: int | None
    up: bool
    detail: str
    at_ms: int


class CommandAnswer(_View):
    """A command and what became of it."""

    command_id: str
    station_id: str
    kind: str
    compartment: str
    reason: str
    issued_by: str
    issued_at_ms: int
    expires_at_ms: int
    state: Literal[
        "held", "queued", "delivered", "started", "succeeded", "failed", "expired", "unknown"
    ]
    detail: str
    state_at_ms: int


class AlarmAnswer(_View):
    """What needs a person's eye, e.g. `fenced`: two daemons have the station's key."""

    kind: str
    detail: str
    times: int
    first_at_ms: int
    last_at_ms: int


class ClaimAnswer(_View):
    """A daemon with the station's key that was turned away; `daemon` names it to `readmit`."""

    daemon: str
    install_id: str
    app_version: str
    backlog_facts: int
    first_ms: int
    last_ms: int
    admitted: bool


class ReadmitRequest(RequestModel):
    """Which of the daemons that were turned away shall speak for the station."""

    daemon: Id


class RevokeKeyRequest(RequestModel):
    """Why the station's key is taken away."""

    reason: Reason


class StationDetailAnswer(_View):
    """One station's page."""

    station: StationAnswer
    screen: PlaceAnswer | None
    compartments: tuple[CompartmentAnswer, ...]
    buses: tuple[BusAnswer, ...]
    commands: tuple[CommandAnswer, ...]
    alarms: tuple[AlarmAnswer, ...]
    claims: tuple[ClaimAnswer, ...]


class StationsAnswer(_View):
    """Every station."""

    stations: tuple[StationAnswer, ...]


class KeeperAnswer(_View):
    """A keeper, without anything of the PIN."""

    keeper_id: str
    display_name: str
    active: bool


class KeepersAnswer(_View):
    """The keepers of a station."""

    keepers: tuple[KeeperAnswer, ...]


class GrantAnswer(_View):
    """A grant, without its code; `revoke_state` *pending* until the station has applied it."""

    grant_id: str
    station_id: str
    order_id: str
    state: Literal["waiting", "active", "opened", "done", "revoked", "expired"]
    revoke_state: Literal["none", "pending", "done", "too_late"]
    pulses: int
    issued_at_ms: int
    expires_at_ms: int | None
    not_after_ms: int
    ended_at_ms: int | None


class EventAnswer(_View):
    """One event as the station sent it; the fields of `body` are in the messages reference."""

    lane: str
    boot_epoch: int
    seq: int
    occurred_at_ms: int
    received_at_ms: int
    type: str
    v: int
    body: JsonValue


class EventsAnswer(_View):
    """A page of events, newest first; `next` asks for the page behind it."""

    events: tuple[EventAnswer, ...]
    next: str | None


class EventsQuery(RequestModel):
    """Which page of events."""

    before: Annotated[str, Field(pattern=_CURSOR.pattern)] | None = Field(
        None, description="`next` of the page before"
    )
    limit: int = Field(50, ge=1, le=200)


class CommandRequest(RequestModel):
    """Open one door from afar."""

    kind: Literal["open_door"]
    compartment: Label
    reason: Reason
    expires_in_s: int = Field(60, ge=10, le=300)


class ServiceRequest(RequestModel):
    """Take a compartment out of service, or back."""

    out_of_service: bool
    reason: Reason


class KeeperRequest(RequestModel):
    """Write a keeper; without `keeper_id` a new one, without `pin` the PIN stays."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {name: {"type": "string"}}, "required": [name]}
                for name in ("keeper_id", "pin")
            ]
        }
    )

    keeper_id: Id | None = None
    display_name: Annotated[str, Field(min_length=1, max_length=40)]
    pin: Pin | None = Field(None, description="six or more digits, no run, no repetition")
    active: bool = True


def cursor_of(text: str | None) -> EventCursor | None:
    """Read `next` of a page; InvalidError when it is not one."""
    if text is None:
        return None
    found = _CURSOR.match(text)
    if found is None:
        raise InvalidError("request.invalid", "query.before: not a cursor of this list")
    received, lane, boot_epoch, seq = found.groups()
    return EventCursor(int(received), lane, int(boot_epoch), int(seq))


def events_answer(events: list[StoredEvent], limit: int) -> EventsAnswer:
    """Return a page and where the next one starts."""
    last = events[-1].cursor if len(events) == limit else None
    follow = last and f"{last.received_at_ms}.{last.lane}.{last.boot_epoch}.{last.seq}"
    return EventsAnswer(events=tuple(_event_answer(one) for one in events), next=follow)


def _event_answer(event: StoredEvent) -> EventAnswer:
    return EventAnswer(
        lane=event.lane,
        boot_epoch=event.boot_epoch,
        seq=event.seq,
        occurred_at_ms=event.occurred_at_ms,
        received_at_ms=event.received_at_ms,
        type=event.type,
        v=event.v,
        body=_json(event.body),
    )


def _json(text: str) -> JsonValue:
    """Return the value, or the text itself: a poison event is kept as it came."""
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value
