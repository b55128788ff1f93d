"""Safeguards switched off from outside, one at a time: a drill that does not notice would be no drill.

The products know nothing of this: methods are replaced for the length of a `with`, never in a shipped program.
"""

import asyncio
import importlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from unittest.mock import patch

from cloud.sync import ingest, server
from cloud.sync.effects import run_effects_tx
from common.contract.base import Message
from edge.access import commands
from edge.access.limiter import Limiter, Taken
from edge.doors import sensors, service, watcher
from edge.doors.machine import Trigger as DoorTrigger
from edge.doors.runner import Runner
from edge.hardware.ports import PulseResult
from edge.parcels import Parcels
from edge.pickup import grants, machine, right, sessions
from edge.sync import replica
from edge.sync.outbox import Outbox
from linli.world.scenario import Level

# Stores belong to their rooms: they are reached by name here, as everything is that gets replaced.
_hub_parcels, _placements, edge_grants, invites = map(
    importlib.import_module,
    (
        "cloud.orders.store.parcels", "edge.parcels.store", "edge.pickup.store",
        "cloud.stations.store.invites",
    ),
)  # fmt: skip
Patches = list[tuple[Any, str, Any]]


def _limiter() -> Patches:
    return [(Limiter, "take_tx", lambda _self, _conn, **_: Taken(0))]


def _give_back() -> Patches:
    return [(Limiter, "give_back_tx", lambda _self, _conn, _taken: None)]


def _used_mark() -> Patches:
    def opened(self: Any, conn: sqlite3.Connection, item: Any, _change: Any) -> None:
        self._grants.move_tx(conn, item.grant_id, machine.Trigger.NOT_OPENED)

    return [
        (sessions.Sessions, "_opened_tx", opened),
        (sessions.Sessions, "_closed_tx", lambda *_: None),
    ]


def _stays_valid() -> Patches:
    return [(sessions.Sessions, "_not_opened_tx", lambda *_: None)]


def _max_pulses() -> Patches:
    return [(sessions.Sessions, "pulses_left", lambda _self, _item: 3)]


def _pulse_once() -> Patches:
    original = Runner._pulse  # noqa: SLF001 - a safeguard is replaced from outside

    async def again(self: Any, request: Any) -> Any:
        sent = await original(self, request)
        if sent.result is PulseResult.UNCONFIRMED:
            return replace(sent, result=await self._bus.pulse(request.wish.compartment))
        return sent

    return [(Runner, "_pulse", again)]


def _reconcile() -> Patches:
    async def forget(*_: Any) -> None:
        return

    return [(service.Doors, "_reconcile", forget)]


def _outbox_in_tx() -> Patches:
    append, kick = Outbox.append_tx, Outbox.kick
    waiting: list[tuple[Message, datetime]] = []

    def later(_self: Any, _conn: Any, body: Message, *, occurred_at: datetime) -> None:
        waiting.append((body, occurred_at))

    def flush(self: Any) -> None:
        async def write() -> None:
            todo, waiting[:] = list(waiting), []
            for body, at in todo:
                await self._db.write(lambda c, b=body, a=at: append(self, c, b, occurred_at=a))
            kick(self)

        jobs.append(asyncio.ensure_future(write()))

    jobs: list[Any] = []
    return [(Outbox, "append_tx", later), (Outbox, "kick", flush)]


def _dedup() -> Patches:
    def twice(conn: Any, station_id: str, batch: Any, received_ms: int, handlers: Any) -> Any:
        outcome = ingest.ingest_tx(conn, station_id, batch, received_ms, handlers)
        fresh = getattr(outcome, "fresh", len(batch.events))
        known = batch.events[: len(batch.events) - fresh]
        run_effects_tx(conn, station_id, batch.lane, known, received_ms, handlers)
        return outcome

    return [(server, "ingest_tx", twice), (_hub_parcels, "custody_known", lambda *_: False)]


def _revocation() -> Patches:
    terms = edge_grants.terms

    def deaf(conn: sqlite3.Connection, grant_id: str) -> Any:
        found = terms(conn, grant_id)
        return replace(found, revoked=False) if found else None

    def by_tag(conn: sqlite3.Connection, tag: bytes) -> str | None:
        row = conn.execute(
            "SELECT grant_id FROM replica_grant WHERE verifier = ?", (tag,)
        ).fetchone()
        return str(row["grant_id"]) if row else None

    return [(edge_grants, "terms", deaf), (edge_grants, "grant_by_tag", by_tag)]


def _expiry() -> Patches:
    return [(grants, "_expiry_ms", lambda _terms, first_ms: first_ms + 10**10)]


def _one_owner() -> Patches:
    # Wear would hide it: it leads to doors that nobody has used yet.
    return [(_placements, "occupied", lambda _conn: {}), (_placements, "wear", lambda _conn: {})]


def _debounce() -> Patches:
    original = sensors.Sensors.__init__

    def trusting(self: Any, labels: tuple[str, ...], _equal_samples: int) -> None:
        original(self, labels, 1)

    return [(sensors.Sensors, "__init__", trusting)]


def _command_expiry() -> Patches:
    original = commands.Commands._start_tx  # noqa: SLF001 - as above

    def patient(self: Any, conn: sqlite3.Connection, command: Any, _now_ms: int) -> None:
        original(self, conn, command, command.issued_at_ms)

    return [
        (commands.Commands, "_start_tx", patient),
        (commands.Commands, "holds_tx", lambda *_: True),
    ]


def _known_events() -> Patches:
    return [(ingest._Story, "first_after", lambda _self, _head: 0)]  # noqa: SLF001 - as above


def _lies_there() -> Patches:
    return [(right.Right, "lies_there_tx", lambda *_: True)]


def _late_door() -> Patches:
    return [(watcher.Watcher, "_may_open_late", lambda *_: False)]


def _sensor_judges() -> Patches:
    async def believes(self: Any, label: str) -> Any:
        await self._watcher.look(label)
        return DoorTrigger.SEEN_OPEN

    return [(Runner, "_look", believes)]


def _taken_out_frees() -> Patches:
    return [(Parcels, "forget_tx", lambda *_: True)]


def _expiry_sweep() -> Patches:
    return [(grants.Grants, "expire_tx", lambda _self, _conn: False)]


def _ops_in_order() -> Patches:
    return [(replica, "move_cursor_tx", lambda _conn, _to: None)]


ABLATIONS: dict[str, Callable[[], Patches]] = {
    "limiter": _limiter,
    "token-given-back": _give_back,
    "used-mark": _used_mark,
    "code-stays-valid": _stays_valid,
    "three-pulses": _max_pulses,
    "pulse-once": _pulse_once,
    "reconcile": _reconcile,
    "outbox-in-tx": _outbox_in_tx,
    "effects-once": _dedup,
    "revocation": _revocation,
    "expiry": _expiry,
    "one-owner": _one_owner,
    "debounce": _debounce,
    "command-expiry": _command_expiry,
    "known-events": _known_events,
    "lies-there": _lies_there,
    "late-door": _late_door,
    "sensor-judges": _sensor_judges,
    "taken-out-frees": _taken_out_frees,
    "expiry-sweep": _expiry_sweep,
    "cursor-moves": _ops_in_order,
}
LEVELS: dict[str, Level] = {"effects-once": Level.ROOMS, "known-events": Level.ROOMS}
"""Safeguards of the hub need the hub."""


@contextmanager
def ablated(
    name: str | None, known: Mapping[str, Callable[[], Patches]] = ABLATIONS
) -> Iterator[None]:
    """Switch the safeguard `name` of `known` off for a while; None: nothing."""
    with ExitStack() as stack:
        for target, attribute, value in known[name]() if name else ():
            stack.enter_context(patch.object(target, attribute, value))
        yield
