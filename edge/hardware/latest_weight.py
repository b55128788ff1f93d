"""What every driver of a scale keeps, however it is asked: the latest weight, who waits for the next, how it does."""

import asyncio
from collections.abc import Callable

from common.contract.words import Quality
from common.kit.said import Said
from edge.hardware.ports import DeviceState, ScaleReading
from firmware_protocols.weights import Flaw, Weight

STALE_S = 1.5
POLL_S = 0.2
NOTHING = ScaleReading(None, stable=False, quality=Quality.STALE)
_UNSOUND = {
    Flaw.UNIT: Said("weighs in another unit than kg or g; set it to kg"),
    Flaw.SETTING: Said(
        "says no weight that can be believed; set its unit and decimal point as its page says, if `kind` is right"
    ),
}
"""What a technician must mend; somebody who stands on a scale is no matter for one."""


class LatestWeight:
    """The port `Scale`, fed by `take` and `say`."""

    def __init__(self, doubt: str, told: Callable[[], None]) -> None:
        """`told()` is called whenever `state` has changed."""
        self._doubt, self._told = doubt, told
        self._last: tuple[ScaleReading, float] | None = None
        self._news: asyncio.Event = asyncio.Event()
        self.state = self._state(up=False, sound=False, detail="not tried yet")

    def reading(self) -> ScaleReading:
        """Return the latest weight; STALE without a number when it is too old."""
        now_s = asyncio.get_running_loop().time()
        if self._last is None or now_s - self._last[1] > STALE_S:
            return NOTHING
        return self._last[0]

    async def next(self) -> ScaleReading:
        """Wait for the next weight; silence is STALE."""
        news = self._news
        try:
            async with asyncio.timeout(STALE_S):
                await news.wait()
        except TimeoutError:
            return NOTHING
        return self.reading()

    def said(self) -> str:
        """Return what it reads now, for people."""
        now = self.reading()
        if now.gross_g is None:
            return self.state.detail
        motion = "stable" if now.stable else "moving"
        return Said("%(weight_g)s g, %(motion)s", weight_g=f"{now.gross_g:g}", motion=motion)

    def take(self, weight: Weight) -> None:
        """Keep what the scale says now."""
        good = weight.flaw is None
        reading = ScaleReading(
            weight.gross_mg if good else None,
            stable=good and weight.is_stable,
            quality=Quality.GOOD if good else Quality.BAD,
            flaw=weight.flaw,
        )
        self._last = reading, asyncio.get_running_loop().time()
        self._news.set()
        self._news = asyncio.Event()
        wrong = None if weight.flaw is None else _UNSOUND.get(weight.flaw)
        self.say(up=True, sound=wrong is None, detail=wrong or Said("weighs"))

    def say(self, *, up: bool, sound: bool, detail: str) -> None:
        """Change its state."""
        state = self._state(up=up, sound=sound, detail=detail)
        if state != self.state:
            self.state = state
            self._told()

    def _state(self, *, up: bool, sound: bool, detail: str) -> DeviceState:
        return DeviceState("scale", up=up, sound=sound, detail=detail, doubt=self._doubt)
