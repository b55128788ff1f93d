"""A disk that fills up: levels, the reserve, and a write that goes through on it."""

import sqlite3
from pathlib import Path

import pytest

from common.kit.disk import MIB, Disk, DiskLevel, DiskLimits, FolderSpace, ReservedDb
from common.kit.errors import UnavailableError
from common.kit.sqlite import SqliteDb
from common.kit.work import InlineWork

LIMITS = DiskLimits(low=256 * MIB, critical=64 * MIB, full=8 * MIB, reserve=MIB)


class SetSpace:
    """As full as a test says."""

    def __init__(self, free_mib: int = 1000) -> None:
        self.free_mib, self.readonly, self.gone = free_mib, False, False

    def free_bytes(self) -> int:
        if self.gone:
            raise OSError("gone")
        return self.free_mib * MIB

    def is_readonly(self) -> bool:
        return self.readonly


@pytest.fixture
def space() -> SetSpace:
    return SetSpace()


@pytest.fixture
def disk(tmp_path: Path, space: SetSpace) -> Disk:
    return Disk(tmp_path, space, LIMITS)


def test_levels_follow_the_free_space_and_the_reserve_comes_back(
    disk: Disk, space: SetSpace, tmp_path: Path
) -> None:
    reserve = tmp_path / "reserve.bin"
    assert reserve.stat().st_size == MIB
    seen = []
    for space.free_mib in (1000, 255, 63, 7, 20, 64, 65, 300):
        seen.append((disk.look(), reserve.exists()))
    assert seen == [
        (DiskLevel.OK, True), (DiskLevel.LOW, True), (DiskLevel.CRITICAL, True),
        (DiskLevel.FULL, False), (DiskLevel.FULL, False), (DiskLevel.FULL, False),
        (DiskLevel.LOW, True), (DiskLevel.OK, True),
    ]  # fmt: skip


def test_obligations_are_refused_from_critical_on(disk: Disk, space: SetSpace) -> None:
    disk.refuse_obligations()
    space.free_mib = 63
    disk.look()
    with pytest.raises(UnavailableError) as refused:
        disk.refuse_obligations()
    assert refused.value.key == "storage.low"


def test_a_disk_that_takes_nothing_or_is_gone(disk: Disk, space: SetSpace) -> None:
    space.readonly = True
    assert disk.look() is DiskLevel.READ_ONLY
    space.readonly, space.gone = False, True
    assert disk.look() is DiskLevel.READ_ONLY


def test_without_a_reserve_the_levels_stand_alone(tmp_path: Path, space: SetSpace) -> None:
    limits = DiskLimits(LIMITS.low, LIMITS.critical, LIMITS.full, 0)
    disk = Disk(tmp_path, space, limits)
    assert disk.level is DiskLevel.OK
    space.free_mib = 7
    assert disk.look() is DiskLevel.FULL
    assert not disk.release()
    assert not (tmp_path / "reserve.bin").exists()


def test_a_reserve_that_does_not_fit_leaves_no_half(
    tmp_path: Path, space: SetSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int, _at: int, _size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    assert Disk(tmp_path, space, LIMITS).level is DiskLevel.FULL
    assert list(tmp_path.iterdir()) == []


def test_a_real_folder_tells(tmp_path: Path) -> None:
    space = FolderSpace(tmp_path)
    assert space.free_bytes() > 0
    assert not space.is_readonly()


def put(conn: sqlite3.Connection) -> None:
    conn.execute("INSERT INTO a VALUES (zeroblob(20000))")


async def test_a_write_goes_through_on_the_reserve(disk: Disk, tmp_path: Path) -> None:
    db = SqliteDb(tmp_path / "state.db", inline=True)
    db.write_now(lambda conn: conn.execute("CREATE TABLE a (b)"))
    pages = db.write_now(lambda conn: conn.execute("PRAGMA page_count").fetchone()[0])
    db.write_now(lambda conn: conn.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    tries = 0

    def fn(conn: sqlite3.Connection) -> None:
        nonlocal tries
        tries += 1
        if tries == 2:  # what releasing the reserve does for a real disk
            conn.execute(f"PRAGMA max_page_count = {pages + 100}").fetchone()
        put(conn)

    store = ReservedDb(db, disk, InlineWork())
    await store.write(fn)
    assert tries == 2
    assert await store.read(lambda conn: conn.execute("SELECT count(*) FROM a").fetchone()[0]) == 1
    assert store.path == tmp_path / "state.db"
    store.close()


async def test_when_the_reserve_is_gone_too_people_are_told(tmp_path: Path) -> None:
    space = SetSpace(1)
    disk = Disk(tmp_path, space, LIMITS)
    assert disk.level is DiskLevel.FULL
    db = SqliteDb(tmp_path / "state.db", inline=True)
    db.write_now(lambda conn: conn.execute("CREATE TABLE a (b)"))
    pages = db.write_now(lambda conn: conn.execute("PRAGMA page_count").fetchone()[0])
    db.write_now(lambda conn: conn.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    store = ReservedDb(db, disk, InlineWork())
    with pytest.raises(UnavailableError) as refused:
        await store.write(put)
    assert refused.value.key == "storage.disk"
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.write(lambda conn: conn.execute("DELETE FROM nowhere"))
    store.close()
