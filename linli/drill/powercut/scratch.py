"""Images as real files in memory, laid out fast: a WAL of megabytes is patched and put back, never written anew."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from linli.drill.powercut.disk import Change, Enter, Platter, Remove, Truncate, Write, enter


class Scratch:
    """A folder that holds one image at a time.

    SQLite deletes a WAL that it has read and closed, and never writes into one before that, so an image's WAL is a
    second name of a kept file.
    """

    def __init__(self, folder: Path, platter: Platter) -> None:
        """Use `folder`, best in memory, for the images of `platter`."""
        self.folder, self._platter = folder / "image", platter
        self._kept = folder / "kept"
        for one in (self.folder, self._kept):
            one.mkdir(parents=True)
        self._files: dict[int, int] = {}

    def close(self) -> None:
        """Close the kept files."""
        for number in self._files.values():
            os.close(number)

    @contextmanager
    def image(self, kept: Iterable[Change]) -> Iterator[Path]:
        """Lay out what is durable with `kept` on top of it; the folder is the image."""
        self._follow()
        for old in self.folder.iterdir():
            old.unlink()
        names = dict(self._platter.names)
        changes: dict[int, list[Write | Truncate]] = {}
        for op in kept:
            if isinstance(op, Enter | Remove):
                enter(names, op)
            else:
                changes.setdefault(op.inode, []).append(op)
        for name, inode in names.items():
            self._lay(name, inode, changes.get(inode, []))
        yield self.folder
        for inode, ops in changes.items():
            self._undo(inode, ops)

    def _follow(self) -> None:
        """Bring the kept files to what is durable now."""
        for op in self._platter.landed:
            _apply(self._file(op.inode), op)
        self._platter.landed.clear()

    def _lay(self, name: str, inode: int, ops: list[Write | Truncate]) -> None:
        if name.endswith("-wal"):
            file = self._file(inode)
            (self.folder / name).hardlink_to(self._kept / str(inode))
            for op in ops:
                _apply(file, op)
            return
        number = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        os.write(number, self._platter.files.get(inode, b""))
        for op in ops:
            _apply(number, op)
        os.close(number)

    def _undo(self, inode: int, ops: list[Write | Truncate]) -> None:
        if inode not in self._files:
            return
        file, durable = self._files[inode], self._platter.files.get(inode, b"")
        for op in ops:
            at, size = (op.at, len(op.data)) if isinstance(op, Write) else (op.size, len(durable))
            os.pwrite(file, durable[at : at + size], at)
        os.ftruncate(file, len(durable))

    def _file(self, inode: int) -> int:
        if inode not in self._files:
            path = self._kept / str(inode)
            self._files[inode] = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        return self._files[inode]


def _apply(file: int, op: Write | Truncate) -> None:
    if isinstance(op, Truncate):
        os.ftruncate(file, op.size)
    elif op.data:
        os.pwrite(file, op.data, op.at)
    else:
        os.ftruncate(file, max(op.at, os.fstat(file).st_size))
