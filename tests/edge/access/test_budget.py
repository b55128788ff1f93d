"""Budgets and powered-on time, to the second and across restarts: nothing that happens to a clock refills them."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from common.kit.sqlite import SqliteDb
from edge.access.budget import DDL as BUDGET_DDL
from edge.access.budget import Budget, KeeperBudget, RemoteBudget, Window, remote_windows
from edge.access.powered import CHECKPOINT_S, PoweredTime
from edge.access.powered import DDL as POWERED_DDL
from linli.world.clock import WorldClock
from linli.world.loop import VirtualLoop, run_virtual

T = TypeVar("T")


class Clock:
    """Monotonic seconds in hand."""

    def __init__(self) -> None:
        self.boot_id, self.now_s = "boot-1", 100.0

    def monotonic_s(self) -> float:
        return self.now_s


class Disk:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.db = SqliteDb(folder / "state.db", inline=True)
        for statement in (*POWERED_DDL, *BUDGET_DDL):
            self.tx(lambda conn, s=statement: conn.execute(s))  # type: ignore[misc]
        self.powered = PoweredTime(self.clock)  # type: ignore[arg-type]
        self.tx(self.powered.now_tx)

    def tx(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        return self.db.write_now(fn)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    yield made
    made.db.close()


def test_powered_time_counts_only_while_the_machine_runs(disk: Disk) -> None:
    assert disk.tx(disk.powered.read_tx) == 0.0
    disk.clock.now_s += 40
    assert disk.tx(disk.powered.read_tx) == 40.0
    assert disk.tx(disk.powered.now_tx) == 40.0
    disk.clock.now_s += 5
    disk.clock.boot_id, disk.clock.now_s = "boot-2", 7.0  # five seconds were not stored
    assert disk.tx(disk.powered.read_tx) == 40.0
    assert disk.tx(disk.powered.boot_id_tx) == "boot-1"
    assert disk.tx(disk.powered.now_tx) == 40.0
    assert disk.tx(disk.powered.boot_id_tx) == "boot-2"
    disk.clock.now_s += 3
    assert disk.tx(disk.powered.now_tx) == 43.0
    disk.clock.now_s -= 100  # a monotonic clock never does; the counter does not either
    assert disk.tx(disk.powered.read_tx) == 43.0
    disk.tx(lambda conn: conn.execute("DELETE FROM powered_time"))
    assert disk.tx(disk.powered.boot_id_tx) is None
    assert disk.tx(disk.powered.read_tx) == 0.0


def test_the_counter_is_stored_once_a_minute_with_what_else_is_due(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        import asyncio

        clock = WorldClock(loop, boot_id="boot-1")
        db = SqliteDb(tmp_path / "state.db", inline=True)
        db.write_now(lambda conn: conn.execute(POWERED_DDL[0]))
        powered, also = PoweredTime(clock), list[float]()
        job = asyncio.create_task(powered.run(db, lambda conn: also.append(powered.read_tx(conn))))
        await asyncio.sleep(2 * CHECKPOINT_S + 1)
        job.cancel()
        await asyncio.wait([job])
        stored = db.write_now(lambda c: c.execute("SELECT powered_s FROM powered_time").fetchone())
        assert also == [0.0, 60.0, 120.0]
        assert stored["powered_s"] == 120.0
        db.close()

    run_virtual(1, main)


def test_a_window_opens_again_on_the_second_its_oldest_opening_leaves(disk: Disk) -> None:
    subject = Budget(disk.powered, (Window(2, 60.0), Window(3, 600.0)))

    def spend(name: str = "a") -> int:
        return disk.tx(lambda conn: subject.spend_tx(conn, name))

    assert spend() == 0
    disk.clock.now_s += 10
    assert spend() == 0
    assert spend() == 50
    assert spend("b") == 0, "each name has its own"
    disk.clock.now_s += 49.5
    assert spend() == 1
    disk.clock.now_s += 0.5
    assert spend() == 0
    assert spend() == 540, "three in ten minutes, the longer wait counts"
    disk.clock.now_s += 539
    assert spend() == 1
    disk.clock.now_s += 1
    assert spend() == 0
    left = disk.tx(
        lambda c: c.execute(
            "SELECT name, count(*) FROM opening_spent GROUP BY 1 ORDER BY 1"
        ).fetchall()
    )
    assert [tuple(row) for row in left] == [("a", 3), ("b", 1)], "others' are let be, old ones go"


def test_a_refusal_spends_nothing(disk: Disk) -> None:
    subject = Budget(disk.powered, (Window(1, 60.0),))
    assert disk.tx(lambda conn: subject.spend_tx(conn, "a")) == 0
    for _ in range(3):
        assert disk.tx(lambda conn: subject.spend_tx(conn, "a")) == 60
    disk.clock.now_s += 60
    assert disk.tx(lambda conn: subject.spend_tx(conn, "a")) == 0


@pytest.mark.parametrize(
    ("doors", "an_hour"), [(1, 2), (16, 2), (29, 2), (30, 3), (39, 3), (200, 20)]
)
def test_the_hub_may_open_a_tenth_of_the_doors_an_hour_and_three_a_minute(
    disk: Disk, doors: int, an_hour: int
) -> None:
    assert remote_windows(doors) == (Window(3, 60.0), Window(an_hour, 3600.0))
    subject, opened = RemoteBudget(disk.powered, doors), 0
    for _ in range(60):
        opened += disk.tx(lambda conn: subject.spend_tx(conn, "remote")) == 0
        disk.clock.now_s += 25
    assert opened == min(an_hour, 60)


def test_a_keeper_opens_five_doors_in_ten_minutes_by_hand(disk: Disk) -> None:
    subject = KeeperBudget(disk.powered)
    said = [disk.tx(lambda conn: subject.spend_tx(conn, "keeper:1")) for _ in range(6)]
    assert said == [0, 0, 0, 0, 0, 600]
