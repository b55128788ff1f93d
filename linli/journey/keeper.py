"""The keeper with the tablet and forty crates."""

from common.kit.errors import UnavailableError
from linli.journey.forms import Browser, Page
from linli.journey.hands import Hands, shut, wait_open
from linli.journey.patience import until

_IN_HAND = frozenset({"work card opening", "work card open"})


class Keeper:
    """Signs in with the personal PIN and puts parcels in."""

    def __init__(self, browser: Browser, hands: Hands) -> None:
        """Use the tablet `browser` and own hands for the doors."""
        self._browser = browser
        self._hands = hands

    async def sign_in(self, pin: str) -> None:
        """Sign in; a wrong PIN is an UnavailableError."""
        page = await self._browser.send(await self._browser.load(), "/sign-in", pin=pin)
        if not any(form.action == "/scan" for form in page.forms):
            raise UnavailableError("journey.pin", "the tablet does not accept the PIN")

    async def put_in(self, label: str) -> str:
        """Scan a parcel, put it behind the door that opens, push the door shut; return the door."""
        page = await self._browser.send(await self._browser.load(), "/scan", text=label)
        if _IN_HAND.isdisjoint(page.classes):  # "stored" is the parcel before, with its own door
            raise UnavailableError("journey.put_in", f"no door opens for {label}: {page}")
        door = page.by_class["door"]
        await wait_open(self._hands, door)
        await self._until_work("open")
        await shut(self._hands, door)
        await self._until_work("stored")
        return door

    async def _until_work(self, step: str) -> Page:
        wanted = f"work card {step}"
        return await until(
            self._browser.load, lambda page: wanted in page.classes, what=f"{step} on the tablet"
        )
