"""A write-ahead log of SQLite read without SQLite, which ends it at the first damaged frame without a word.

Frames behind a damaged one can still be proven: each carries the running checksum that the next continues from.
Where the disk does not give the log back (`holes`), which pages it held there is not known either.
Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import os
import sqlite3
import struct
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from common.kit.holes import Holed, ReadAt, read_holed

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
_MAGIC_LITTLE, _MAGIC_BIG = 0x377F0682, 0x377F0683
_MASK = 0xFFFFFFFF
# https://www.sqlite.org/walformat.html#the_wal_index_file_format: the fifth number is the last frame that is whole.
_INDEX_VERSION = 3007000
_INDEX_HEADER = struct.Struct("=IIIIIIIIIIII")
_LOOK_AHEAD = 3  # this many frames of another log in a row are its end, not damage
Seed = tuple[int, int]


@dataclass(slots=True)
class Frame:
    """One page as a transaction left it; `commit` is the size of the database in pages, 0 inside a transaction."""

    page: int
    commit: int
    whole: bool
    perhaps: tuple[int, ...] = ()
    """Pages it may be of instead: its own number may be what changed."""


@dataclass(slots=True)
class Log:
    """What a log holds up to its last commit."""

    frames: list[Frame] = field(default_factory=list)
    damaged: bool = False
    """SQLite would not take it as it is: something in it changed by itself."""
    torn: bool = False
    """Frames lie behind the last commit that can be proven: power failed, or they changed by themselves."""
    lost: bool = False
    """Which pages it held is not known: every page of the database may have a newer content."""

    @property
    def pages(self) -> int:
        """Return the size of the database in pages after the last commit; 0 for an empty log."""
        return self.frames[-1].commit if self.frames else 0

    def newest(self) -> dict[int, int]:
        """Return page → number of the frame that holds its newest content, or may hold it."""
        return {
            page: number
            for number, frame in enumerate(self.frames)
            for page in (frame.page, *frame.perhaps)
        }


def offset(number: int, page_size: int) -> int:
    """Return where the content of frame `number` (from 0) begins."""
    return HEADER_BYTES + number * (FRAME_HEADER_BYTES + page_size) + FRAME_HEADER_BYTES


def log_of(database: Path) -> Path:
    """Return where the log of `database` lies."""
    return database.with_name(f"{database.name}-wal")


def pages_of(path: Path, frames: int, page_size: int) -> set[int]:
    """Return the page numbers of the first `frames` frames, unchecked: for the writer who has just written them."""
    found = set()
    with path.open("rb") as file:
        for number in range(frames):
            file.seek(offset(number, page_size) - FRAME_HEADER_BYTES)
            found.add(int.from_bytes(file.read(4), "big"))
    return found


def pages_in_log(database: Path, page_size: int, read: ReadAt = os.pread) -> set[int]:
    """Return the pages that frames of the log's present run hold, unchecked; OSError where one does not read."""
    path, found = log_of(database), set[int]()
    if not path.exists():
        return found
    with path.open("rb", buffering=0) as file:
        salts, number = read(file.fileno(), HEADER_BYTES, 0)[16:24], 0
        while True:
            at = offset(number, page_size) - FRAME_HEADER_BYTES
            head = read(file.fileno(), FRAME_HEADER_BYTES, at)
            if head[8:16] != salts or not salts:
                return found
            found.add(int.from_bytes(head[:4], "big"))
            number += 1


def read_log(database: Path, page_size: int, read: ReadAt = os.pread) -> Log:
    """Read the log of `database`; SQLite checks it, and only where it ends too early every frame is looked at."""
    path = log_of(database)
    held = read_holed(path, read) if path.exists() else Holed(b"")
    count = (len(held.data) - HEADER_BYTES) // (FRAME_HEADER_BYTES + page_size)
    if count <= 0:
        return Log(damaged=bool(held.holes))
    if held.lacks(0, HEADER_BYTES):  # nothing tells this run's frames from an earlier one's
        return Log(damaged=True, lost=True)
    limit = count + database.stat().st_size // page_size
    reader = _Reader(held, count, page_size, limit)
    if held.holes:  # behind the end too: writing over a part of an unreadable block fails
        log = reader.read(0)
        log.damaged = True
        return log
    taken = _frames_sqlite_takes(database)
    return reader.plain(taken) if reader.ends_at(taken) else reader.read(taken)


def _frames_sqlite_takes(database: Path) -> int:
    """Return how many frames SQLite finds whole: it says so in the index it makes; 0 when it cannot read."""
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as conn:
            conn.execute("PRAGMA schema_version").fetchone()
            index = database.with_name(f"{database.name}-shm").read_bytes()[: _INDEX_HEADER.size]
    except (sqlite3.Error, OSError):
        return 0
    fields = _INDEX_HEADER.unpack(index) if len(index) == _INDEX_HEADER.size else (0,)
    return int(fields[4]) if fields[0] == _INDEX_VERSION else 0


class _Reader:
    def __init__(self, held: Holed, count: int, page_size: int, limit: int) -> None:
        self._limit = limit  # pages a database of this file and this log can have
        data = held.data
        self._data, self._count, self._page_size = data, count, page_size
        self._odd: list[int] = []  # frames that SQLite would not take
        heads = ((n, offset(n, page_size) - FRAME_HEADER_BYTES) for n in range(count))
        self._blind = {n for n, at in heads if held.holes and held.lacks(at, FRAME_HEADER_BYTES)}
        magic = int.from_bytes(data[:4], "big")
        self._words = struct.Struct(f"{'>' if magic == _MAGIC_BIG else '<'}{(8 + page_size) // 4}I")
        self._short = struct.Struct(f"{'>' if magic == _MAGIC_BIG else '<'}6I")
        computed = _sum(self._short.unpack(data[:24]), (0, 0))
        stored = _pair(data[24:32])
        sane = magic in (_MAGIC_LITTLE, _MAGIC_BIG) and data[8:12] == page_size.to_bytes(4, "big")
        self._header_is_whole = computed == stored and sane
        self._seeds = (stored,) if self._header_is_whole else (stored, computed)
        self._salts = data[16:24] if self._header_is_whole else self._head(0)[8:16]

    def ends_at(self, taken: int) -> bool:
        """Tell whether nothing of this log lies behind the first `taken` frames."""
        return self._header_is_whole and not self._goes_on(taken - 1)

    def plain(self, taken: int) -> Log:
        """Return the first `taken` frames, which SQLite found whole."""
        heads = (struct.unpack(">II", self._head(number)[:8]) for number in range(taken))
        return Log([Frame(page, commit, True) for page, commit in heads])

    def read(self, taken: int) -> Log:
        """Look at every frame behind the first `taken`, which SQLite found whole."""
        log = Log(self.plain(taken).frames, damaged=not self._header_is_whole)
        if taken:
            seed = _pair(self._head(taken - 1)[16:24])
        else:
            seed = next((one for one in self._seeds if self._adds_up(0, one)), self._seeds[0])
        for number in range(taken, self._count):
            if number in self._blind:
                self._end_blind(log, number)
                break
            frame, seed = self._frame(number, seed)
            if frame is None:
                break
            log.frames.append(frame)
        self._cut(log)
        return log

    def _end_blind(self, log: Log, number: int) -> None:
        """Judge what lies from `number` on, whose header does not read: the last transaction, or nobody knows what."""
        if number + 1 in self._blind or self._goes_on(number):
            log.lost = True
        else:
            log.frames.append(Frame(0, 1, False))

    def _frame(self, number: int, seed: Seed) -> tuple[Frame | None, Seed]:
        """Return the frame, judged, and what the next continues from; None behind the end of this log."""
        head = self._head(number)
        computed, stored = self._compute(number, seed), _pair(head[16:24])
        page, commit = struct.unpack(">II", head[:8])
        if computed == stored:
            if head[8:16] != self._salts:
                self._odd.append(number)
            return Frame(page, commit, True), stored
        if head[8:16] != self._salts and not self._goes_on(number):
            return None, seed
        self._odd.append(number)
        if number + 1 < self._count and self._adds_up(number + 1, computed):
            return Frame(page, commit, True), computed  # its checksum changed, nothing else
        return Frame(page, commit, False, self._other_pages(number, seed, stored)), stored

    def _goes_on(self, number: int) -> bool:
        ahead = (later for later in range(number + 1, self._count) if later not in self._blind)
        return any(self._head(later)[8:16] == self._salts for later in islice(ahead, _LOOK_AHEAD))

    def _other_pages(self, number: int, seed: Seed, stored: Seed) -> tuple[int, ...]:
        """Return the pages that one bit of the frame's page number turned back would make it add up as.

        That proves nothing: high bits of the content weigh the same, so neither page is believed.
        """
        page = int.from_bytes(self._head(number)[:4], "big")
        rest = self._head(number)[4:8] + self._content(number)
        others = (page ^ (1 << bit) for bit in range(32))
        return tuple(
            other
            for other in others
            if 0 < other <= self._limit
            and _sum(self._words.unpack(other.to_bytes(4, "big") + rest), seed) == stored
        )

    def _cut(self, log: Log) -> None:
        """Keep whole transactions. A damaged last one may be one that power cut short: it is not kept."""
        found = len(log.frames)
        commits = [number for number, frame in enumerate(log.frames) if frame.commit]
        ends = commits[-1] + 1 if commits else 0
        last_begins = commits[-2] + 1 if len(commits) > 1 else 0
        if not all(frame.whole for frame in log.frames[last_begins:ends]):
            ends = last_begins
        log.torn = found > ends
        del log.frames[ends:]
        log.damaged = log.damaged or any(number < ends for number in self._odd)

    def _head(self, number: int) -> bytes:
        at = offset(number, self._page_size) - FRAME_HEADER_BYTES
        return self._data[at : at + FRAME_HEADER_BYTES]

    def _content(self, number: int) -> bytes:
        at = offset(number, self._page_size)
        return self._data[at : at + self._page_size]

    def _compute(self, number: int, seed: Seed) -> Seed:
        return _sum(self._words.unpack(self._head(number)[:8] + self._content(number)), seed)

    def _adds_up(self, number: int, seed: Seed) -> bool:
        return self._compute(number, seed) == _pair(self._head(number)[16:24])


def _pair(stored: bytes) -> Seed:
    first, second = struct.unpack(">II", stored)
    return first, second


def _sum(words: tuple[int, ...], seed: Seed) -> Seed:
    """Return the checksum of the file format: two sums that run through each other."""
    first, second = seed
    pairs = iter(words)
    for one, other in zip(pairs, pairs, strict=True):
        first = (first + one + second) & _MASK
        second = (second + other + first) & _MASK
    return first, second
