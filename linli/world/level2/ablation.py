"""Safeguards of the sync protocol switched off from outside; see `linli.world.ablation` for those of the doors."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from cloud.sync import ingest
from common.contract.digest import EMPTY
from edge.sync import lanes, link, replica
from edge.sync.outbox import Outbox
from edge.sync.uplink import Uplink

Patches = list[tuple[Any, str, Any]]


def _step_back() -> Patches:
    def deaf(*_: Any) -> Any:
        return asyncio.sleep(0)

    return [(Uplink, "reconcile", deaf), (Uplink, "_step_back", deaf)]


def _known_events() -> Patches:
    return [(ingest._Story, "first_after", lambda _self, _head: 0)]  # noqa: SLF001 - replaced from outside


def _retention() -> Patches:
    return [
        (lanes, "RETENTION_MS", 0),
        (lanes, "RETENTION_ROWS", 0),
        (link, "JANITOR_S", 300.0),
    ]


def _boot_epoch() -> Patches:
    async def same(self: Outbox) -> int:
        def tx(conn: sqlite3.Connection) -> int:
            row = conn.execute("SELECT boot_epoch FROM sync_self").fetchone()
            return int(row["boot_epoch"]) if row else 0

        if not await self._db.read(tx):
            return await boot(self)
        self._booted = True
        return await self._db.read(tx)

    boot = Outbox.boot
    return [(Outbox, "boot", same)]


def _cursor() -> Patches:
    return [(replica, "move_cursor_tx", lambda _conn, _to: None)]


def _rows_applied() -> Patches:
    def half(self: Any, conn: sqlite3.Connection, changes: Any, digest: bytes = EMPTY) -> bytes:
        return change(self, conn, list(changes)[:1], digest)

    change = replica.Replica._change_tx  # noqa: SLF001 - as above
    return [(replica.Replica, "_change_tx", half)]


SYNC_ABLATIONS: dict[str, Callable[[], Patches]] = {
    "step-back": _step_back,
    "known-events": _known_events,
    "retention": _retention,
    "boot-epoch": _boot_epoch,
    "cursor-moves": _cursor,
    "whole-pages": _rows_applied,
}


@contextmanager
def sync_ablated(name: str | None) -> Iterator[None]:
    """Switch the safeguard `name` off for a while; None: nothing."""
    with ExitStack() as stack:
        for target, attribute, value in SYNC_ABLATIONS[name]() if name else ():
            stack.enter_context(patch.object(target, attribute, value))
        yield
