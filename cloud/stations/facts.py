"""What stations report, kept as the operator's picture: doors, occupancy, temperatures, buses, grants, commands."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.engine import Connection

from cloud.stations import probes
from cloud.stations.commands import Commands
from cloud.stations.grants import Grants
from cloud.stations.machine import GrantTrigger
from cloud.stations.store import grants as grant_store
from cloud.stations.store import layout, sites
from cloud.stations.store.sites import BusRecord, Value
from cloud.sync.gateway import Gateway
from cloud.sync.ingest import EventContext, Handler
from common.contract import events
from common.contract.base import Message
from common.contract.calibration import ProbeCalibrated, StationProbes
from common.contract.papers import RevocationApplied
from common.contract.words import CommandState
from common.kit.clock import to_ms

_PORT = -1
M = TypeVar("M", bound=Message)


class Facts:
    """Handlers of station events; each is called inside the transaction that moves the event cursor."""

    def __init__(self, grants: Grants, commands: Commands) -> None:
        """Move grants and commands by what stations report."""
        self._grants = grants
        self._commands = commands

    def subscribe(self, gateway: Gateway) -> None:
        """Take every event this room keeps something of."""
        for name, handler in (
            ("station.started", typed(events.StationStarted, self._started)),
            ("bus.state_changed", typed(events.BusStateChanged, self._bus)),
            ("door.changed", typed(events.DoorChanged, self._door)),
            ("door.unexpected", typed(events.DoorUnexpected, self._unexpected)),
            ("door.left_open", typed(events.DoorLeftOpen, self._left_open)),
            ("compartment.marked", typed(events.CompartmentMarked, self._marked)),
            ("climate.block", typed(events.ClimateBlock, self._block)),
            ("climate.over_limit", typed(events.ClimateOverLimit, self._over_limit)),
            ("parcel.put_in", typed(events.ParcelPutIn, self._occupied)),
            ("parcel.put_in_undone", typed(events.ParcelPutInUndone, self._undone)),
            ("parcel.collected", typed(events.ParcelCollected, self._collected)),
            ("parcel.handed_over", typed(events.ParcelHandedOver, self._handed_over)),
            ("parcel.removed", typed(events.ParcelRemoved, self._removed)),
            ("grant.activated", typed(events.GrantActivated, self._activated)),
            ("grant.state_changed", typed(events.GrantStateChanged, self._grant_moved)),
            ("revocation.applied", typed(RevocationApplied, self._capsule)),
            ("command.result", typed(events.CommandResult, self._command)),
            ("probe.calibrated", typed(ProbeCalibrated, probes.calibrated_tx)),
            ("station.probes", typed(StationProbes, probes.held_tx)),
            ("replica.applied", self._applied),
        ):
            gateway.on_event(name, handler)

    def _started(self, c: Connection, at: EventContext, body: events.StationStarted) -> None:
        sites.update_station(
            c, at.station_id, app_version=body.app_version[:40], started_at_ms=to_ms(at.occurred_at)
        )
        open_doors = frozenset(body.open_doors)
        for label in body.compartments:
            sites.upsert_compartment(
                c,
                at.station_id,
                label,
                door_open=label in open_doors,
                door_at_ms=to_ms(at.occurred_at),
            )
        if body.layout:
            layout.put_layout(c, at.station_id, body.layout, body.screen)
        if body.zones:
            layout.put_zones(c, at.station_id, body.zones)

    def _bus(self, c: Connection, at: EventContext, body: events.BusStateChanged) -> None:
        unit = _PORT if body.unit is None else body.unit
        record = BusRecord(
            at.station_id, body.bus[:40], unit, body.up, body.detail[:200], to_ms(at.occurred_at)
        )
        sites.put_bus(c, record)

    def _door(self, c: Connection, at: EventContext, body: events.DoorChanged) -> None:
        seen: dict[str, Value] = {"door_state": body.state, "door_at_ms": to_ms(at.occurred_at)}
        if body.state in ("open", "closed"):
            seen |= {"door_open": body.state == "open", "left_open_s": None}
        sites.upsert_compartment(c, at.station_id, body.compartment, **seen)

    def _unexpected(self, c: Connection, at: EventContext, body: events.DoorUnexpected) -> None:
        sites.upsert_compartment(
            c,
            at.station_id,
            body.compartment,
            door_open=body.open,
            door_at_ms=to_ms(at.occurred_at),
            left_open_s=None,
        )

    def _left_open(self, c: Connection, at: EventContext, body: events.DoorLeftOpen) -> None:
        sites.upsert_compartment(
            c, at.station_id, body.compartment, door_open=True, left_open_s=body.open_for_s
        )

    def _marked(self, c: Connection, at: EventContext, body: events.CompartmentMarked) -> None:
        sites.upsert_compartment(
            c,
            at.station_id,
            body.compartment,
            marked_out=body.out_of_service,
            marked_reason=body.reason[:200],
        )

    def _block(self, c: Connection, at: EventContext, body: events.ClimateBlock) -> None:
        good = [(n, t) for n, t in enumerate(body.temperatures_c) if t is not None]
        if not good:
            return
        number, temperature_c = good[-1]
        sampled_at_ms = body.started_at_ms + number * body.period_s * 1000
        sites.note_temperature(
            c,
            at.station_id,
            body.zone[:40],
            temperature_c=temperature_c,
            sampled_at_ms=sampled_at_ms,
        )

    def _over_limit(self, c: Connection, at: EventContext, body: events.ClimateOverLimit) -> None:
        moment_ms = to_ms(at.occurred_at)
        sites.upsert_zone(
            c,
            at.station_id,
            body.zone[:40],
            over_limit=body.over,
            over_since_ms=moment_ms if body.over else None,
            limit_c=body.limit_c,
        )
        if body.temperature_c is not None:
            sites.note_temperature(
                c,
                at.station_id,
                body.zone[:40],
                temperature_c=body.temperature_c,
                sampled_at_ms=moment_ms,
            )

    def _occupied(self, c: Connection, at: EventContext, body: events.ParcelPutIn) -> None:
        sites.vacate(c, at.station_id, body.parcel_id)
        sites.upsert_compartment(c, at.station_id, body.compartment, parcel_id=body.parcel_id)

    def _undone(self, c: Connection, at: EventContext, body: events.ParcelPutInUndone) -> None:
        sites.vacate(c, at.station_id, body.parcel_id)

    def _collected(self, c: Connection, at: EventContext, body: events.ParcelCollected) -> None:
        sites.vacate(c, at.station_id, body.parcel_id)

    def _handed_over(self, c: Connection, at: EventContext, body: events.ParcelHandedOver) -> None:
        sites.vacate(c, at.station_id, body.parcel_id)

    def _removed(self, c: Connection, at: EventContext, body: events.ParcelRemoved) -> None:
        sites.vacate(c, at.station_id, body.parcel_id)

    def _activated(self, c: Connection, at: EventContext, body: events.GrantActivated) -> None:
        moment_ms = to_ms(at.occurred_at)
        if self._grants.report_tx(
            c, at.station_id, body.grant_id, GrantTrigger.ACTIVATED, moment_ms
        ):
            grant_store.update_grant(c, body.grant_id, expires_at_ms=body.expires_at_ms)

    def _grant_moved(self, c: Connection, at: EventContext, body: events.GrantStateChanged) -> None:
        trigger = GrantTrigger(body.state)
        moment_ms = to_ms(at.occurred_at)
        if self._grants.report_tx(c, at.station_id, body.grant_id, trigger, moment_ms):
            grant_store.update_grant(c, body.grant_id, pulses=body.pulses)

    def _capsule(self, c: Connection, at: EventContext, body: RevocationApplied) -> None:
        sites.raise_revocation_epoch(c, at.station_id, body.epoch)
        for record in grant_store.waiting_revokes(c, at.station_id, 0):
            # What was given away ended with it.
            if record.grant_id in body.grant_ids or record.parent_id in body.grant_ids:
                moment_ms = to_ms(at.occurred_at)
                self._grants.report_tx(
                    c, at.station_id, record.grant_id, GrantTrigger.REVOKED, moment_ms
                )

    def _command(self, c: Connection, at: EventContext, body: events.CommandResult) -> None:
        self._commands.report_tx(
            c,
            at.station_id,
            body.command_id,
            CommandState(body.state),
            detail=body.detail,
            at_ms=to_ms(at.occurred_at),
        )

    def _applied(self, c: Connection, at: EventContext, _body: Message) -> None:
        # The gateway has noted the op by now: its own handler of this event stands first.
        self._grants.settle_revokes_tx(c, at.station_id, to_ms(at.received_at))


def typed(model: type[M], handler: Callable[[Connection, EventContext, M], None]) -> Handler:
    """Return `handler` as the gateway wants it: it takes any message and refuses a foreign one."""

    def handle(connection: Connection, context: EventContext, body: Message) -> None:
        if not isinstance(body, model):
            raise TypeError(f"{model.__name__} expected, {type(body).__name__} given")
        handler(connection, context, body)

    return handle
