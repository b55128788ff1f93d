"""Sums over the pages of a database, kept beside it: a page that changed by itself is found (decision 0027).

The file under a log changes only when the log is taken over, so its sums are renewed there and nowhere else. A page
that the log holds is proven by the log. Every sum is kept twice, so a sum that changes by itself accuses nobody.
A page that the disk does not give back is as bad as one that changed.
"""

import contextlib
import hashlib
import logging
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from common.kit.durable import write_whole
from common.kit.holes import ReadAt, read_holed, read_piece
from common.kit.walfile import Log, log_of, offset, pages_in_log, pages_of, read_log

SUM_BYTES = 8
_MAGIC = b"linlisum"
_HEAD = struct.Struct(">8sIIq")  # magic, page size, pages, mtime of the database in ns
_MAC_BYTES = 16
_PERSON = b"linli/page/1"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at a database found; `bad` pages changed by themselves or do not read: nobody may believe them."""

    page_size: int
    pages: int
    bad: frozenset[int]
    log: Log
    holed: bool = False
    """A page does not read of which the log holds a newer one: nothing is lost, but SQLite may stumble over it."""

    @property
    def sound(self) -> bool:
        """Tell whether SQLite may open it as it is; a log that power cut short it ends itself."""
        return not self.bad and not self.holed and not self.log.damaged


@dataclass(slots=True)
class _Image:
    page_size: int
    mtime_ns: int
    sums: bytearray


class PageSums:
    """The sums of one database file."""

    def __init__(self, path: Path, key: bytes, read: ReadAt = os.pread) -> None:
        """Keep the sums of `path` beside it, made with `key`; all three files are read by `read`."""
        self.synced, self._read = True, read
        self.path, self.file = path, path.with_name(f"{path.name}.sums")
        self._log_path = log_of(path)
        self._key = key
        self._images: list[_Image] = []

    def examine(self) -> Finding | None:
        """Read database and log and return what is wrong; None when no sums tell (`SQLite` must judge)."""
        self._images = self._load()
        if not self._images or not self.path.exists():
            return None
        page_size = self._images[0].page_size
        log = read_log(self.path, page_size, self._read)
        newest = log.newest()
        pages = log.pages or len(self._images[0].sums) // SUM_BYTES
        if log.lost:
            return Finding(page_size, pages, frozenset(range(1, pages + 1)), log)
        bad = {page for page, number in newest.items() if not log.frames[number].whole}
        rotten, holes = self._bad_pages(page_size, pages, newest.keys())
        bad |= rotten
        if bad and not self._log_path.exists() and self._is_written_by_others():
            _log.warning(
                "%s was written by another program: its sums are made anew", self.path.name
            )
            return None
        return Finding(page_size, pages, frozenset(bad), log, holed=holes)

    @property
    def pages(self) -> int:
        """Return how many pages have a sum."""
        return len(self._images[0].sums) // SUM_BYTES if self._images else 0

    def rotten(self, first: int, count: int) -> set[int]:
        """Return which of `count` pages from `first` on are bad; only in a turn of the file's one writer.

        OSError where the log does not read.
        """
        if not self._images:
            return set()
        page_size = self._images[0].page_size
        logged = pages_in_log(self.path, page_size, self._read)
        with self.path.open("rb", buffering=0) as file:
            # What the system holds in memory is not what the disk would give after the next start.
            os.posix_fadvise(
                file.fileno(), (first - 1) * page_size, count * page_size, os.POSIX_FADV_DONTNEED
            )
            return {
                page
                for page in range(first, min(first + count, self.pages + 1))
                if not self._is_known(page, self._page(file, page, page_size))
                and page not in logged
            }

    def renew(self, frames: int | None = None) -> None:
        """Make the sums what the file says now: of the first `frames` pages of the log, or of all.

        A disk that refuses leaves no sums rather than old ones.
        """
        try:
            self._renew(frames)
        except OSError as error:
            _log.error("no sums of %s are kept: %s", self.path.name, error)
            self.forget()

    def forget(self) -> None:
        """Know nothing: the next start asks SQLite alone."""
        self._images = []
        with contextlib.suppress(OSError):
            self.file.unlink(missing_ok=True)

    def restore(self, finding: Finding, to: Path) -> Finding:
        """Write the database with its log taken over to `to`; of bad pages full of ones SQLite reads nothing.

        Return the finding with the pages that did not read any more.
        """
        newest, size, gone = finding.log.newest(), finding.page_size, set[int]()
        with contextlib.ExitStack() as files:
            main = files.enter_context(self.path.open("rb", buffering=0))
            out = files.enter_context(to.open("wb"))
            log = files.enter_context(self._log_path.open("rb", buffering=0)) if newest else main
            for page in range(1, finding.pages + 1):
                file, at = main, (page - 1) * size
                if page in newest:
                    file, at = log, offset(newest[page], size)
                content = None
                if page not in finding.bad:
                    content = read_piece(file, at, size, self._read)
                    gone |= {page} if content is None else set()
                out.write(content or b"\xff" * size)
        return replace(finding, bad=finding.bad | gone)

    def _renew(self, frames: int | None) -> None:
        with self.path.open("rb", buffering=0) as file:
            page_size = _page_size(self._read(file.fileno(), 18, 0))
            count = self.path.stat().st_size // page_size
            changed = set(range(1, count + 1))
            sums = bytearray(count * SUM_BYTES)
            if frames is not None and self._images:
                known = self._images[0].sums[: count * SUM_BYTES]
                sums[: len(known)] = known
                grown = range(len(known) // SUM_BYTES + 1, count + 1)
                changed = pages_of(self._log_path, frames, page_size) | set(grown)
            for page in sorted(changed):
                if page <= count:
                    content = self._page(file, page, page_size)
                    # One that does not read gets a sum that no content has: it is bad at the next look.
                    made = bytes(SUM_BYTES) if content is None else self._sum(page, content)
                    sums[(page - 1) * SUM_BYTES : page * SUM_BYTES] = made
        self._images = [_Image(page_size, self.path.stat().st_mtime_ns, sums)]
        write_whole(self.file, 2 * self._packed(self._images[0]), synced=self.synced)

    def _bad_pages(
        self, page_size: int, pages: int, proven: Iterable[int]
    ) -> tuple[set[int], bool]:
        """Return the bad pages, and whether one of the `proven` does not read."""
        skip, bad, holed = set(proven), set(), False
        with self.path.open("rb", buffering=0) as file:
            for page in range(1, pages + 1):
                content = self._page(file, page, page_size)
                if page in skip:
                    holed = holed or content is None
                elif not self._is_known(page, content):
                    bad.add(page)
        return bad, holed

    def _page(self, file: IO[bytes], page: int, page_size: int) -> bytes | None:
        return read_piece(file, (page - 1) * page_size, page_size, self._read)

    def _is_known(self, page: int, content: bytes | None) -> bool:
        if content is None:
            return False
        found, place = self._sum(page, content), slice((page - 1) * SUM_BYTES, page * SUM_BYTES)
        known = any(image.sums[place] == found for image in self._images)
        if known:  # a sum that changed by itself is put right by its twin
            self._images[0].sums[place] = found
        return known

    def _sum(self, page: int, content: bytes) -> bytes:
        covered = page.to_bytes(4, "big") + content
        return hashlib.blake2b(
            covered, digest_size=SUM_BYTES, key=self._key, person=_PERSON
        ).digest()

    def _is_written_by_others(self) -> bool:
        """Tell a hand with an editor from a disk that rots: only the hand moves the file's time."""
        return self._images[0].mtime_ns != self.path.stat().st_mtime_ns

    def _packed(self, image: _Image) -> bytes:
        count = len(image.sums) // SUM_BYTES
        head = _HEAD.pack(_MAGIC, image.page_size, count, image.mtime_ns)
        return head + self._mac(head) + image.sums

    def _mac(self, head: bytes) -> bytes:
        return hashlib.blake2b(head, digest_size=_MAC_BYTES, key=self._key, person=_PERSON).digest()

    def _load(self) -> list[_Image]:
        """Return the readable ones of the two images."""
        try:
            data = read_holed(self.file, self._read).data
        except OSError:
            return []
        half = len(data) // 2
        images = (data[:half], data[half:])
        heads = [image[: _HEAD.size] for image in images if self._is_head(image)]
        if not heads:
            _log.warning("%s cannot be read: the sums are made anew", self.file.name)
            return []
        # The twin of a header that changed by itself still tells of its own sums: they are of one make.
        _, page_size, _, mtime_ns = _HEAD.unpack(heads[0])
        sums = (bytearray(image[_HEAD.size + _MAC_BYTES :]) for image in images)
        return [_Image(page_size, mtime_ns, one) for one in sums]

    def _is_head(self, image: bytes) -> bool:
        head, mac = image[: _HEAD.size], image[_HEAD.size : _HEAD.size + _MAC_BYTES]
        return len(head) == _HEAD.size and self._mac(head) == mac


def _page_size(head: bytes) -> int:
    size = int.from_bytes(head[16:18], "big")
    return 65536 if size == 1 else size
