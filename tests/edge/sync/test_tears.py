"""A station whose outbox was rebuilt and the hub agree again: each fact takes effect once, and none is lost."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.contract.damage import LostEvents
from common.contract.events import EVENT_TYPES
from common.contract.protocol import START, Position
from common.contract.words import Lane
from edge.salvage.outbox import fill_outbox_tx
from edge.salvage.stock import take_stock
from edge.sync.fence import Why
from edge.sync.tears import close_tears_tx
from tests.edge.sync.conftest import STATION, Alone
from tests.edge.sync.rig import HubRig, StationRig, until

_TABLES = ("outbox", "sync_lane", "sync_break", "sync_tear")


@dataclass
class Disk:
    """The station's file, of which pages are lost; the copy is what it was at `copy()`."""

    subject: StationRig
    folder: Path

    def copy(self) -> None:
        """Make the hourly copy."""
        self.subject.copy_file(self.folder / "copy.db")

    async def rots(self, *lost: str, lane: bool = False, acked: bool = False) -> list[LostEvents]:
        """Rebuild the store without these facts, the lane's row, the last fact the hub has; return what is lost."""
        told = await asyncio.to_thread(self._rebuild, lost, lane, acked)
        self.subject.open()
        return told

    def _rebuild(self, lost: tuple[str, ...], lane: bool, acked: bool) -> list[LostEvents]:
        subject, rest, copy = self.subject, self.folder / "rest.db", self.folder / "copy.db"
        subject.copy_file(rest)
        with closing(sqlite3.connect(rest)) as conn, conn:
            conn.execute("DELETE FROM sync_break")
            for label in lost:
                conn.execute("DELETE FROM outbox WHERE body LIKE ?", (f'%"{label}"%',))
            if acked:
                conn.execute(
                    "DELETE FROM outbox WHERE (lane, n) IN (SELECT lane, acked_n FROM sync_lane)"
                )
            if lane:
                conn.execute("DELETE FROM sync_lane")
        stock = take_stock(rest, copy if copy.exists() else None)
        for name in ("outbox", "sync_break", *(("sync_lane",) if lane else ())):
            stock.proven[name].whole = False

        def tx(conn: sqlite3.Connection) -> list[LostEvents]:
            for name in _TABLES:
                conn.execute(f"DELETE FROM {name}")
            return fill_outbox_tx(conn, stock, subject.station_id)

        told = subject.db.write_now(tx)
        subject.db.close()
        return [one for one in told if one.lane == "facts"]


@pytest.fixture
def disk(subject: StationRig, tmp_path: Path) -> Disk:
    return Disk(subject, tmp_path)


async def told(hub: HubRig, subject: StationRig, *labels: str) -> None:
    """Tell these and wait until the hub has them."""
    async with subject.running():
        await until(lambda: "replica.applied" in hub.types())  # told once, at the first rows
        await subject.door(*labels)
        await until(subject.is_empty)


async def wrote(subject: StationRig, *labels: str) -> None:
    """Write these while no hub is there."""
    await subject.boot()
    await subject.door(*labels)


def place(subject: StationRig, label: str) -> tuple[int, int]:
    """Return where a fact stands."""
    with closing(sqlite3.connect(subject.path)) as conn:
        found = conn.execute(
            "SELECT boot_epoch, seq FROM outbox WHERE body LIKE ?", (f'%"{label}"%',)
        ).fetchone()
    return (int(found[0]), int(found[1]))


async def test_of_a_lost_lane_row_no_fact_since_the_copy_takes_effect_again(
    hub: HubRig, subject: StationRig, disk: Disk
) -> None:
    async with hub.serving():
        await told(hub, subject, "A1", "A2")
        disk.copy()
        await told(hub, subject, "B1", "B2", "B3")
        end = place(subject, "B3")
        lost = await disk.rots(lane=True)
        assert [(one.count, one.after_boot_epoch, one.after_seq) for one in lost] == [(None, *end)]
        await told(hub, subject, "C1")
    assert hub.labels() == ["A1", "A2", "B1", "B2", "B3", "C1"]
    assert hub.alarms() == set(), "a fork would withdraw the grants of those facts"


@pytest.mark.parametrize("lane", [False, True])
async def test_what_the_hub_has_behind_a_hole_is_let_go(
    hub: HubRig, subject: StationRig, disk: Disk, lane: bool
) -> None:
    async with hub.serving():
        await told(hub, subject, "A1")
        disk.copy()
        await told(hub, subject, "B1", "B2", "B3", "B4")
        await disk.rots("B2", lane=lane)
        await told(hub, subject, "C1")
    assert hub.labels() == ["A1", "B1", "B2", "B3", "B4", "C1"]
    assert hub.alarms() == set()


@pytest.mark.parametrize("copied", [False, True])
async def test_what_the_hub_lacks_behind_a_hole_comes_once_and_only_the_hole_is_told_as_lost(
    hub: HubRig, subject: StationRig, disk: Disk, copied: bool
) -> None:
    async with hub.serving():
        await told(hub, subject, "A1", "A2")
    if copied:
        disk.copy()
    await wrote(subject, "B1", "B2", "B3", "B4", "B5")
    before = place(subject, "B1")
    lost = await disk.rots("B2", "B3", lane=copied)
    assert [(one.count, one.after_boot_epoch, one.after_seq) for one in lost[:1]] == [(2, *before)]
    assert [one.count for one in lost[1:]] == ([None] if copied else [])
    async with hub.serving():
        await told(hub, subject, "C1")
        assert hub.labels() == ["A1", "A2", "B1", "B4", "B5", "C1"]
        await told(hub, subject, "C2")
    assert hub.labels() == ["A1", "A2", "B1", "B4", "B5", "C1", "C2"]
    assert hub.alarms() == set()


async def test_two_holes_are_closed_at_once(hub: HubRig, subject: StationRig, disk: Disk) -> None:
    await wrote(subject, "A1", "A2", "A3", "A4", "A5")
    lost = await disk.rots("A2", "A4")
    assert [one.count for one in lost] == [1, 1]
    async with hub.serving():
        await told(hub, subject, "C1")
    assert hub.labels() == ["A1", "A3", "A5", "C1"]
    assert hub.alarms() == set()


async def test_the_first_facts_of_a_lane_that_are_lost_leave_no_hole_in_the_hub_s_log(
    hub: HubRig, subject: StationRig, disk: Disk
) -> None:
    await wrote(subject, "A1", "A2", "A3")
    lost = await disk.rots("A1", "A2")
    assert [(one.count, one.after_boot_epoch, one.after_seq) for one in lost] == [(2, 0, 0)]
    async with hub.serving():
        await told(hub, subject, "C1")
    assert hub.labels() == ["A3", "C1"]
    assert hub.alarms() == set()


@pytest.mark.parametrize("also", [(), ("B1",)])
async def test_of_the_last_fact_the_hub_has_only_the_place_need_be_left(
    hub: HubRig, subject: StationRig, disk: Disk, also: tuple[str, ...]
) -> None:
    async with hub.serving():
        await told(hub, subject, "A1")
        await subject.boot()
    await subject.door("B1", "B2")
    lost = await disk.rots(*also, acked=True)
    assert [one.count for one in lost] == [1 for _ in also]
    async with hub.serving():
        await told(hub, subject, "C1")
    assert hub.labels() == (["A1", "B2", "C1"] if also else ["A1", "B1", "B2", "C1"])
    assert hub.alarms() == set()


async def test_a_hub_that_stands_at_the_lost_fact_itself_goes_on_from_there(
    hub: HubRig, subject: StationRig, disk: Disk, tmp_path: Path
) -> None:
    async with hub.serving():
        await told(hub, subject, "A1")
        disk.copy()
        await told(hub, subject, "B1", "B2")
    await wrote(subject, "B3")
    lost = await disk.rots("B2", lane=True)
    assert [one.count for one in lost] == [1, None]
    async with hub.serving():
        await told(hub, subject, "C1")
    assert hub.labels() == ["A1", "B1", "B2", "B3", "C1"]
    assert hub.alarms() == set()


async def test_a_lost_end_that_the_hub_has_is_followed_where_the_lane_still_names_it(
    hub: HubRig, subject: StationRig, disk: Disk
) -> None:
    async with hub.serving():
        await told(hub, subject, "A1", "A2")
        with closing(sqlite3.connect(subject.path)) as conn, conn:  # the answer was lost
            conn.execute("UPDATE sync_lane SET acked_n = 0")
        assert [one.count for one in await disk.rots("A2")] == [1]
        async with subject.running():  # nothing is written yet
            await until(subject.is_empty)
        await told(hub, subject, "C1")
    assert hub.labels() == ["A1", "A2", "C1"]
    assert hub.alarms() == set()


async def test_facts_the_hub_alone_has_make_a_fork_and_nothing_before_them_comes_again(
    hub: HubRig, subject: StationRig, disk: Disk
) -> None:
    """A1 | B1 [B2] B3 [B4]: copy, hole and end; the lane's row is lost too."""
    seen: list[Why] = []
    async with hub.serving():
        await told(hub, subject, "A1")
        disk.copy()
        await told(hub, subject, "B1", "B2", "B3", "B4")
        await disk.rots("B2", "B4", lane=True)
        forked: list[int] = []
        hub.gateway.on_fork(EVENT_TYPES, lambda _conn, _at, facts: forked.append(len([*facts])))
        await subject.boot()
        link = subject.link()
        link.fence.on_change.append(lambda: seen.append(link.fence.why))
        await subject.door("C1")
        async with subject.talking(link):
            await until(lambda: seen == [Why.STALE, Why.NONE] and subject.is_empty())
    assert hub.labels() == ["A1", "B1", "B2", "B3", "B4", "C1"]
    assert hub.alarms() == {"fork"}
    assert forked == [1], "only what is not known here any more is withdrawn"


async def test_a_hub_inside_a_hole_gets_what_it_lacks_behind_its_own_story(
    hub: HubRig, subject: StationRig, disk: Disk
) -> None:
    async with hub.serving():
        await told(hub, subject, "A1")
        disk.copy()
        await told(hub, subject, "B1", "B2")
    await wrote(subject, "B3", "B4")
    await disk.rots("B2", "B3", lane=True)
    async with hub.serving():
        await told(hub, subject, "C1")
    assert hub.labels() == ["A1", "B1", "B2", "B4", "C1"]
    assert hub.alarms() == {"fork"}


def _mark(alone: Alone, acked_n: int, torn: int) -> None:
    def tx(conn: sqlite3.Connection) -> None:
        for n in range(acked_n + 1, 4):
            conn.execute(
                "INSERT INTO outbox VALUES ('facts', ?, 5, ?, 1, 't', 1, '{}', zeroblob(31), NULL)",
                (n, n),
            )
        conn.execute("UPDATE sync_lane SET n = 3, acked_n = ? WHERE lane = 'facts'", (acked_n,))
        conn.execute(
            "INSERT INTO sync_break VALUES ('facts', ?, 5, ?, zeroblob(32))", (acked_n, acked_n)
        )
        conn.execute("INSERT INTO sync_tear VALUES ('facts', ?)", (torn,))

    alone.tx(tx)


@pytest.mark.parametrize(
    ("head", "behind"),
    [
        (Position(boot_epoch=5, seq=1, chain="ab" * 32), (5, 1)),
        (Position(boot_epoch=4, seq=9, chain="ab" * 32), (4, 9)),
        (START, (0, 0)),
    ],
)
async def test_where_only_a_place_is_left_the_hub_s_own_is_taken(
    alone: Alone, head: Position, behind: tuple[int, int]
) -> None:
    await alone.outbox.boot()
    _mark(alone, acked_n=1, torn=1)
    told = alone.tx(lambda conn: close_tears_tx(conn, STATION, Lane.FACTS, head, 7))
    assert told == 2
    assert alone.one("SELECT boot_epoch, seq FROM sync_break WHERE n = 1") == behind
    assert alone.one("SELECT count(*) FROM sync_tear") == (0,)


async def test_a_hub_beyond_the_place_that_is_left_is_shown_the_fork(alone: Alone) -> None:
    await alone.outbox.boot()
    _mark(alone, acked_n=0, torn=0)
    alone.tx(lambda conn: conn.execute("UPDATE outbox SET boot_epoch = 6").rowcount)
    head = Position(boot_epoch=5, seq=4, chain="ab" * 32)
    assert alone.tx(lambda conn: close_tears_tx(conn, STATION, Lane.FACTS, head, 7)) == 3
    assert alone.one("SELECT boot_epoch, seq FROM sync_break WHERE n = 0") == (5, 0)


async def test_without_a_tear_no_row_is_touched(alone: Alone) -> None:
    await alone.outbox.boot()
    _mark(alone, acked_n=1, torn=0)  # before what the hub has: rows dropped since
    head = Position(boot_epoch=9, seq=9, chain="ab" * 32)
    assert alone.tx(lambda conn: close_tears_tx(conn, STATION, Lane.FACTS, head, 7)) == 0
    assert alone.one("SELECT acked_n FROM sync_lane WHERE lane = 'facts'") == (1,)
    assert alone.one("SELECT count(*) FROM sync_tear") == (0,)
