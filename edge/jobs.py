"""How a job of the station goes on when the disk refuses."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from common.kit.errors import UnavailableError

GO_ON_AFTER_S = 60.0
_log = logging.getLogger(__name__)


async def going_on(name: str, job: Callable[[], Awaitable[None]]) -> None:
    """Run a job that holds no door in its hands; a disk that refuses stops it for a while, never the station."""
    while True:
        try:
            await job()
        except* UnavailableError as refused:
            if any(getattr(one, "key", "") == "storage.damaged" for one in refused.exceptions):
                raise
            _log.error("%s stopped, again in %d s: %s", name, GO_ON_AFTER_S, refused.exceptions[0])
        await asyncio.sleep(GO_ON_AFTER_S)
