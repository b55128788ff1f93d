"""The KERONG lock boards CU16 and CU48 on the wire: an opening is answered at once, so its status may still say locked.

Frames and traps: firmware_protocols/kerong_cu16.py, kerong_cu48.py. No beams are fitted.
"""

from collections.abc import Sequence

from device_sim.board import Answer
from device_sim.framed_board import FramedBoard
from firmware_protocols import kerong_cu16 as cu16
from firmware_protocols import kerong_cu48 as cu48
from firmware_protocols.framing import Pieces
from firmware_protocols.kerong_cu16 import Command


class KerongCu16Board(FramedBoard):
    """Sixteen locks."""

    _ticks = cu16.OWN_PULSE_MS // cu16.TICK_MS

    def split(self, stream: bytes) -> Pieces:
        """Split what was heard into requests."""
        return cu16.requests(stream)

    def obey(self, frame: bytes, at_s: float) -> list[Answer]:
        """Carry out one request; the pulse has the length that was set."""
        address, (unit, request) = frame[1], cu16.parse_request(frame)
        if unit != self.unit and address != cu16.EVERYBODY:
            return []
        if request.command is Command.TIME and request.data:
            self._ticks = min(int.from_bytes(request.data, "big"), cu16.MAX_TICKS)
        for lock in self._opened_by(request):
            self.give_pulse(lock, frame, at_s, self._ticks * cu16.TICK_MS)
        if request.command is Command.TIME:
            return [self._say(Command.TIME_SAID, self._ticks.to_bytes(2, "big"))]
        if request.command is Command.OPEN_LATER:
            return []
        locked = sum((not self.is_open(n)) << n for n in range(self.facts.channels))
        return [self._say(Command.STATUS_SAID, locked.to_bytes(2, "little") + bytes(2))]

    def _opened_by(self, request: cu16.Request) -> Sequence[int]:
        if request.command is Command.OPEN_ALL:
            return range(self.facts.channels)
        return [request.lock] if request.command is Command.OPEN else []

    def _say(self, command: Command, data: bytes) -> Answer:
        return self.after(cu16.encode_answer(self.unit, cu16.Answer(command, data)))


class KerongCu48Board(FramedBoard):
    """Forty-eight locks."""

    def split(self, stream: bytes) -> Pieces:
        """Split what was heard into requests."""
        return cu48.requests(stream)

    def obey(self, frame: bytes, at_s: float) -> list[Answer]:
        """Carry out one request; a lock that is not there is not answered."""
        unit, request = cu48.parse_request(frame)
        if unit != self.unit or request.lock >= self.facts.channels:
            return []
        data = bytes([cu48.ETX])
        if request.command is cu48.Command.OPEN:
            self.give_pulse(request.lock, frame, at_s)
        else:
            locked = sum((not self.is_open(n)) << n for n in range(self.facts.channels))
            data = locked.to_bytes(self.facts.channels // 8, "little")
        answer = cu48.Answer(request.command, request.lock, data)
        return [self.after(cu48.encode_answer(self.unit, answer))]
