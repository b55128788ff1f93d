"""A disk as a power cut meets it: what is synced is there, of the rest it keeps whatever it wants.

`Disk` is the running machine's view and writes down every operation; `Platter` walks through that log and knows
at each place what is durable and what is still on the way.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes of a file."""

    inode: int
    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file's new length."""

    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Enter:
    """A new name in the folder."""

    name: str
    inode: int


@dataclass(frozen=True, slots=True)
class Remove:
    """A name leaves the folder."""

    name: str


@dataclass(frozen=True, slots=True)
class Sync:
    """fsync of a file: its bytes and length, not its name."""

    inode: int


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """fsync of the folder: its names."""


Change = Write | Truncate | Enter | Remove
Op = Change | Sync | SyncFolder


class Disk:
    """Files of one folder as programs see them; every operation stands in `log`."""

    def __init__(self) -> None:
        """Start empty."""
        self.names: dict[str, int] = {}
        self.log: list[Op] = []
        self._files: list[bytearray] = []

    def open(self, name: str, *, create: bool) -> int | None:
        """Return the inode of `name`, made when missing and `create`."""
        if name not in self.names and create:
            self.names[name] = len(self._files)
            self._files.append(bytearray())
            self.log.append(Enter(name, self.names[name]))
        return self.names.get(name)

    def read(self, inode: int, at: int, amount: int) -> bytes:
        """Return up to `amount` bytes."""
        return bytes(self._files[inode][at : at + amount])

    def size(self, inode: int) -> int:
        """Return the length of a file."""
        return len(self._files[inode])

    def change(self, op: Write | Truncate) -> None:
        """Change a file."""
        apply(self._files[op.inode], op)
        self.log.append(op)

    def remove(self, name: str) -> bool:
        """Delete `name`; False when it is not there."""
        if self.names.pop(name, None) is None:
            return False
        self.log.append(Remove(name))
        return True

    def sync(self, inode: int) -> None:
        """Make bytes and length of a file durable."""
        self.log.append(Sync(inode))

    def sync_folder(self) -> None:
        """Make the names durable."""
        self.log.append(SyncFolder())


class Platter:
    """What of a log is durable after its first `at` operations, and what is `pending` (oldest first)."""

    def __init__(self, log: list[Op], *, lying: bool = False) -> None:
        """Start before the first operation; a `lying` disk says yes to every sync and does nothing."""
        self.at = 0
        self.names: dict[str, int] = {}
        self.files: dict[int, bytearray] = {}
        self.pending: list[Change] = []
        self.landed: list[Write | Truncate] = []  # into `files`, since somebody last cleared it
        self._log, self._lying = log, lying

    def forward(self, at: int) -> None:
        """Walk on until `at` operations are done."""
        for op in self._log[self.at : at]:
            if isinstance(op, Sync):
                self._land(frozenset({op.inode}))
            elif isinstance(op, SyncFolder):
                self._land(_FOLDER)
            else:
                self.pending.append(op)
        self.at = max(at, self.at)

    def in_flight(self) -> Change | None:
        """Return the next operation when it changes something: power may go in the middle of it."""
        op = self._log[self.at] if self.at < len(self._log) else None
        return None if op is None or isinstance(op, Sync | SyncFolder) else op

    def _land(self, what: frozenset[int]) -> None:
        """Make the pending changes of these inodes durable; _FOLDER stands for the names."""
        if self._lying:
            return
        rest: list[Change] = []
        for op in self.pending:
            if isinstance(op, Enter | Remove):
                if what is _FOLDER:
                    enter(self.names, op)
                    continue
            elif op.inode in what:
                apply(self.files.setdefault(op.inode, bytearray()), op)
                self.landed.append(op)
                continue
            rest.append(op)
        self.pending = rest


_FOLDER: frozenset[int] = frozenset({-1})


def apply(file: bytearray, op: Write | Truncate) -> None:
    """Change the bytes of a file; a hole is zeros."""
    if isinstance(op, Truncate):
        file[op.size :] = bytes(max(0, op.size - len(file)))
        return
    if op.at > len(file):
        file.extend(bytes(op.at - len(file)))
    file[op.at : op.at + len(op.data)] = op.data


def enter(names: dict[str, int], op: Enter | Remove) -> None:
    """Change the names of the folder."""
    if isinstance(op, Enter):
        names[op.name] = op.inode
    else:
        names.pop(op.name, None)
