"""A station's sync rooms without a hub."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from common.kit.chance import seeded_chance
from common.kit.failpoints import disarm_all
from common.kit.sqlite import SqliteDb
from edge.sync import DDL, Outbox, Replica
from tests.edge.sync.rig import COMPARTMENTS, HandClock, HubRig, StationRig

T = TypeVar("T")
STATION = "01JZ0000000000000000000001"


@dataclass(frozen=True, slots=True)
class Alone:
    """One `state.db` with outbox and replica."""

    db: SqliteDb
    clock: HandClock
    outbox: Outbox
    replica: Replica

    def tx(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn` as one transaction."""
        return self.db.write_now(fn)

    def one(self, query: str) -> tuple[object, ...]:
        """Return the first row of `query`."""
        return self.tx(lambda conn: tuple(conn.execute(query).fetchone()))


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    db = SqliteDb(tmp_path / "state.db", inline=True)
    for statement in DDL:
        db.write_now(lambda conn: conn.execute(statement).rowcount)  # noqa: B023
    clock = HandClock()
    outbox = Outbox(db, clock, seeded_chance("alone"), STATION)
    replica = Replica(db, outbox, clock)
    replica.register(COMPARTMENTS)
    yield Alone(db, clock, outbox, replica)
    disarm_all()
    db.close()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubRig]:
    rig = HubRig(tmp_path)
    yield rig
    rig.db.close()


@pytest.fixture
def subject(tmp_path: Path, hub: HubRig) -> Iterator[StationRig]:
    rig = StationRig(tmp_path, hub)
    yield rig
    rig.db.close()
    disarm_all()
