"""A lock board with frames of its own: collects bytes, answers the frames that are ours; a kind says what they mean."""

import random
from abc import ABC, abstractmethod

from device_sim.board import TURNAROUND_S, Answer
from device_sim.lock import Lock
from device_sim.physics import Physics
from device_sim.witness import PulseSeen, Witness
from firmware_protocols.framing import Pieces
from firmware_protocols.lock_boards import BoardFacts


class FramedBoard(ABC):
    """One board on its line, with the locks that `physics` has under its unit."""

    def __init__(
        self,
        unit: int,
        physics: Physics,
        witness: Witness,
        jitter: random.Random,
        facts: BoardFacts,
    ) -> None:
        """Answer to `unit`; `jitter` spreads the turnaround."""
        self.unit = unit
        self.physics, self.witness, self.jitter, self.facts = physics, witness, jitter, facts
        self._heard = b""

    def feed(self, data: bytes, at_s: float) -> list[Answer]:
        """Collect bytes and obey whole frames; noise and other boards' frames are passed over."""
        pieces = self.split(self._heard + data)
        self._heard = pieces.rest
        self.physics.advance(at_s)
        return [said for frame in pieces.frames for said in self.obey(frame, at_s)]

    def silence(self) -> None:
        """Drop the unfinished frame."""
        self._heard = b""

    @abstractmethod
    def split(self, stream: bytes) -> Pieces:
        """Split what was heard into requests."""

    @abstractmethod
    def obey(self, frame: bytes, at_s: float) -> list[Answer]:
        """Do what a frame asks and return what is said to it; nothing when it is for another board."""

    def lock(self, channel: int) -> Lock:
        """Return the lock of a channel."""
        return self.physics.lock(self.unit, channel)

    def give_pulse(self, channel: int, frame: bytes, at_s: float, ms: int | None = None) -> None:
        """Give a lock a pulse of `ms`, by itself the board's own."""
        own_ms = self.facts.pulse.own_ms if ms is None else ms
        self.witness.pulse(PulseSeen(at_s, self.unit, channel, own_ms), frame)
        self.lock(channel).switch(True, at_s, at_s + own_ms / 1000)

    def is_open(self, channel: int, at_s: float | None = None) -> bool:
        """Return whether the contact of `channel` shows an open door, or will at `at_s` if no hand moves it."""
        return self.physics.senses_open(self.unit, channel, at_s)

    def after(self, data: bytes, seconds: float = 0.0) -> Answer:
        """Return an answer that leaves `seconds` and a turnaround later."""
        return Answer(seconds + self.jitter.uniform(*TURNAROUND_S), data)
