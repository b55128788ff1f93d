"""How a job of the station goes on when the disk refuses, and how the hub link does whatever it meets."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

from common.kit.errors import UnavailableError

GO_ON_AFTER_S = 60.0
_log = logging.getLogger(__name__)


async def going_on(name: str, job: Callable[[], Awaitable[None]]) -> None:
    """Run a job that holds no door in its hands; a disk that refuses stops it for a while, never the station."""
    while True:
        try:
            await _alone(job)
        except* UnavailableError as refused:
            found = list(_errors(refused))
            if any(getattr(one, "key", "") == "storage.damaged" for one in found):
                raise
            _log.error("%s stopped, again in %d s: %s", name, GO_ON_AFTER_S, found[0])
        await asyncio.sleep(GO_ON_AFTER_S)


async def lasting(name: str, job: Callable[[], Awaitable[None]]) -> None:
    """Run a job that the station can do without for a while, whatever it meets: a defect there must shut no door.

    UnavailableError passes, a broken invariant among them: `going_on` knows what to do about those.
    """
    while True:
        try:
            await _alone(job)
        except* UnavailableError:
            raise
        except* Exception as unforeseen:  # noqa: BLE001 - it is said, and pickups go on without it
            _log.error("%s failed, again in %d s", name, GO_ON_AFTER_S, exc_info=unforeseen)
        await asyncio.sleep(GO_ON_AFTER_S)


async def _alone(job: Callable[[], Awaitable[None]]) -> None:
    """Run it in a task of its own, so that the end of the station is never missed.

    A group of tasks that is failing already swallows the cancellation of the task it stands in (Python 3.11).
    """
    running = asyncio.ensure_future(job())
    try:
        await asyncio.wait({running})
    except asyncio.CancelledError:
        running.cancel()
        await asyncio.wait({running})
        if not running.cancelled():
            running.exception()  # whatever it was, the station ends
        raise
    await running


def _errors(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    """Yield what is in `group`, groups in groups taken apart."""
    for one in group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from _errors(one)
        else:
            yield one
