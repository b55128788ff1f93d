"""Looking again and again at something that people would look at, for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.kit.errors import UnavailableError

T = TypeVar("T")


async def until(
    look: Callable[[], Awaitable[T]],
    good: Callable[[T], bool],
    *,
    what: str,
    within_s: float = 15.0,
    every_s: float = 0.1,
    at_most_every_s: float = 1.0,
) -> T:
    """Return the first look that is good; UnavailableError says `what` was awaited and what was seen last."""
    seen: T | str = "nothing yet"
    try:
        async with asyncio.timeout(within_s):
            while True:
                seen = await look()
                if good(seen):
                    return seen
                await asyncio.sleep(every_s)
                every_s = max(every_s, min(every_s * 1.2, at_most_every_s))
    except TimeoutError as error:
        raise UnavailableError(
            "journey.stuck", f"after {within_s:.0f} s still not {what}; seen: {str(seen)[:300]}"
        ) from error
