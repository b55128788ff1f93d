"""The tape on a disk that writes everything down: its log, and what the database holds after each transaction."""

from bisect import bisect_right
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from random import Random

import apsw

from common.kit.sqlite import pragmas
from linli.drill.powercut.disk import Disk, Op
from linli.drill.powercut.tape import Tape, Transaction, Values
from linli.drill.powercut.vfs import DiskVfs

PAGE = 4096
# Chance before a transaction that a reader takes a view, and that it lets go of the one it has.
_READS, _LETS_GO = 0.1, 0.5
_READ_WRITE = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE


class Recording:
    """A disk's log, and the states the database may be found in."""

    def __init__(self, name: str, log: list[Op]) -> None:
        """Start with the empty database, state 0; `log` is the disk's."""
        self.name, self.log = name, log
        self._pages: list[tuple[bytes, ...]] = [()]
        self._known: dict[bytes, bytes] = {}
        self._begun: list[int] = []
        self._acknowledged: list[int] = []
        self._joined = lru_cache(maxsize=8)(self._join)

    @property
    def states(self) -> int:
        """Return how many states there are, the empty one included."""
        return len(self._pages)

    def begin(self) -> None:
        """Note that a transaction begins here."""
        self._begun.append(len(self.log))

    def roll_back(self) -> None:
        """Note that it left nothing behind."""
        self._begun.pop()

    def acknowledge(self, content: bytes) -> None:
        """Note that its COMMIT returned here: from now on people rely on it."""
        self._acknowledged.append(len(self.log))
        self._pages.append(self._share(content))

    def start(self, content: bytes) -> None:
        """Note what the database is before its first transaction."""
        self._pages[0] = self._share(content)

    def allowed(self, at: int) -> range:
        """Return the states that a cut after `at` operations may leave: acknowledged, or begun meanwhile."""
        return range(bisect_right(self._acknowledged, at), bisect_right(self._begun, at) + 1)

    def content(self, state: int) -> bytes:
        """Return the pages of the database after `state` transactions."""
        return self._joined(state)

    def _join(self, state: int) -> bytes:
        return b"".join(self._pages[state])

    def _share(self, content: bytes) -> tuple[bytes, ...]:
        pages = (content[at : at + PAGE] for at in range(0, len(content), PAGE))
        return tuple(self._known.setdefault(page, page) for page in pages)


class Player:
    """Plays a tape with the store's own PRAGMAs: one connection that writes, and one that reads beside it."""

    def __init__(self, tape: Tape, folder: Path, jitter: Random, synchronous: str) -> None:
        """Use `folder`, real and empty, for the locks."""
        self._tape, self._jitter, self._synchronous = tape, jitter, synchronous
        self._disk = Disk()
        self._vfs_name = f"power-cut-{id(self)}"
        self._vfs = DiskVfs(self._vfs_name, self._disk, folder)
        self._recording = Recording(tape.name, self._disk.log)
        self._reading = False

    def play(self) -> Recording:
        """Play every run of the daemon; after each it was stopped in order."""
        for number, run in enumerate(self._tape.runs):
            writer = self._open(readonly=False)
            reader = self._open(readonly=True)
            if number == 0:
                self._recording.start(writer.serialize("main"))
            for transaction in run:
                self._read(reader)
                self._transact(writer, transaction)
            self._let_go(reader)
            reader.close()
            writer.close()
        self._vfs.unregister()
        return self._recording

    def _open(self, *, readonly: bool) -> apsw.Connection:
        flags = apsw.SQLITE_OPEN_READONLY if readonly else _READ_WRITE
        path = self._vfs.path(self._tape.name)
        connection = apsw.Connection(path, flags=flags, vfs=self._vfs_name)
        for pragma in pragmas(readonly=readonly, synchronous=self._synchronous):
            _say(connection, f"PRAGMA {pragma}")
        return connection

    def _transact(self, writer: apsw.Connection, transaction: Transaction) -> None:
        self._recording.begin()
        for sql, values in transaction:
            # What a constraint refused at the station is refused here too, and the room went on.
            with suppress(apsw.ConstraintError):
                _say(writer, sql, values)
        if transaction[-1][0] == "COMMIT":
            self._recording.acknowledge(writer.serialize("main"))
        else:
            self._recording.roll_back()

    def _read(self, reader: apsw.Connection) -> None:
        """Let a reader hold on to an older view now and then, as pages and screens do."""
        if self._jitter.random() < _READS:
            self._let_go(reader)
            _say(reader, "BEGIN")
            _say(reader, "SELECT count(*) FROM sqlite_schema")
            self._reading = True
        elif self._jitter.random() < _LETS_GO:
            self._let_go(reader)

    def _let_go(self, reader: apsw.Connection) -> None:
        if self._reading:
            _say(reader, "ROLLBACK")
            self._reading = False


def _say(connection: apsw.Connection, sql: str, values: Values = ()) -> None:
    for _ in connection.execute(sql, values):
        pass
