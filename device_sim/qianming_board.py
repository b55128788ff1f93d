"""The 千鸣 lock board on the wire: boxes numbered through the line, doors and goods answered for the whole board.

Frames and traps: firmware_protocols/qianming.py. Nobody presses its button, so a new range is not answered.
"""

from device_sim.board import Answer
from device_sim.framed_board import FramedBoard
from firmware_protocols import qianming as wire
from firmware_protocols.framing import Pieces
from firmware_protocols.qianming import Function


class QianmingBoard(FramedBoard):
    """Sixteen boxes, the first of them is its unit."""

    def split(self, stream: bytes) -> Pieces:
        """Split what was heard into requests."""
        return wire.requests(stream)

    def obey(self, frame: bytes, at_s: float) -> list[Answer]:
        """Carry out one request about a box of this board."""
        box, request = wire.parse_request(frame)
        channels = range(self.facts.channels)
        if box - self.unit not in channels or request.function is Function.RANGE:
            return []
        answer = wire.Answer(request.function)
        if request.function is Function.OPEN:
            self.give_pulse(box - self.unit, frame, at_s)
        else:
            seen = self.is_open if request.function is Function.DOORS else self.holds_goods
            states = tuple(seen(channel) for channel in channels)
            answer = wire.Answer(request.function, first_box=self.unit, states=states)
        return [self.after(wire.encode_answer(answer))]

    def holds_goods(self, channel: int) -> bool:
        """Return whether something lies behind the door of a channel."""
        return self.lock(channel).holds_goods
