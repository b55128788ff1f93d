"""A station's own rooms over a real `state.db`, without daemon and doors: what the sync benches measure."""

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common.contract.base import Message
from common.contract.events import ClimateBlock, DoorChanged
from common.contract.words import ActorKind, Purpose
from common.kit.chance import system_chance
from common.kit.sqlite import SqliteDb
from edge import access, parcels, pickup
from edge.data_folder import migrate_tx
from edge.sync import Outbox, Replica
from edge.tables import STATE_MIGRATIONS
from linli.bench.station import STATION_ID, SkippingClock

REQUEST_ID = "01JBENCH111111111111111111"


class BenchRooms:
    """Outbox and replica on one file."""

    def __init__(self, path: Path, *, tables: bool = True) -> None:
        """Make the file; with `tables`, rows show in the rooms' tables as in the daemon."""
        self.clock, self.chance = SkippingClock(), system_chance()
        self.db = SqliteDb(path)
        self.outbox = Outbox(self.db, self.clock, self.chance, STATION_ID)
        self.replica = Replica(self.db, self.outbox, self.clock)
        known = (*parcels.REPLICA_TABLES, *access.REPLICA_TABLES, *pickup.REPLICA_TABLES)
        for table in known if tables else ():
            self.replica.register(table)

    async def boot(self) -> None:
        """Do what the daemon does before its rooms start."""
        at = self.clock.wall()
        await self.db.write(lambda conn: migrate_tx(conn, STATE_MIGRATIONS, at))
        await self.replica.prepare()
        await self.outbox.boot()

    async def append(self, body: Message) -> None:
        """Append one event in a transaction of its own; return when it is durable."""
        at = self.clock.wall()

        def tx(conn: sqlite3.Connection) -> None:
            self.outbox.append_tx(conn, body, occurred_at=at)

        await self.db.write(tx)


def fact(number: int) -> Message:
    """Return the most frequent fact: a door went one step further."""
    return DoorChanged(
        open_request_id=REQUEST_ID,
        compartment=f"A{number % 24:02d}",
        state="open" if number % 2 else "closed",
        actor_kind=ActorKind.RESIDENT,
        actor_id=REQUEST_ID,
        purpose=Purpose.PICKUP,
        reason="",
        grant_id=REQUEST_ID,
        pulse_number=1,
    )


def measurement(number: int) -> Message:
    """Return a minute of one probe."""
    readings = tuple(round(4 + ((number + step) % 7) / 10, 1) for step in range(6))
    return ClimateBlock(
        zone="chilled",
        probe="probe0",
        started_at_ms=1_780_000_000_000 + number * 60_000,
        period_s=10,
        temperatures_c=readings,
        humidities_pct=readings,
        over_limit=False,
    )


async def shared(facts: Iterable[Message], waiters: int, rooms: BenchRooms) -> None:
    """Let `waiters` tasks append `facts`, each task one after the other, as rooms do."""
    waiting = iter(facts)

    async def waiter() -> None:
        for body in waiting:
            await rooms.append(body)

    async with asyncio.TaskGroup() as group:
        for _ in range(waiters):
            group.create_task(waiter())


@contextmanager
def bare(path: Path, table: str, *, shared: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a floor's file as durable as ours: WAL, FULL; `table` is its DDL."""
    conn = sqlite3.connect(path, isolation_level=None, check_same_thread=not shared)
    try:
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("PRAGMA synchronous=FULL")
        conn.execute(table)
        yield conn
    finally:
        conn.close()
