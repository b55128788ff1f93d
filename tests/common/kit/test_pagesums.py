"""A database whose pages or log changed by themselves is found out, and what can be proven is kept."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from common.kit import sqlite
from common.kit.pagesums import PageSums
from common.kit.sqlite import SqliteDb
from common.kit.walfile import HEADER_BYTES, offset, read_log

KEY = b"k" * 32
ROWS = 300


def flip(path: Path, at: int, bit: int = 0) -> None:
    """Turn one bit over, as a disk does it: without a trace in the file's time."""
    was = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << bit)]))
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def lived(folder: Path, *, log: bool) -> Path:
    """Return a database of some pages; with `log` as power leaves it, without as an orderly stop does."""
    live = SqliteDb(folder / "live.db", inline=True, synchronous="OFF")
    live.keep_sums(PageSums(live.path, KEY))
    live.write_now(
        lambda conn: conn.execute("CREATE TABLE a (b INTEGER PRIMARY KEY, c TEXT)").rowcount
    )
    for number in range(ROWS):

        def insert(conn: sqlite3.Connection, n: int = number) -> None:
            conn.execute("INSERT INTO a VALUES (?, ?)", (n, "x" * 400))

        live.write_now(insert)
    path = folder / "state.db"
    if not log:
        live.close()
    for end in ("", "-wal", ".sums"):
        part = live.path.with_name(live.path.name + end)
        if part.exists():
            shutil.copy2(part, path.with_name(path.name + end))
    live.close()
    return path


def rows(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as conn:
        return [row[0] for row in conn.execute("SELECT b FROM a ORDER BY b")]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "TAKE_OVER_COMMITS", 40)


@pytest.mark.parametrize("log", [True, False])
def test_a_sound_one_is_sound(tmp_path: Path, log: bool) -> None:
    path = lived(tmp_path, log=log)
    assert path.with_name("state.db-wal").exists() is log
    found = PageSums(path, KEY).examine()
    assert found is not None
    assert found.sound
    assert not found.log.torn
    assert bool(found.log.frames) is log


def test_every_byte_of_a_page_counts(tmp_path: Path) -> None:
    path = lived(tmp_path, log=False)
    for at in (30, 4096 * 3 + 2000, 4096 * 5 + 4095):
        flip(path, at, 5)
    found = PageSums(path, KEY).examine()
    assert found is not None
    assert found.bad == {1, 4, 6}


def test_a_sum_that_changed_accuses_nobody_and_is_put_right(tmp_path: Path) -> None:
    path = lived(tmp_path, log=False)
    sums = path.with_name("state.db.sums")
    flip(sums, 100)
    flip(sums, sums.stat().st_size // 2 + 3)  # and one header of the two
    subject = PageSums(path, KEY)
    found = subject.examine()
    assert found is not None
    assert found.sound


def test_no_sums_tell_nothing(tmp_path: Path) -> None:
    path = lived(tmp_path, log=False)
    assert PageSums(path, b"o" * 32).examine() is None, "made with another key"
    path.with_name("state.db.sums").unlink()
    assert PageSums(path, KEY).examine() is None


def test_a_hand_with_an_editor_is_no_rot(tmp_path: Path) -> None:
    path = lived(tmp_path, log=False)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE a SET c = 'by hand' WHERE b = 7")
        conn.commit()
    assert PageSums(path, KEY).examine() is None


def frames(path: Path) -> int:
    return len(read_log(path, 4096).frames)


@pytest.mark.parametrize(
    "where",
    [
        lambda frame: offset(frame, 4096) + 1000,  # content
        lambda frame: offset(frame, 4096) - 24 + 3,  # page number
        lambda frame: offset(frame, 4096) - 24 + 6,  # size after the commit
        lambda frame: offset(frame, 4096) - 24 + 10,  # salt
        lambda frame: offset(frame, 4096) - 24 + 18,  # checksum
    ],
)
def test_a_damaged_log_is_found_and_what_follows_is_kept(
    tmp_path: Path, where: Callable[[int], int]
) -> None:
    path = lived(tmp_path, log=True)
    count = frames(path)
    assert count > 20
    wal = path.with_name("state.db-wal")
    flip(wal, where(5))
    subject = PageSums(path, KEY)
    found = subject.examine()
    assert found is not None
    assert not found.sound
    assert len(found.log.frames) == count
    assert len(found.bad) <= 1
    if not found.bad:
        subject.restore(found, tmp_path / "new.db")
        assert rows(tmp_path / "new.db") == list(range(ROWS))
    wal.unlink()
    assert len(rows(path)) < ROWS, "SQLite alone would have lost these without a word"


def test_a_high_bit_of_the_content_does_not_pass_for_a_bit_of_the_page_number(
    tmp_path: Path,
) -> None:
    """Both can weigh the same in the sum of the format: the frame is then nobody's."""
    path = lived(tmp_path, log=True)
    wal, was = path.with_name("state.db-wal"), read_log(path, 4096).frames[5]
    for word in (10, 22, 34):
        at = offset(5, 4096) + 4 * word + 3  # the highest byte of a word of the sum
        flip(wal, at, 5)
        frame = read_log(path, 4096).frames[5]
        assert (frame.page, frame.whole, frame.perhaps) == (was.page, False, (was.page ^ 32,))
        flip(wal, at, 5)


def test_a_page_number_that_changed_leaves_neither_page_believed(tmp_path: Path) -> None:
    path = lived(tmp_path, log=True)
    number = frames(path) - 4
    true_page = read_log(path, 4096).frames[number].page
    flip(path.with_name("state.db-wal"), offset(number, 4096) - 24 + 3, 1)
    log = read_log(path, 4096)
    assert true_page in log.frames[number].perhaps
    assert log.newest()[true_page] >= number
    assert not log.frames[number].whole


@pytest.mark.parametrize("at", range(HEADER_BYTES))
def test_a_damaged_header_of_the_log_loses_nothing(tmp_path: Path, at: int) -> None:
    path = lived(tmp_path, log=True)
    flip(path.with_name("state.db-wal"), at, at % 8)
    subject = PageSums(path, KEY)
    found = subject.examine()
    assert found is not None
    if not found.sound:
        assert not found.bad
        subject.restore(found, tmp_path / "new.db")
        path = tmp_path / "new.db"
    assert rows(path) == list(range(ROWS))


def test_a_last_transaction_that_does_not_add_up_is_told(tmp_path: Path) -> None:
    path = lived(tmp_path, log=True)
    count = frames(path)
    flip(path.with_name("state.db-wal"), offset(count - 1, 4096) + 9)
    found = PageSums(path, KEY).examine()
    assert found is not None
    assert found.log.torn
    assert found.sound, "power may have cut it short: SQLite ends there too"
    assert rows(path) == list(range(ROWS - 1))


def test_sums_follow_a_file_that_grows_and_shrinks(tmp_path: Path) -> None:
    path = lived(tmp_path, log=False)
    db = SqliteDb(path, inline=True, synchronous="OFF")
    subject = PageSums(path, KEY)
    assert subject.examine() is not None
    db.keep_sums(subject)
    db.write_now(
        lambda conn: conn.executemany("INSERT INTO a (c) VALUES (?)", [("y" * 900,)] * 400).rowcount
    )
    db.write_now(lambda conn: conn.execute("DELETE FROM a WHERE b > 20").rowcount)
    db.close()
    found = PageSums(path, KEY).examine()
    assert found is not None
    assert found.sound
