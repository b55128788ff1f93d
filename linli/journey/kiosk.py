"""The resident in front of the touchscreen."""

from collections.abc import Collection

from common.kit.errors import UnavailableError
from linli.journey.forms import Browser, Page
from linli.journey.patience import until


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
        what = f"{' or '.join(sorted(steps))} on the kiosk"
        return await until(self.step, lambda step: step in steps, what=what, within_s=within_s)
