"""When the next frame may leave: gaps between frames, and silence after every doubt."""

import asyncio

QUARANTINE_S = 0.3
"""Silence after a time-out: a late answer of the same shape cannot be told from the next one (measured)."""
BABBLE_S = 5.0
"""A line that is never silent for QUARANTINE_S within this is opened afresh."""
AFTER_WRITE_GAP_S = 0.05
MIN_GAP_S = 0.005


class Pace:
    """One per line."""

    def __init__(self, frame_gap_s: float) -> None:
        """`frame_gap_s`: 3.5 characters of this line."""
        self._gap_s = max(MIN_GAP_S, frame_gap_s)
        self._free_at_s = 0.0
        self._heard_at_s = 0.0
        self._doubt = False

    def asked(self) -> None:
        """A frame leaves: until it is answered its answer may come late, also after a cancellation."""
        self._doubt = True

    def answered(self, *, wrote: bool) -> None:
        """The answer is complete; a write gets the longer gap."""
        self._doubt = False
        gap_s = AFTER_WRITE_GAP_S if wrote else self._gap_s
        self._free_at_s = asyncio.get_running_loop().time() + gap_s

    def doubted(self) -> None:
        """More than the answer that came may be on its way."""
        self._doubt = True

    def not_sent(self) -> None:
        """Nothing left after all."""
        self._doubt = False

    def heard(self) -> None:
        """Count silence from now."""
        self._heard_at_s = asyncio.get_running_loop().time()

    async def rest(self) -> bool:
        """Wait until the next frame may leave; False: the line babbles."""
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + BABBLE_S
        while self._doubt:
            left_s = self._heard_at_s + QUARANTINE_S - loop.time()
            if left_s <= 0:
                self._doubt = False
            elif loop.time() >= give_up_s:
                return False
            else:
                await asyncio.sleep(left_s)
        if (left_s := self._free_at_s - loop.time()) > 0:
            await asyncio.sleep(left_s)
        return True
