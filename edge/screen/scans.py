"""Codes from a scanner with a port of its own, on their way to the kiosk; a scanner that types needs no such way."""

from collections.abc import Awaitable, Callable

from edge.hardware.ports import Scanner

Take = Callable[[str | None], Awaitable[None]]


class ScanFeed:
    """Hands every code to the screen, one after the other."""

    def __init__(self, scanner: Scanner | None = None, *, types: bool = False) -> None:
        """`types`: a scanner is fitted that types as a keyboard."""
        self._scanner, self._types = scanner, types
        self.take: Take | None = None
        """The screen's: what to do with a code; None is something that cannot be one of ours."""

    @property
    def can_scan(self) -> bool:
        """Tell whether somebody may be asked to hold a code before a scanner."""
        return self._types or (self._scanner is not None and self._scanner.state.up)

    async def run(self) -> None:
        """Hand codes over until cancelled; without a scanner it returns at once."""
        while self._scanner is not None:
            text = await self._scanner.next()
            if self.take is not None:
                await self.take(text)
