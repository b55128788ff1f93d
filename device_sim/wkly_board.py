"""The WKLY lock board on the wire: pulses of its own length, answers behind them, and doors told of unasked.

Frames and traps: firmware_protocols/wkly.py. It answers an opening when its pulse is over.
"""

from device_sim.board import Answer
from device_sim.framed_board import FramedBoard
from firmware_protocols import wkly
from firmware_protocols.errors import WireError
from firmware_protocols.framing import Pieces
from firmware_protocols.wkly import Command

_OPENS = frozenset({Command.OPEN, Command.OPEN_TOGETHER, Command.OPEN_IN_TURN, Command.OPEN_ALL})


class WklyBoard(FramedBoard):
    """Twenty-four channels."""

    def split(self, stream: bytes) -> Pieces:
        """Split what was heard into requests."""
        return wkly.frames(stream)

    def obey(self, frame: bytes, at_s: float) -> list[Answer]:
        """Carry out one request."""
        try:
            unit, request = wkly.parse_request(frame)
        except WireError:
            return []
        if unit != self.unit:
            return []
        if request.command is Command.READ_ALL:
            count = self.facts.channels
            states = bytes(self._state(channel) for channel in range(count))
            return [self._say(request.command, bytes([wkly.OK, count]) + states)]
        if request.command in _OPENS:
            return self._open(request, frame, at_s)
        return self._one(request, frame, at_s)

    def moved(self, channel: int, *, is_open: bool) -> Answer | None:
        """Tell of a door unasked."""
        state = wkly.OPEN_DOOR if is_open else wkly.SHUT_DOOR
        return self._say(Command.MOVED, bytes([channel + 1, state]))

    def _one(self, request: wkly.Request, frame: bytes, at_s: float) -> list[Answer]:
        channels = self._channels(request.data)
        if len(channels) != 1:
            return [self._say(request.command, bytes([wkly.FAILED]) + request.data)]
        (channel,) = channels
        said = bytes([wkly.OK, channel + 1])
        if request.command is Command.READ:
            said += bytes([self._state(channel)])
        elif request.command in (Command.KEEP_ON, Command.KEEP_OFF):
            on = request.command is Command.KEEP_ON
            self.witness.relay(at_s, self.unit, channel, on, frame)
            self.lock(channel).switch(on, at_s)
        elif request.command is not Command.BLINK:
            return []  # MOVED is said by boards, not to them
        return [self._say(request.command, said)]

    def _open(self, request: wkly.Request, frame: bytes, at_s: float) -> list[Answer]:
        """Open one or several; the board drives them all at once here, which no allowed frame asks for."""
        data = request.data if request.command is Command.OPEN else request.data[1:]
        if request.command is Command.OPEN_ALL:
            data = bytes(range(1, self.facts.channels + 1))
        channels = self._channels(data)
        if not channels:
            failed = bytes([wkly.FAILED]) + request.data + bytes([wkly.BAD_CONTACT])
            return [self._say(request.command, failed)]
        for channel in channels:
            self.give_pulse(channel, frame, at_s)
        takes_s = self.facts.pulse.own_ms / 1000
        if request.command is not Command.OPEN:
            return [self._say(request.command, bytes([wkly.OK]), takes_s)]
        (channel,) = channels
        is_open = self.is_open(channel, at_s + takes_s)
        state = wkly.OPEN_DOOR if is_open else wkly.SHUT_DOOR
        return [self._say(Command.OPEN, bytes([wkly.OK, channel + 1, state]), takes_s)]

    def _channels(self, data: bytes) -> list[int]:
        """Return the channels named; none when one of them does not exist."""
        channels = [number - 1 for number in data]
        return channels if all(0 <= one < self.facts.channels for one in channels) else []

    def _state(self, channel: int) -> int:
        return wkly.OPEN_DOOR if self.is_open(channel) else wkly.SHUT_DOOR

    def _say(self, command: Command, data: bytes, after_s: float = 0.0) -> Answer:
        return self.after(wkly.encode(self.unit, wkly.Answer(command, data)), after_s)
