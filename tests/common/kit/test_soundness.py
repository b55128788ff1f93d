"""Damaged files are found and set aside, sound ones are not touched."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from common.kit.clock import SystemClock
from common.kit.soundness import is_sound, set_aside


def made(path: Path, rows: int = 2000) -> Path:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE a (b INTEGER PRIMARY KEY, c TEXT)")
        conn.executemany("INSERT INTO a (c) VALUES (?)", [("x" * 200,)] * rows)
        conn.commit()
    return path


def test_a_sound_an_empty_and_a_missing_file_pass(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    for path in (made(tmp_path / "a.db"), empty, tmp_path / "none.db"):
        assert is_sound(path, SystemClock())


@pytest.mark.parametrize("at", [0, 4096 * 3])
def test_a_damaged_page_is_found_and_the_file_set_aside(tmp_path: Path, at: int) -> None:
    path = made(tmp_path / "a.db")
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xff" * 600)
    assert not is_sound(path, SystemClock())
    path.with_name("a.db-wal").write_bytes(b"log")
    bytes_before = path.read_bytes()
    aside = set_aside(path)
    assert aside == tmp_path / "a.db.damaged"
    assert aside.read_bytes() == bytes_before
    assert (tmp_path / "a.db.damaged-wal").read_bytes() == b"log"
    assert [one.name for one in tmp_path.glob("a.db*") if one.name.startswith("a.db-")] == []
    made(path)
    assert set_aside(path).stat().st_size == len(bytes_before)
    assert not (tmp_path / "a.db.damaged-wal").exists(), "the older one made room"


def test_a_check_that_takes_too_long_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert is_sound(made(tmp_path / "a.db", 60_000), SystemClock(), within_s=-1)
    assert "not checked to the end" in caplog.text
