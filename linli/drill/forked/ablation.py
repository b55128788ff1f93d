"""Safeguards against kills, switched off one at a time: a drill that does not notice would be no drill."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.engine import Connection

from cloud.api.idempotency import Idempotency
from cloud.sync import ingest, server
from cloud.sync.effects import run_effects_tx
from common.contract.words import DoorState
from common.kit.failpoints import fp
from edge.doors import runner, service
from edge.pickup.sessions import Sessions
from edge.sync.uplink import Uplink
from linli.world.ablation import ABLATIONS as WORLD
from linli.world.ablation import Patches, edge_grants

_LATE_S = 0.5


class _Undo(Exception):
    """Roll back what was only tried."""


def _journal_first() -> Patches:
    async def rash(self: Any, request: Any) -> Any:
        result = await self._bus.pulse(request.wish.compartment)
        fp("doors.pulse_sent")
        request, pulse_id = await self._journal_pulse(request)
        return runner._Sent(request, pulse_id, result)  # noqa: SLF001 - a safeguard is replaced

    return [(runner.Runner, "_pulse", rash)]


def _no_pulse_at_boot() -> Patches:
    original = service.Doors._reconcile  # noqa: SLF001 - as above

    async def eager(self: Any, request: Any) -> None:
        if request.state is not DoorState.OPEN:
            await self._bus.pulse(request.wish.compartment)
        await original(self, request)

    return [(service.Doors, "_reconcile", eager)]


def _used_when_open() -> Patches:
    original = Sessions.on_door_tx

    def early(self: Any, conn: Any, change: Any) -> None:
        original(self, conn, change)
        item = _item(conn, change)
        if change.state is DoorState.PULSING and item is not None:
            self._opened_tx(conn, item, change)
            self._closed_tx(conn, item, change)

    return [(Sessions, "on_door_tx", early)]


def _item(conn: Any, change: Any) -> Any:
    return edge_grants.item_by_request(conn, change.open_request_id)


def _ack_and_refill() -> Patches:
    """An acknowledgement before its commit alone is healed: the station keeps what the hub turns out to lack."""
    original = server.SyncServer._ingest  # noqa: SLF001 - as above
    jobs: set[asyncio.Task[Any]] = set()

    async def hasty(self: Any, station_id: str, session: int, batch: Any) -> Any:
        outcomes: list[Any] = []

        def tried(conn: Connection) -> None:
            handlers = self._gateway.handlers
            outcomes.append(ingest.ingest_tx(conn, station_id, batch, 0, handlers))
            raise _Undo

        async def later() -> None:
            await asyncio.sleep(_LATE_S)
            await original(self, station_id, session, batch)

        try:
            await self._db.write(tried)
        except _Undo:
            jobs.add(asyncio.ensure_future(later()))
        return server._acked(outcomes[0])  # noqa: SLF001 - as above

    async def deaf(_self: Any, _place: Any) -> None:
        return

    return [
        (server.SyncServer, "_ingest", hasty),
        (Uplink, "reconcile", deaf),
        (Uplink, "_step_back", deaf),
    ]


def _effects_with_cursor() -> Patches:
    original = server.SyncServer._ingest  # noqa: SLF001 - as above
    owed: list[tuple[Any, ...]] = []

    def note(_conn: Connection, *what: Any) -> int:
        owed.append(what)
        return 0

    async def apart(self: Any, station_id: str, session: int, batch: Any) -> Any:
        answer = await original(self, station_id, session, batch)
        todo, owed[:] = list(owed), []
        for what in todo:
            await self._db.write(lambda conn, args=what: run_effects_tx(conn, *args))
        return answer

    return [(ingest, "run_effects_tx", note), (server.SyncServer, "_ingest", apart)]


def _one_answer_a_key() -> Patches:
    async def anew(_self: Any, *, run: Callable[[], Awaitable[Any]], **_: Any) -> Any:
        answer = await run()
        fp("api.effect_committed")
        return answer

    return [(Idempotency, "once", anew)]


ABLATIONS: dict[str, Callable[[], Patches]] = {
    "journal-first": _journal_first,
    "no-pulse-at-boot": _no_pulse_at_boot,
    "used-when-open": _used_when_open,
    "ack-and-refill": _ack_and_refill,
    "effects-with-cursor": _effects_with_cursor,
    "one-answer-a-key": _one_answer_a_key,
    **{name: WORLD[name] for name in ("reconcile",)},
}
