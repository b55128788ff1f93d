"""How full the disk is, in levels, and a reserve that is let go when nothing else is left (decision 0026).

Free space comes through a port. `ReservedDb` releases the reserve when a commit finds the disk full and runs it again.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeVar

from common.kit.errors import UnavailableError
from common.kit.holes import is_unreadable
from common.kit.sqlite import SqliteDb, foreseen
from common.kit.work import Work

T = TypeVar("T")
MIB = 1024 * 1024
RESERVE_FILE = "reserve.bin"
_log = logging.getLogger(__name__)


class Space(Protocol):
    """What a program may know about its disk."""

    def free_bytes(self) -> int:
        """Return what may still be written."""

    def is_readonly(self) -> bool:
        """Tell whether the file system takes nothing at all."""


class FolderSpace:
    """The file system under a folder."""

    def __init__(self, folder: Path) -> None:
        """Look at `folder`, which must exist."""
        self._folder = folder

    def free_bytes(self) -> int:
        """Return the free bytes for this user."""
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize

    def is_readonly(self) -> bool:
        """Tell whether it is mounted read-only, as ext4 does after an error."""
        return bool(os.statvfs(self._folder).f_flag & os.ST_RDONLY)


class DiskLevel(StrEnum):
    """What the station still does, from everything to nothing."""

    OK = "ok"
    LOW = "low"  # measurements thin out, own logs are errors only
    CRITICAL = "critical"  # nothing that makes a new obligation; no measurements are kept
    FULL = "full"  # the reserve is released: pickups live on it
    READ_ONLY = "read_only"  # nothing can be written down, so no door is opened

    @property
    def takes_obligations(self) -> bool:
        """Tell whether parcels may still be put in."""
        return self in (DiskLevel.OK, DiskLevel.LOW)

    @property
    def keeps_every(self) -> int:
        """Return of how many measurements one is kept; 0 for none."""
        return {DiskLevel.OK: 1, DiskLevel.LOW: 6}.get(self, 0)


@dataclass(frozen=True, slots=True)
class DiskLimits:
    """Free bytes below which a level begins, and the size of the reserve."""

    low: int
    critical: int
    full: int
    reserve: int


class Disk:
    """The level now; `look()` again now and then and after every refusal of the disk."""

    def __init__(self, folder: Path, space: Space, limits: DiskLimits) -> None:
        """Watch `space`; the reserve lies in `folder`. Looks once, so that the first open has room."""
        self._reserve, self._space, self._limits = folder / RESERVE_FILE, space, limits
        self.level = DiskLevel.OK
        self.free_bytes = 0
        self.look()

    @property
    def holds_reserve(self) -> bool:
        """Tell whether the reserve is there to be released."""
        try:
            return self._limits.reserve > 0 and self._reserve.stat().st_size >= self._limits.reserve
        except OSError:
            return False

    def look(self) -> DiskLevel:
        """Measure, release or refill the reserve; touches files, so it wants the `work` port."""
        before, self.level = self.level, self._judge()
        if self.level is not before:
            _log.error("disk: %s, %d MiB free", self.level, self.free_bytes // MIB)
        return self.level

    def release(self) -> bool:
        """Let the reserve go; False when there was none."""
        released = self.holds_reserve
        if released:
            with contextlib.suppress(OSError):
                self._reserve.unlink()
                _log.error("disk: full, the reserve is released")
        self.look()
        return released

    def refuse_obligations(self) -> None:
        """UnavailableError `storage.low` when nothing new may be taken in."""
        if not self.level.takes_obligations:
            raise UnavailableError("storage.low", f"the disk is {self.level}: make room on it")

    def _judge(self) -> DiskLevel:
        limits = self._limits
        try:
            if self._space.is_readonly():
                return DiskLevel.READ_ONLY
            free = self.free_bytes = self._space.free_bytes()
        except OSError as error:  # the disk itself is gone
            _log.error("disk: %s", error)
            return DiskLevel.READ_ONLY
        if limits.reserve and not self.holds_reserve:
            if free < limits.critical + limits.reserve or not self._fill():
                return DiskLevel.FULL
            free = self.free_bytes = self._space.free_bytes()
        elif free < limits.full:
            with contextlib.suppress(OSError):
                self._reserve.unlink(missing_ok=True)
            return DiskLevel.FULL
        if free < limits.critical:
            return DiskLevel.CRITICAL
        return DiskLevel.LOW if free < limits.low else DiskLevel.OK

    def _fill(self) -> bool:
        """Write the reserve down, block by block where the file system cannot allocate; no half of it stays."""
        try:
            handle = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, self._limits.reserve)
            finally:
                os.close(handle)
        except OSError:
            with contextlib.suppress(OSError):
                self._reserve.unlink(missing_ok=True)
            return False
        return True


class ReservedDb:
    """A store whose writes go through once more on the reserve when the disk is full."""

    def __init__(
        self,
        db: SqliteDb,
        disk: Disk,
        work: Work,
        damaged: Callable[[sqlite3.DatabaseError], None] = lambda _: None,
    ) -> None:
        """Write to `db`; files of `disk` are touched through `work`; `damaged` hears of a file that does not read."""
        self._db, self._disk, self._work, self._damaged = db, disk, work, damaged

    @property
    def path(self) -> Path:
        """Return the file."""
        return self._db.path

    async def write(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn` as one transaction; UnavailableError `storage.disk` when even the reserve is used up."""
        try:
            return await self._db.write(fn)
        except (UnavailableError, sqlite3.DatabaseError) as error:
            if _is_damage(error):
                raise self._found(error) from error
            if _code(error) not in _REFUSALS:
                raise
            if not await self._work.run(self._disk.release):
                raise foreseen(error) from error
        try:
            return await self._db.write(fn)
        except sqlite3.OperationalError as error:
            raise foreseen(error) from error

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn` on a committed view; UnavailableError `storage.damaged` where the file does not read."""
        try:
            return await self._db.read(fn)
        except (UnavailableError, sqlite3.DatabaseError) as error:
            if _is_damage(error):
                raise self._found(error) from error
            raise

    def _found(self, error: Exception) -> UnavailableError:
        cause = error.__cause__ or error
        if isinstance(cause, sqlite3.DatabaseError):
            self._damaged(cause)
        return UnavailableError("storage.damaged", f"{self.path} is damaged: {error}")

    def write_now(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn` before the loop runs or in a synchronous tool."""
        return self._db.write_now(fn)

    def close(self) -> None:
        """Finish the queue and close."""
        self._db.close()


_REFUSALS = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})


_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def _is_damage(error: BaseException) -> bool:
    return _code(error) in _DAMAGE or is_unreadable(error.__cause__ or error)


def _code(error: BaseException) -> int:
    return int(getattr(error.__cause__ or error, "sqlite_errorcode", 0)) & 0xFF
