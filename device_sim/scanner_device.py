"""A GM65-type scanner: reads what is held before it, obeys, and believes printed setting codes until told not to."""

import random

from device_sim.board import Answer
from firmware_protocols import gm65 as wire
from firmware_protocols.gm65 import Command, Mode, Order, ScannerKind

OBEYS_S = (0.010, 0.030)
READS_S = 0.050
_LOOKS = (Mode.CONTINUOUS, Mode.INDUCTION)
_TAILS_60 = (b"\r", b"\r\n", b"\t", b"")
_TAILS_0E = (b"\r", b"\n", b"\r\n", b"\t", b"")


class ScannerDevice:
    """One scanner, as it leaves the factory: continuous, CR behind a code, setting codes believed."""

    unit = -1
    """Alone on its line: it has no address that a fault could name."""

    def __init__(self, kind: ScannerKind, jitter: random.Random) -> None:
        """Be a `kind`; `jitter` spreads how fast it obeys."""
        self.kind: ScannerKind = kind
        self.zones = {0x0000: 0b1101_0110, 0x0060: 0b0000_0001, 0x0003: 0, 0x000E: 0}
        self.saved = 0
        self._jitter = jitter
        self._heard = b""
        self._woven = b""

    @property
    def mode(self) -> Mode:
        """Return when it looks for codes."""
        return Mode(self.zones[wire.MODE_ZONE] & wire.MODE_MASK)

    @property
    def believes_settings(self) -> bool:
        """Tell whether a printed code may change its zones."""
        closed = wire.SCANNERS[self.kind].closed
        return closed is None or not self.zones.get(closed.zone, 0) & closed.mask

    def feed(self, data: bytes, at_s: float) -> list[Answer]:  # noqa: ARG002 - it has no clock
        """Obey the whole commands in what was sent."""
        pieces = wire.commands(self._heard + data)
        self._heard = pieces.rest
        return [self._obey(wire.parse_command(frame)) for frame in pieces.frames]

    def silence(self) -> None:
        """Drop the unfinished command."""
        self._heard = b""

    def show(self, text: bytes, *, times: int = 1) -> Answer | None:
        """Hold a code before it, which it may read several times; None: it does not look by itself."""
        return Answer(READS_S, (text + self._tail()) * times) if self.mode in _LOOKS else None

    def weave(self, text: bytes) -> None:
        """Let a code be read just as the next command comes: the answer falls into the middle of it."""
        self._woven = text + self._tail()

    def show_setting(self, zone: int, value: int) -> Answer | None:
        """Hold a printed setting code before it: obeyed in silence, or read like any code."""
        if self.believes_settings:
            self.zones[zone] = value
            return None
        return self.show(f"SET{zone:04X}{value:02X}".encode())

    def _obey(self, command: Command) -> Answer:
        data, beat = b"\x00", command.order is Order.HEARTBEAT
        match command.order:
            case Order.READ:
                count = command.data[0]
                data = bytes(self.zones.get(command.zone + n, 0) for n in range(count))
            case Order.WRITE:
                self.zones |= {command.zone + n: value for n, value in enumerate(command.data)}
            case Order.SAVE:
                self.saved += 1
            case Order.HEARTBEAT:
                pass
        said, half = wire.answer(data, beat=beat), len(self._woven) // 2
        woven, self._woven = self._woven, b""
        return Answer(self._jitter.uniform(*OBEYS_S), woven[:half] + said + woven[half:])

    def _tail(self) -> bytes:
        if self.kind == "gm812":
            return _TAILS_0E[min(self.zones[0x000E] & 0b111, 4)]
        value = self.zones[0x0060]
        return _TAILS_60[value >> 5 & 0b11] if value & 1 else b""
