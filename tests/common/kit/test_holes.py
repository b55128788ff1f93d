"""Blocks that a disk does not give back: in a file, in a database, in its log and in its sums."""

import asyncio
import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from common.kit import sqlite
from common.kit.clock import SystemClock
from common.kit.disk import MIB, Disk, DiskLimits, ReservedDb
from common.kit.errors import UnavailableError
from common.kit.holes import BLOCK_BYTES, is_unreadable, read_holed, read_piece
from common.kit.pagesums import PageSums
from common.kit.soundness import is_sound
from common.kit.sqlite import SqliteDb
from common.kit.walfile import HEADER_BYTES, log_of, offset, read_log
from common.kit.work import InlineWork
from linli.drill.rot.sectors import Sectors
from tests.common.kit.test_disk import SetSpace
from tests.common.kit.test_pagesums import KEY, ROWS, lived, rows
from tests.common.kit.test_soundness import made


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "TAKE_OVER_COMMITS", 40)


@pytest.fixture
def bad() -> Iterator[Sectors]:
    with closing(Sectors()) as sectors:
        yield sectors


def test_a_file_is_read_around_its_holes(tmp_path: Path, bad: Sectors) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1" * BLOCK_BYTES + b"2" * BLOCK_BYTES + b"3" * 10)
    assert read_holed(path, bad.read).data == path.read_bytes()
    bad.spoil(path, 1)
    held = read_holed(path, bad.read)
    assert held.data == b"1" * BLOCK_BYTES + bytes(BLOCK_BYTES) + b"3" * 10
    assert held.holes == {1}
    assert [held.lacks(*at) for at in ((0, BLOCK_BYTES), (0, BLOCK_BYTES + 1), (8192, 10))] == [
        False, True, False,
    ]  # fmt: skip
    with path.open("rb") as file:
        assert read_piece(file, 10, 20, bad.read) == b"1" * 20
        assert read_piece(file, 8190, 4, bad.read) is None
        assert read_piece(file, 8200, 9, bad.read) == b"33"


def test_a_disk_that_refuses_otherwise_is_said(tmp_path: Path) -> None:
    def refuse(_handle: int, _size: int, _at: int) -> bytes:
        raise OSError(errno.ENOSPC, "full")

    path = tmp_path / "file"
    path.write_bytes(b"1")
    with pytest.raises(OSError, match="full"):
        read_holed(path, refuse)
    assert not is_unreadable(sqlite3.DatabaseError("without a code"))


def test_a_page_that_does_not_read_is_bad_and_the_others_are_kept(
    tmp_path: Path, bad: Sectors
) -> None:
    path = lived(tmp_path, log=False)
    bad.spoil(path, 6)
    subject = PageSums(path, KEY, bad.read)
    found = subject.examine()
    assert found is not None
    assert found.bad == {7}
    assert subject.rotten(1, 100) == {7}
    assert subject.restore(found, tmp_path / "new.db") == found
    assert (tmp_path / "new.db").read_bytes()[6 * 4096 : 7 * 4096] == b"\xff" * 4096


def test_a_page_that_reads_no_more_when_it_is_restored_is_bad_too(
    tmp_path: Path, bad: Sectors
) -> None:
    path = lived(tmp_path, log=False)
    subject = PageSums(path, KEY, bad.read)
    found = subject.examine()
    assert found is not None
    bad.spoil(path, 3)
    assert subject.restore(found, tmp_path / "new.db").bad == {4}


def test_a_page_that_does_not_read_when_sums_are_made_is_bad_from_then_on(
    tmp_path: Path, bad: Sectors
) -> None:
    path = lived(tmp_path, log=False)
    bad.spoil(path, 3)
    PageSums(path, KEY, bad.read).renew()
    found = PageSums(path, KEY).examine()
    assert found is not None
    assert found.bad == {4}, "even if it reads again"


def test_sums_that_do_not_read_tell_nothing(tmp_path: Path, bad: Sectors) -> None:
    path = lived(tmp_path, log=False)
    bad.spoil(path.with_name("state.db.sums"), 0)
    assert PageSums(path, KEY, bad.read).examine() is None


def test_one_of_the_two_images_of_the_sums_suffices(tmp_path: Path, bad: Sectors) -> None:
    path = lived(tmp_path, log=False)
    db = SqliteDb(path, inline=True, synchronous="OFF")
    subject = PageSums(path, KEY)
    assert subject.examine() is not None
    db.keep_sums(subject)
    db.write_now(
        lambda conn: (
            conn.executemany("INSERT INTO a (c) VALUES (?)", [("y" * 3000,)] * 800).rowcount
        )
    )
    db.close()
    sums = path.with_name("state.db.sums")
    assert sums.stat().st_size > 3 * BLOCK_BYTES
    bad.spoil(sums, 0)
    found = PageSums(path, KEY, bad.read).examine()
    assert found is not None
    assert found.sound


def _block_of_head(number: int) -> int:
    return (offset(number, 4096) - 24) // BLOCK_BYTES


def test_a_hole_in_the_midst_of_the_log_leaves_no_page_proven(tmp_path: Path, bad: Sectors) -> None:
    """The number of a page is lost with it: any one may have had a newer content there."""
    path = lived(tmp_path, log=True)
    bad.spoil(log_of(path), _block_of_head(5))
    found = PageSums(path, KEY, bad.read).examine()
    assert found is not None
    assert found.log.lost
    assert found.bad == set(range(1, found.pages + 1))


@pytest.mark.parametrize("first", [0, 1])
def test_the_last_transaction_may_lie_in_a_hole_but_not_two(
    tmp_path: Path, bad: Sectors, first: int
) -> None:
    path = lived(tmp_path, log=True)
    count = len(read_log(path, 4096).frames)
    for block in range(_block_of_head(count - 2 + first), _block_of_head(count - 1) + 1):
        bad.spoil(log_of(path), block)
    log = read_log(path, 4096, bad.read)
    assert log.damaged
    if first == 0:
        assert log.lost
        return
    # The frame before lies half in the hole. Its number reads, so its page is bad; it is not the last.
    assert (log.lost, log.torn) == (False, True)
    found = PageSums(path, KEY, bad.read).examine()
    assert found is not None
    assert found.bad == {log.frames[-1].page}
    assert len(log.frames) == count - 1


def test_a_header_of_the_log_that_does_not_read_leaves_no_page_proven(
    tmp_path: Path, bad: Sectors
) -> None:
    path = lived(tmp_path, log=True)
    bad.spoil(log_of(path), 0)
    assert read_log(path, 4096, bad.read).lost
    found = PageSums(path, KEY, bad.read)
    assert found.examine() is not None
    with pytest.raises(OSError, match="Input/output"):
        found.rotten(1, 10)


def test_a_log_too_short_for_a_frame_holds_nothing_but_a_hole(tmp_path: Path, bad: Sectors) -> None:
    path = lived(tmp_path, log=True)
    log_of(path).write_bytes(log_of(path).read_bytes()[: HEADER_BYTES + 100])
    assert not read_log(path, 4096, bad.read).damaged
    bad.spoil(log_of(path), 0)
    log = read_log(path, 4096, bad.read)
    assert (log.damaged, log.lost, log.frames) == (True, False, [])


def _behind_the_end(path: Path, bad: Sectors) -> None:
    """Let frames of an earlier run follow, one of which does not read."""
    log, before = log_of(path), log_of(path).read_bytes()
    older = bytearray(before[HEADER_BYTES:])
    for at in range(0, len(older), 24 + 4096):
        older[at + 8] ^= 0xFF
    log.write_bytes(before + older)
    bad.spoil(log, (len(before) + 3 * 4120) // BLOCK_BYTES)


def _page_that_the_log_has(path: Path, bad: Sectors) -> None:
    bad.spoil(path, read_log(path, 4096).frames[-1].page - 1)


@pytest.mark.parametrize("hurt", [_behind_the_end, _page_that_the_log_has])
def test_a_hole_in_what_nobody_needs_loses_nothing_but_is_no_file_for_sqlite(
    tmp_path: Path, bad: Sectors, hurt: Callable[[Path, Sectors], None]
) -> None:
    path = lived(tmp_path, log=True)
    hurt(path, bad)
    subject = PageSums(path, KEY, bad.read)
    found = subject.examine()
    assert found is not None
    assert (found.sound, found.bad, found.log.torn) == (False, frozenset(), False)
    subject.restore(found, tmp_path / "new.db")
    assert rows(tmp_path / "new.db") == list(range(ROWS))


@pytest.mark.parametrize("block", [0, 3])
def test_sqlite_finds_no_file_sound_that_does_not_read(
    tmp_path: Path, bad: Sectors, block: int
) -> None:
    path = made(tmp_path / "a.db")
    with bad.under_sqlite():
        assert is_sound(path, SystemClock())
        bad.spoil(path, block)
        assert not is_sound(path, SystemClock())


def test_a_file_that_cannot_be_opened_is_not_called_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "a.db"
    folder.mkdir()
    assert is_sound(folder, SystemClock()), "opening it will say why not"


@pytest.mark.parametrize("threads", [False, True])
async def test_who_reads_or_writes_what_does_not_read_is_told_of_damage(
    tmp_path: Path, bad: Sectors, threads: bool
) -> None:
    path = made(tmp_path / "state.db")
    told: list[sqlite3.DatabaseError] = []
    disk = Disk(tmp_path, SetSpace(), DiskLimits(256 * MIB, 64 * MIB, 8 * MIB, MIB))
    with bad.under_sqlite():
        store = ReservedDb(SqliteDb(path, inline=not threads), disk, InlineWork(), told.append)
        await asyncio.to_thread(bad.spoil, path, 0)
        for ask in (store.read, store.write):
            with pytest.raises(UnavailableError) as refused:
                await ask(lambda conn: conn.execute("SELECT c FROM a WHERE b = 1").fetchone())
            assert refused.value.key == "storage.damaged"
        store.close()
    assert len(told) == 2
    assert await asyncio.to_thread(lambda: disk.holds_reserve), "room is not what it lacks"


def test_the_hook_lets_go_of_sqlite(tmp_path: Path, bad: Sectors) -> None:
    path = tmp_path / "a.db"
    made(path)
    whole = path.read_bytes()
    bad.spoil(path, 0)
    path.write_bytes(whole)
    with (
        bad.under_sqlite(),
        pytest.raises(sqlite3.OperationalError),
        closing(sqlite3.connect(path)) as conn,
    ):
        conn.execute("SELECT count(*) FROM a")
    assert is_sound(path, SystemClock())
