"""Guards `state.db` through its life: recovered before it is opened, looked through and copied now and then.

Damage that is found while the station serves ends its run with `storage.damaged`; the next start recovers.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

from common.contract.base import Message
from common.kit.clock import Clock
from common.kit.disk import MIB, Disk
from common.kit.errors import UnavailableError
from common.kit.failpoints import fp
from common.kit.holes import ReadAt, is_unreadable
from common.kit.identity import StationSecrets
from common.kit.pagesums import PageSums
from common.kit.sqlite import Db, SqliteDb
from common.kit.work import Work
from edge.config import StationConfig
from edge.salvage.copies import Copies, Keep
from edge.salvage.recover import Recovery, suspect, told, untold

LOOK_PAGES = 512  # looked through in one turn of the writer: about two milliseconds
_log = logging.getLogger(__name__)


def state_sums(data: Path, secrets: StationSecrets, read: ReadAt = os.pread) -> PageSums:
    """Return the sums of a station's `state.db`; whoever writes to the file must keep them."""
    return PageSums(data / "state.db", secrets.key_for("page sums"), read)


class StateGuard:
    """The one that answers for `state.db` of a data folder."""

    def __init__(
        self,
        data: Path,
        secrets: StationSecrets,
        config: StationConfig,
        clock: Clock,
        disk: Disk,
        read: ReadAt,
    ) -> None:
        """Guard the file in `data`, with keys of the station's secrets; it is read by `read`."""
        self._data, self._config, self._clock, self._disk = data, config, clock, disk
        self.sums = state_sums(data, secrets, read)
        self.copies = Copies(data / "state.db", secrets.key_for("copies"))
        self._found = asyncio.Event()

    def open(
        self,
        open_db: Callable[[Path], SqliteDb],
        make_tables_tx: Callable[[sqlite3.Connection], object],
    ) -> SqliteDb:
        """Recover the file if it is damaged, then open it; nobody has it open yet."""
        path = self._data / "state.db"
        Recovery(path, self.sums, self.copies, self._config, self._clock, make_tables_tx).run()
        db = open_db(path)
        db.keep_sums(self.sums)
        if not self.sums.pages:  # a new file: from its first transaction on it is proven
            db.write_now(make_tables_tx)
            db.take_over()
        return db

    async def tell(self, report: Callable[[Message], Awaitable[None]]) -> None:
        """Report what a recovery found, once; a power cut in between makes it twice."""
        found = untold(self._data)
        if found is not None:
            await report(found)
            fp("salvage.told")
            told(self._data)

    def found(self, error: sqlite3.DatabaseError) -> None:
        """Note that SQLite refused to read the open file."""
        if not self._found.is_set():
            _log.critical("state.db is damaged: %s", error)
            self._found.set()
            try:
                suspect(self._data)
            except (
                OSError
            ) as refused:  # the disk takes nothing any more: the next start sees for itself
                _log.error("no mark could be left for the next start: %s", refused)

    async def watch(self) -> None:
        """Wait for damage found by whoever reads; UnavailableError `storage.damaged` then, never an end."""
        await self._found.wait()
        raise UnavailableError("storage.damaged", "state.db is damaged and will be rebuilt")

    async def run(self, db: Db, work: Work) -> None:
        """Look through the file and copy it, at each interval, until cancelled or damage is found."""
        part = self._config.disk
        keep = Keep(part.copies, part.copies_mib * MIB)
        while True:
            await asyncio.sleep(part.copy_every_s)
            if await self.look(db):
                raise UnavailableError("storage.damaged", "state.db has changed by itself")
            await work.run(self.copies.make, self._clock, self._disk, keep)

    async def look(self, db: Db) -> bool:
        """Read the whole file from the disk, a stretch at a turn of its writer; return whether a page is bad."""
        first = 1
        while first <= self.sums.pages:
            try:
                bad = await db.write(lambda _conn, at=first: self.sums.rotten(at, LOOK_PAGES))  # type: ignore[misc]
            except OSError as error:
                if not is_unreadable(error):
                    raise
                _log.critical("the log of state.db does not read: %s", error)
                return True
            if bad:
                _log.critical("state.db is not what was written in pages %s", sorted(bad)[:20])
                return True
            first += LOOK_PAGES
        return False
