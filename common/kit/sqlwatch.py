"""What other processes commit: a second worker or a command line tool wakes this hub's held polls and open pages.

SQLite says so by `PRAGMA data_version` (sqlite.org/pragma.html), PostgreSQL by LISTEN on a connection of its own.
"""

import asyncio
import logging

import sqlalchemy as sa

from common.kit.sqldb import HINT_CHANNEL, SqlDb

ANYTHING = ""
"""The topic that says: something has changed, look again."""
_LOOK_S = 1.0
_AGAIN_S = 2.0
_log = logging.getLogger(__name__)


async def watch(db: SqlDb) -> None:
    """Hint what others commit, until cancelled; nothing to do in the simulated world, which has no others."""
    if db.inline:
        return
    if db.is_sqlite:
        await _look_at_version(db)
    else:
        await _listen(db)


async def _look_at_version(db: SqlDb) -> None:
    seen = await db.foreign_commits()
    while True:
        await asyncio.sleep(_LOOK_S)
        now = await db.foreign_commits()
        if now != seen:
            seen = now
            db.hint(ANYTHING)


async def _listen(db: SqlDb) -> None:
    """Listen for ever; after a lost connection anything may have been missed."""
    from psycopg import AsyncConnection, OperationalError

    place = sa.make_url(db.url).set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            connection = await AsyncConnection.connect(place, autocommit=True)
            async with connection:
                await connection.execute(f"LISTEN {HINT_CHANNEL}")
                db.hint(ANYTHING)
                async for notice in connection.notifies():
                    db.hint(notice.payload)
        except OperationalError as error:
            _log.warning("no news of other workers, again in %d s: %s", _AGAIN_S, error)
            await asyncio.sleep(_AGAIN_S)
