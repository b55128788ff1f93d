"""The generic 8A/80 lock board on the wire: it answers an opening a second later, with the state the lock then has.

Frames and traps: firmware_protocols/xor_8a80.py.
"""

from device_sim.board import Answer
from device_sim.framed_board import FramedBoard
from firmware_protocols import xor_8a80 as wire
from firmware_protocols.framing import Pieces
from firmware_protocols.xor_8a80 import Command


class Xor8a80Board(FramedBoard):
    """Twenty-four locks."""

    def split(self, stream: bytes) -> Pieces:
        """Split what was heard into requests."""
        return wire.requests(stream)

    def obey(self, frame: bytes, at_s: float) -> list[Answer]:
        """Carry out one request; a lock that is not there is not answered."""
        unit, request = wire.parse_request(frame)
        if request.command is Command.ADDRESS:
            return [self._say(wire.Answer(Command.ADDRESS, self.unit, bytes([Command.ADDRESS])), 1)]
        if unit != self.unit or request.lock > self.facts.channels:
            return []
        if request.command is Command.OPEN:
            return self._open(request.lock, frame, at_s)
        if request.lock == wire.ALL:
            bits = sum(self.is_open(n) << n for n in range(self.facts.channels))
            return [self._say(wire.Answer(Command.READ, wire.ALL, bits.to_bytes(4, "big")))]
        state = wire.OPEN_DOOR if self.is_open(request.lock - 1) else wire.SHUT_DOOR
        return [self._say(wire.Answer(Command.READ, request.lock, bytes([state])))]

    def _open(self, lock: int, frame: bytes, at_s: float) -> list[Answer]:
        locks = range(1, self.facts.channels + 1) if lock == wire.ALL else [lock]
        for one in locks:
            self.give_pulse(one - 1, frame, at_s)
        if lock == wire.ALL:
            return []  # what it answers then is not documented
        is_open = self.is_open(lock - 1, at_s + wire.ANSWERS_AFTER_S)
        state = wire.OPEN_DOOR if is_open else wire.SHUT_DOOR
        said = wire.Answer(Command.OPEN, lock, bytes([state]))
        return [self._say(said, after_s=wire.ANSWERS_AFTER_S)]

    def _say(self, answer: wire.Answer, unit: int | None = None, after_s: float = 0.0) -> Answer:
        return self.after(wire.encode_answer(unit or self.unit, answer), after_s)
