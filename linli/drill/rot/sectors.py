"""Blocks of files that a disk does not give back: `EIO` for who reads them, SQLite included."""

import _sqlite3
import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.kit.holes import BLOCK_BYTES

_POINTERS_BEFORE = 13  # methods of sqlite3_vfs before xSetSystemCall (sqlite.org/c3ref/vfs.html)
_READING, _WRITING = (b"pread64", b"pread"), (b"pwrite64", b"pwrite")
_Call = ctypes.CFUNCTYPE(
    ctypes.c_ssize_t,
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int64,
    use_errno=True,
)
_SetCall = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("file_bytes", ctypes.c_int),
        ("path_bytes", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("own", ctypes.c_void_p),
        ("methods", ctypes.c_void_p * _POINTERS_BEFORE),
        ("set_system_call", ctypes.c_void_p),
    )


class Sectors:
    """Which blocks of which files do not read. They go with a renamed file; a new file of that name has none.

    As on a disk a block that is written whole reads again, and one cannot be written in part: it would have to be read.
    """

    def __init__(self) -> None:
        """All of them read."""
        self._bad: set[tuple[int, int]] = set()
        self._held: list[int] = []

    def close(self) -> None:
        """Let the files go; all blocks read again."""
        self._bad.clear()
        while self._held:
            os.close(self._held.pop())

    @property
    def any_bad(self) -> bool:
        """Tell whether a block does not read."""
        return bool(self._bad)

    def spoil(self, path: Path, block: int) -> None:
        """Let a block of `path` read no more, and destroy it: who reads past `read` gets nothing either."""
        was = path.stat()
        with path.open("r+b") as file:
            file.seek(block * BLOCK_BYTES)
            file.write(b"\xa5" * min(BLOCK_BYTES, was.st_size - block * BLOCK_BYTES))
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        self._bad.add((was.st_ino, block))
        # Kept open: once nobody has a removed file open, a new one may get its number, and with it the bad block.
        self._held.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    def read(self, handle: int, size: int, at: int) -> bytes:
        """Read as `os.pread`; OSError `EIO` at a bad block, and what lies before it if that comes first."""
        for _, block in self._hit(handle, size, at):
            if block == at // BLOCK_BYTES:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            size = min(size, block * BLOCK_BYTES - at)
        return os.pread(handle, size, at)

    def write(self, handle: int, data: bytes, at: int) -> int:
        """Write as `os.pwrite`; OSError `EIO` where a part of a bad block would be written."""
        for place in self._hit(handle, len(data), at):
            begin = place[1] * BLOCK_BYTES
            if at > begin or at + len(data) < begin + BLOCK_BYTES:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self._bad.discard(place)
        return os.pwrite(handle, data, at)

    def _hit(self, handle: int, size: int, at: int) -> list[tuple[int, int]]:
        inode = os.fstat(handle).st_ino
        blocks = range(at // BLOCK_BYTES, (at + size - 1) // BLOCK_BYTES + 1)
        return [(inode, block) for block in blocks if (inode, block) in self._bad]

    @contextmanager
    def under_sqlite(self) -> Iterator[None]:
        """Let SQLite of this process read and write through here, by the hook it has for tests of its own."""
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        vfs = library.sqlite3_vfs_find(b"unix").contents
        set_call = _SetCall(vfs.set_system_call)
        calls = ((_READING, _Call(self._fill)), (_WRITING, _Call(self._take)))
        for names, call in calls:
            for name in names:
                set_call(ctypes.addressof(vfs), name, ctypes.cast(call, ctypes.c_void_p))
        try:
            yield
        finally:
            for name in (*_READING, *_WRITING):
                set_call(ctypes.addressof(vfs), name, None)

    def _fill(self, handle: int, into: int, size: int, at: int) -> int:
        try:
            data = self.read(handle, size, at)
        except OSError as error:
            return _refused(error)
        ctypes.memmove(into, data, len(data))
        return len(data)

    def _take(self, handle: int, out: int, size: int, at: int) -> int:
        try:
            return self.write(handle, ctypes.string_at(out, size), at)
        except OSError as error:
            return _refused(error)


def _refused(error: OSError) -> int:
    ctypes.set_errno(error.errno or errno.EIO)
    return -1
