"""Reads files of a disk that fails: a block it does not give back is a hole, as a damaged one is damage."""

import errno
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

BLOCK_BYTES = 4096
"""What Linux reads of a file at once: nothing smaller can be told to be unreadable."""
ReadAt = Callable[[int, int, int], bytes]
"""`os.pread`: file descriptor, most bytes, offset → what is there; nothing at the end."""
_ERRNOS = frozenset({errno.EIO, errno.EBADMSG, errno.EUCLEAN})
# CORRUPTFS is what the unix VFS makes of EIO; most statements turn it into plain SQLITE_CORRUPT.
_CODES = frozenset({
    sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holed:
    """The bytes of a file, zeros where it does not read, and the numbers of those blocks."""

    data: bytes
    holes: frozenset[int] = frozenset()

    def lacks(self, at: int, size: int) -> bool:
        """Tell whether a hole takes a part of `size` bytes from `at` on."""
        last = (at + size - 1) // BLOCK_BYTES
        return any(block in self.holes for block in range(at // BLOCK_BYTES, last + 1))


def is_unreadable(error: BaseException) -> bool:
    """Tell a disk that does not give back what it holds from one that is full or takes nothing."""
    if isinstance(error, OSError):
        return error.errno in _ERRNOS
    return getattr(error, "sqlite_errorcode", 0) in _CODES


def read_piece(file: IO[bytes], at: int, size: int, read: ReadAt = os.pread) -> bytes | None:
    """Return `size` bytes from `at` on, fewer at the end; None where the disk does not give them back.

    Any other OSError goes up.
    """
    got = b""
    try:
        while len(got) < size and (piece := read(file.fileno(), size - len(got), at + len(got))):
            got += piece
    except OSError as error:
        if not is_unreadable(error):
            raise
        return None
    return got


def read_holed(path: Path, read: ReadAt = os.pread) -> Holed:
    """Return the whole file; only one that does not read at once is read block by block."""
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        whole = read_piece(file, 0, size, read)
        if whole is not None:
            return Holed(whole)
        data, holes = bytearray(size), set()
        for at in range(0, size, BLOCK_BYTES):
            piece = read_piece(file, at, BLOCK_BYTES, read)
            if piece is None:
                holes.add(at // BLOCK_BYTES)
            else:
                data[at : at + len(piece)] = piece
    return Holed(bytes(data), frozenset(holes))
