"""SQLite's file system on a `Disk`: bytes, lengths, names and syncs are ours, locks and shared memory the system's.

The real files in `folder` stay empty; they carry the locks and, beside them, the shared memory of the WAL, so the
store runs with its own PRAGMAs and its reader beside the writer.
"""

from pathlib import Path
from typing import Any

import apsw

from linli.drill.powercut.disk import Disk, Truncate, Write

_JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
Name = str | apsw.URIFilename | None


class DiskVfs(apsw.VFS):
    """Registered as long as it lives; connections name it with `vfs=`."""

    def __init__(self, name: str, disk: Disk, folder: Path) -> None:
        """Put files on `disk`; `folder` is an empty real one."""
        self.disk, self.folder = disk, folder
        super().__init__(name, "unix")

    def path(self, name: str) -> str:
        """Return what a connection must open to get the file `name` of the disk."""
        return (self.folder / name).as_posix()

    def xOpen(self, name: Name, flags: list[int]) -> "DiskFile":  # noqa: N802 - SQLite's name
        """Open a file; unknown ones are made when SQLite says so."""
        return DiskFile(self.disk, name, flags)

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: ARG002, N802
        """Tell whether a file is there."""
        return Path(pathname).name in self.disk.names

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        """Delete a file, durably when `syncdir`."""
        if not self.disk.remove(Path(filename).name):
            raise apsw.IOError(f"{Path(filename).name} is not there")
        if syncdir:
            self.disk.sync_folder()


class DiskFile(apsw.VFSFile):
    """One open file."""

    def __init__(self, disk: Disk, name: Name, flags: list[int]) -> None:
        """Open the real, empty file for the locks and ours for the bytes."""
        if name is None:
            raise apsw.CantOpenError("the store keeps temporary files in memory")
        text = name if isinstance(name, str) else name.filename()
        create = bool(flags[0] & apsw.SQLITE_OPEN_CREATE)
        inode = disk.open(Path(text).name, create=create)
        if inode is None:
            raise apsw.CantOpenError(f"{Path(text).name} is not there")
        # As os_unix.c: a journal that may be new has its name made durable by its first sync.
        self._sync_folder = create and bool(flags[0] & _JOURNALS)
        self._disk, self._inode = disk, inode
        super().__init__("unix", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        """Read; SQLite fills up what is short."""
        return self._disk.read(self._inode, offset, amount)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        """Write into the cache of the disk."""
        self._disk.change(Write(self._inode, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Cut or lengthen, in the cache of the disk."""
        self._disk.change(Truncate(self._inode, newsize))

    def xFileSize(self) -> int:  # noqa: N802
        """Return the length."""
        return self._disk.size(self._inode)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802 - NORMAL, FULL and DATAONLY are one fsync on Linux
        """Make this file durable, and the names when it may be a new journal."""
        self._disk.sync(self._inode)
        if self._sync_folder:
            self._disk.sync_folder()
            self._sync_folder = False
