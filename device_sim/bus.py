"""One RS-485 line: every byte takes its time, every board hears it, absent units do not answer.

Times are monotonic seconds; whoever owns a real or simulated port calls `feed` and delivers the
replies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from device_sim.board import Answer, Board
from device_sim.faults import FaultBook
from firmware_protocols.modbus_rtu import frame_gap_s

BITS_PER_CHARACTER = 10  # 8N1: start, eight, stop


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes a board puts on the wire; the first is complete `character_s` after `starts_s`."""

    starts_s: float
    data: bytes
    character_s: float

    @property
    def ends_s(self) -> float:
        """Return when the last byte is complete."""
        return self.arrives_s(len(self.data))

    def arrives_s(self, count: int) -> float:
        """Return when the first `count` bytes are complete."""
        return self.starts_s + count * self.character_s


class Bus:
    """The line and the boards on it."""

    def __init__(
        self,
        name: str,
        baud: int,
        boards: Sequence[Board],
        faults: FaultBook,
        settle: Callable[[float], None],
    ) -> None:
        """`settle(at_s)` brings faults and physics up to a moment before the boards hear what comes then."""
        self.name = name
        self.listeners: list[Callable[[Reply], None]] = []
        """Whoever carries the line's bytes hears here what a board says unasked."""
        self.character_s = BITS_PER_CHARACTER / baud
        self.gap_s = frame_gap_s(baud)
        self._boards, self._faults, self._settle = boards, faults, settle
        self._talk: list[tuple[float, float]] = []  # when boards will be heard
        self._free_s = float("-inf")  # when the last byte from the client's side was complete

    def ahead_s(self, now_s: float) -> float:
        """Return how long the line is still busy with what was fed to it."""
        return max(0.0, self._free_s - now_s)

    def feed(self, data: bytes, now_s: float) -> list[Reply]:
        """Put `data` on the wire at `now_s` (or behind what still runs) and return what boards will answer."""
        if not data or self._faults.is_unplugged(self.name):
            return []
        starts_s = max(now_s, self._free_s)
        if starts_s - self._free_s > self.gap_s:
            for board in self._boards:
                board.silence()
        self._free_s = starts_s + len(data) * self.character_s
        self._settle(self._free_s)
        replies = [reply for board in self._boards for reply in self._hear(board, data)]
        return sorted(replies, key=lambda reply: reply.starts_s)

    def say(self, unit: int, answer: Answer, at_s: float) -> None:
        """Let a board speak without being asked, from `at_s` or as soon as the line is free."""
        if self._faults.is_unplugged(self.name) or self._faults.is_mute(unit):
            return
        reply = self._reply(answer, 0.0, max(at_s, self._free_s))
        for listener in tuple(self.listeners):
            listener(reply)

    def _hear(self, board: Board, data: bytes) -> list[Reply]:
        unit = board.unit
        if self._faults.is_deaf(unit):
            board.silence()
            return []
        answers = board.feed(data, self._free_s)
        if self._faults.is_mute(unit):
            return []
        lateness_s = self._faults.lateness_s(unit)
        return [self._reply(answer, lateness_s, self._free_s) for answer in answers]

    def _reply(self, answer: Answer, lateness_s: float, from_s: float) -> Reply:
        """Give an answer its place on the line; collisions are not played, who is later waits."""
        self._talk = [(start, end) for start, end in self._talk if end > from_s]
        starts_s = from_s + self.gap_s + answer.delay_s + lateness_s
        takes_s = len(answer.data) * self.character_s
        for start, end in sorted(self._talk):
            if starts_s < end and start < starts_s + takes_s:
                starts_s = end
        self._talk.append((starts_s, starts_s + takes_s))
        return Reply(starts_s, answer.data, self.character_s)
