"""The resident in front of the touchscreen."""

import asyncio
from collections.abc import Collection

from common.kit.errors import UnavailableError
from linli.journey.forms import Browser, Page

_LOOK_EVERY_S = 0.1


class Resident:
    """Types codes and presses the buttons of the kiosk."""

    def __init__(self, browser: Browser) -> None:
        """Stand in front of the kiosk `browser` shows."""
        self._browser = browser

    async def type_code(self, code: str) -> Page:
        """Type eight digits; return what the screen shows next."""
        page = await self._browser.load()
        if "data-key" not in page.data:
            raise UnavailableError("journey.busy", "the kiosk does not show the keypad")
        return await self._browser.post("/code", {"code": code, "key": page.data["data-key"]})

    async def press(self, action: str) -> Page:
        """Press the button that posts to `action`, e.g. `/proceed`."""
        return await self._browser.send(await self._browser.load(), action)

    async def step(self) -> str:
        """Return the step on the screen, `code` on the keypad."""
        return (await self._browser.load()).data.get("data-step", "code")

    async def compartment(self) -> str:
        """Return the door the screen names."""
        return (await self._browser.load()).by_class["big"]

    async def wait_for(self, steps: Collection[str], within_s: float = 15.0) -> str:
        """Look at the screen until it shows one of `steps`; return it."""
        step = "nothing"
        try:
            async with asyncio.timeout(within_s):
                while (step := await self.step()) not in steps:
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError as error:
            wanted = " or ".join(sorted(steps))
            raise UnavailableError(
                "journey.stuck",
                f"the kiosk still shows {step!r} after {within_s:.0f} s, not {wanted}",
            ) from error
        return step
