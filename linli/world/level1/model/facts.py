"""What the station's facts do at the model hub, and what only time brings about; a fact is never refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from cloud.orders.machine import CancelState, OrderState, ParcelState, ParcelTrigger
from cloud.stations.machine import (
    FINAL_COMMANDS,
    LIVE_GRANTS,
    GrantTrigger,
    HubGrantState,
    next_command_state,
)
from common.contract import events
from common.contract.base import Message
from common.contract.words import CommandState
from common.kit.errors import ConflictError
from common.kit.failpoints import fp as passes
from linli.world.level1.model import feed
from linli.world.level1.model.books import Books, Stored, move
from linli.world.level1.model.drawing import grant_row
from linli.world.level1.model.lanes import Effect, Happened, shown
from linli.world.level1.model.shop import Acts, command_is_late, turn

KEEP_MS = 48 * 3_600_000
"""How long the rows of what has ended stay at the station."""
_TOUCHING = frozenset({
    "grant.state_changed", "parcel.collected", "parcel.handed_over", "parcel.removed",
    "parcel.put_in_undone",
})  # fmt: skip
_SHOWN = (
    "station.started", "bus.state_changed", "door.changed", "door.unexpected", "door.left_open",
    "compartment.marked", "climate.block", "climate.over_limit", "parcel.unknown_scanned",
    "probe.calibrated", "station.probes",
)  # fmt: skip
"""Facts a screen of the hub shows: here they must only be readable."""
_FIRST = (HubGrantState.WAITING, HubGrantState.ACTIVE)
M = TypeVar("M", bound=Message)


class Facts:
    """Effects by event type."""

    def __init__(self, acts: Acts) -> None:
        """Move parcels through `acts`."""
        self._acts = acts

    def effects(self) -> dict[str, Effect]:
        """Return the effect of every type that has one."""
        return dict[str, Effect].fromkeys(_SHOWN, shown) | {
            "parcel.put_in": _typed(events.ParcelPutIn, self._put_in),
            "parcel.put_in_undone": _typed(events.ParcelPutInUndone, self._undone),
            "parcel.collected": _typed(events.ParcelCollected, self._collected),
            "parcel.handed_over": _typed(events.ParcelHandedOver, self._handed_over),
            "parcel.removed": _typed(events.ParcelRemoved, self._removed),
            "grant.activated": _typed(events.GrantActivated, _activated),
            "grant.state_changed": _typed(events.GrantStateChanged, _grant_moved),
            "command.result": _typed(events.CommandResult, _command),
            "replica.applied": _typed(events.ReplicaApplied, self._applied),
        }

    def forked(self, books: Books, unknown: list[Stored]) -> None:
        """End every code that was touched by a fact the station does not know of itself."""
        bodies = [json.loads(one.body) for one in unknown if one.type in _TOUCHING]
        parcels = {str(body["parcel_id"]) for body in bodies if "parcel_id" in body}
        touched = {str(body["grant_id"]) for body in bodies if "grant_id" in body}
        for grant in list(books.grants.values()):
            if grant.retired:
                continue
            if grant.grant_id in touched or not parcels.isdisjoint(grant.parcel_ids):
                if grant.state in LIVE_GRANTS:
                    self._acts.revoke(books, grant.grant_id)
                else:
                    feed.put(books, "grant", grant_row(grant, revoked=True))

    def sweep(self, books: Books, now_ms: int) -> None:
        """Do what only time brings about."""
        for command in list(books.commands.values()):
            if (end := command_is_late(command, now_ms)) is not None:
                _report(books, command.command_id, end)
        for grant in list(books.grants.values()):
            if grant.state in _FIRST and (grant.expires_ms or grant.not_after_ms) <= now_ms:
                turn(books, grant.grant_id, GrantTrigger.EXPIRED, now_ms)
        _retire(books, now_ms - KEEP_MS)
        for order in list(books.orders.values()):
            if order.state is OrderState.PLACED and order.pay_by_ms <= now_ms:
                self._acts.give_up_unpaid(books, order)
            elif order.cancel is CancelState.PENDING and order.not_after_ms <= now_ms:
                self._acts.finish_cancel(books, order, now_ms)
        for parcel in list(books.parcels.values()):
            late = parcel.expires_ms is not None and parcel.expires_ms <= now_ms
            if parcel.state is ParcelState.DEPOSITED and late:
                source = f"time/{parcel.expires_ms}"
                self._acts.step(books, parcel, ParcelTrigger.TIME_UP, source, now_ms)
        _withdraw(books, now_ms - KEEP_MS)

    def _put_in(self, books: Books, at: Happened, body: events.ParcelPutIn) -> None:
        books.lies_in[body.parcel_id] = body.compartment
        self._step(books, at, body.parcel_id, ParcelTrigger.PUT_IN, body.expires_at_ms)

    def _undone(self, books: Books, at: Happened, body: events.ParcelPutInUndone) -> None:
        self._left(books, at, body.parcel_id, ParcelTrigger.PUT_IN_UNDONE)

    def _collected(self, books: Books, at: Happened, body: events.ParcelCollected) -> None:
        self._left(books, at, body.parcel_id, ParcelTrigger.COLLECTED)

    def _handed_over(self, books: Books, at: Happened, body: events.ParcelHandedOver) -> None:
        self._left(books, at, body.parcel_id, ParcelTrigger.HANDED_OVER)

    def _removed(self, books: Books, at: Happened, body: events.ParcelRemoved) -> None:
        self._left(books, at, body.parcel_id, ParcelTrigger.REMOVED)

    def _left(self, books: Books, at: Happened, parcel_id: str, trigger: ParcelTrigger) -> None:
        books.lies_in.pop(parcel_id, None)
        self._step(books, at, parcel_id, trigger, None)

    def _step(
        self,
        books: Books,
        at: Happened,
        parcel_id: str,
        trigger: ParcelTrigger,
        expires_ms: int | None,
    ) -> None:
        parcel = books.parcels.get(parcel_id)
        if parcel is None:
            books.odd[f"case parcel_unknown {at.source}"] = parcel_id
            return
        try:
            moved = self._acts.step(books, parcel, trigger, at.source, at.at_ms)
        except ConflictError as error:
            books.odd[f"case fact_does_not_fit {at.source}"] = error.detail
            return
        if trigger in (ParcelTrigger.PUT_IN, ParcelTrigger.PUT_IN_UNDONE):
            move(books, moved, expires_ms=expires_ms)
        order = books.orders[parcel.order_id]
        if trigger is ParcelTrigger.COLLECTED and order.cancel is CancelState.PENDING:
            ended = all(
                books.parcels[one].state in (ParcelState.COLLECTED, ParcelState.CANCELLED)
                for one in order.parcel_ids
            )
            if ended:
                books.orders[order.order_id] = replace(order, cancel=CancelState.LOST)

    def _applied(self, books: Books, at: Happened, body: events.ReplicaApplied) -> None:
        speaker = books.speaker
        if body.gen == speaker.gen and speaker.applied_op < body.op <= speaker.head_op:
            books.speaker = replace(speaker, applied_op=body.op)
        applied_op = books.speaker.applied_op
        for grant in list(books.grants.values()):
            if 0 < grant.revoke_op <= applied_op:
                turn(books, grant.grant_id, GrantTrigger.REVOKED, at.received_ms)
        for order in list(books.orders.values()):
            if order.cancel is CancelState.PENDING and order.cancel_op <= applied_op:
                self._acts.finish_cancel(books, order, at.received_ms)


def _typed(model: type[M], effect: Callable[[Books, Happened, M], None]) -> Effect:
    def run(books: Books, at: Happened, body: Message) -> None:
        assert isinstance(body, model)
        effect(books, at, body)

    return run


def _activated(books: Books, at: Happened, body: events.GrantActivated) -> None:
    grant = turn(books, body.grant_id, GrantTrigger.ACTIVATED, at.at_ms)
    if grant is not None:
        books.grants[body.grant_id] = replace(grant, expires_ms=body.expires_at_ms)


def _grant_moved(books: Books, at: Happened, body: events.GrantStateChanged) -> None:
    turn(books, body.grant_id, GrantTrigger(body.state), at.at_ms)


def _command(books: Books, _at: Happened, body: events.CommandResult) -> None:
    _report(books, body.command_id, CommandState(body.state))


def _report(books: Books, command_id: str, said: CommandState) -> None:
    command = books.commands.get(command_id)
    if command is None:
        return
    state = next_command_state(command.state, said)
    books.commands[command_id] = replace(command, state=state)
    if state in FINAL_COMMANDS:
        feed.delete(books, "command", command_id)
    passes("stations.command_reported")


def _retire(books: Books, before_ms: int) -> None:
    for grant in list(books.grants.values()):
        over = grant.state is not HubGrantState.REVOKED or grant.not_after_ms <= before_ms
        ended = grant.ended_ms is not None and grant.ended_ms <= before_ms
        if ended and over and not grant.retired:
            feed.delete(books, "grant", grant.grant_id)
            books.grants[grant.grant_id] = replace(grant, retired=True)


def _withdraw(books: Books, before_ms: int) -> None:
    for parcel in list(books.parcels.values()):
        ended = parcel.ended_ms is not None and parcel.ended_ms <= before_ms
        if ended and not parcel.withdrawn and parcel.parcel_id not in books.lies_in:
            feed.delete(books, "parcel", parcel.parcel_id)
            move(books, parcel, withdrawn=True)
