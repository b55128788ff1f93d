"""A simulated RDM6300: says the number of a card again and again while it is held."""

from device_sim.board import Answer
from firmware_protocols import rdm6300 as wire


class CardDevice:
    """One reader."""

    unit = -1
    """Alone on its line: it has no address that a fault could name."""

    def __init__(self) -> None:
        """Have no card before it."""
        self._held = ("", float("-inf"))

    def feed(self, data: bytes, at_s: float) -> list[Answer]:  # noqa: ARG002 - it listens to nobody
        """Say nothing."""
        return []

    def silence(self) -> None:
        """Have nothing to forget."""

    def hold(self, card: str, until_s: float) -> None:
        """Hold a card before it; other than ten hex digits raises RangeError."""
        wire.encode(card)
        self._held = (card, until_s)

    def speak(self, at_s: float) -> Answer | None:
        """Return the frame of the card that is held, if any."""
        card, until_s = self._held
        return Answer(0.0, wire.encode(card)) if at_s < until_s else None
