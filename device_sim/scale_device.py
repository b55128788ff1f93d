"""Simulated scales with a port of their own: three ways of saying what lies there."""

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping

from device_sim.board import TURNAROUND_S, Answer
from device_sim.load import Load
from device_sim.serial_config import SerialSection
from firmware_protocols import cas, mt_sics, toledo
from firmware_protocols.weights import ScaleKind

EVERY_S = 0.2
"""Pause between two frames of a scale that speaks by itself."""


class ScaleDevice(Load, ABC):
    """One scale on a port of its own."""

    unit = -1
    """Alone on its line: it has no address that a fault could name."""

    def __init__(self, section: SerialSection, jitter: random.Random) -> None:
        """Be empty; `jitter` swings it and spreads its answers."""
        super().__init__(section.capacity_g, section.division_g, jitter)
        self.checksum = section.checksum
        self._heard = b""

    def feed(self, data: bytes, at_s: float) -> list[Answer]:
        """Hear commands; one that is not for it is passed over."""
        self._heard = (self._heard + data)[-64:]
        return [Answer(self.jitter.uniform(*TURNAROUND_S), said) for said in self.obey(at_s)]

    def silence(self) -> None:
        """Drop the unfinished command."""
        self._heard = b""

    @abstractmethod
    def obey(self, at_s: float) -> list[bytes]:
        """Take whole commands off what was heard and return what it says to them."""


class ToledoDevice(ScaleDevice):
    """Speaks by itself, in kilograms with three places."""

    def obey(self, at_s: float) -> list[bytes]:  # noqa: ARG002 - nobody asks it
        """Say nothing: it listens to nobody."""
        self._heard = b""
        return []

    def speak(self, at_s: float) -> Answer:
        """Return the frame of this moment."""
        now = self.weight(at_s)
        frame = toledo.Frame(
            shown=max(-999_999, min(999_999, now.gross_mg // 1000)),
            tare=0,
            place=5,
            is_moving=not now.is_stable,
            is_out_of_range=now.flaw is not None,
        )
        return Answer(0.0, toledo.encode(frame, checksum=self.checksum))


class SicsDevice(ScaleDevice):
    """Answers S, SI and Z."""

    def obey(self, at_s: float) -> list[bytes]:
        """Answer every whole line."""
        *lines, self._heard = self._heard.split(b"\r\n")
        return [self._answer(line, at_s) for line in lines]

    def _answer(self, line: bytes, at_s: float) -> bytes:
        now = self.weight(at_s)
        match line:
            case b"SI":
                return mt_sics.encode(now)
            case b"S":
                return mt_sics.encode(now) if now.is_stable or now.flaw else b"S I\r\n"
            case b"Z":
                self.load_mg -= now.gross_mg if now.is_stable else 0
                return b"Z A\r\n" if now.is_stable else b"Z I\r\n"
            case _:
                return b"ES\r\n"


class CasDevice(ScaleDevice):
    """Answers ENQ and DC1."""

    def obey(self, at_s: float) -> list[bytes]:
        """Answer every byte."""
        said = {cas.ENQ: cas.ACK, cas.DC1: cas.encode(self.weight(at_s))}
        heard, self._heard = self._heard, b""
        return [said[bytes([byte])] for byte in heard if bytes([byte]) in said]


SCALE_DEVICES: Mapping[ScaleKind, type[ScaleDevice]] = {
    "toledo": ToledoDevice,
    "mt_sics": SicsDevice,
    "cas": CasDevice,
}
"""Kind in the cabinet file → its device."""
