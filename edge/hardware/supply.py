"""The inrush token: one coil at a time on a power supply, and a rest after it before the next."""

import asyncio
from collections.abc import Awaitable, Callable

from edge.hardware.ports import PulseResult


class Supply:
    """One power supply of the cabinet."""

    def __init__(self, gap_s: float) -> None:
        """`gap_s`: how long it rests after one coil's current before the next."""
        self._gap_s = gap_s
        self._token = asyncio.Lock()
        self._free_at_s = 0.0

    async def use(self, pulse_s: float, send: Callable[[], Awaitable[PulseResult]]) -> PulseResult:
        """Send one pulse of `pulse_s` when the supply is free; the callers are served in the order they came."""
        async with self._token:
            await self._rest()
            result = PulseResult.UNCONFIRMED  # also when we are cancelled: the frame may have left
            try:
                result = await send()
            finally:
                if result is not PulseResult.NOT_SENT:
                    now_s = asyncio.get_running_loop().time()
                    self._free_at_s = now_s + pulse_s + self._gap_s
        return result

    async def _rest(self) -> None:
        if (wait_s := self._free_at_s - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(wait_s)
