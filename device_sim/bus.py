"""One RS-485 line: every byte takes its time, every board hears it, absent units do not answer.

Times are monotonic seconds; whoever owns a real or simulated port calls `feed` and delivers the
replies.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from device_sim.board import Answer, Board
from device_sim.faults import FaultBook
from device_sim.forge import FORGES
from device_sim.noise import Noise, collided
from firmware_protocols.lock_boards import LineProtocol
from firmware_protocols.modbus_rtu import frame_gap_s

BITS_PER_CHARACTER = 10  # 8N1: start, eight, stop


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes a board puts on the wire; the first is complete `character_s` after `starts_s`."""

    starts_s: float
    data: bytes
    character_s: float
    burst_bytes: int = 0
    """The client is handed so many bytes at once; 0: each as it comes."""
    pause_s: float = 0.0
    is_echo: bool = False
    """It is what the client itself sent, heard by its own adapter."""

    @property
    def ends_s(self) -> float:
        """Return when the last byte is complete."""
        return self.arrives_s(len(self.data))

    def arrives_s(self, count: int) -> float:
        """Return when the first `count` bytes have reached the client."""
        if not self.burst_bytes:
            return self.starts_s + count * self.character_s
        bursts = -(-count // self.burst_bytes)
        there = min(bursts * self.burst_bytes, len(self.data))
        return self.starts_s + there * self.character_s + max(0, bursts - 1) * self.pause_s

    def bursts(self) -> Iterator[tuple[float, bytes]]:
        """Yield what the client is handed and when: the whole at its end, or burst by burst."""
        size = self.burst_bytes or len(self.data)
        for start in range(0, len(self.data), size):
            piece = self.data[start : start + size]
            yield self.arrives_s(start + len(piece)), piece


class Bus:
    """The line and the boards on it."""

    def __init__(
        self,
        name: str,
        baud: int,
        boards: Sequence[Board],
        faults: FaultBook,
        settle: Callable[[float], None],
        speaks: LineProtocol = LineProtocol.MODBUS,
    ) -> None:
        """`settle(at_s)` brings faults and physics up to a moment before the boards hear what comes then."""
        self.name = name
        self.listeners: list[Callable[[Reply], None]] = []
        """Whoever carries the line's bytes hears here what a board says unasked."""
        self.character_s = BITS_PER_CHARACTER / baud
        self.gap_s = frame_gap_s(baud)
        self._boards, self._faults, self._settle = boards, faults, settle
        self._noise = Noise(name, FORGES[speaks], faults)
        self._talk: list[tuple[float, float]] = []  # when boards will be heard
        self._spoken_s: dict[int, float] = {}  # until when each unit has something to say
        self._free_s = float("-inf")  # when the last byte from the client's side was complete

    @property
    def hits(self) -> int:
        """Return how many frames were damaged, belated, refused or not answered, by the faults laid on."""
        return self._noise.hits

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
        heard = self._noise.asked(data)
        replies = [
            self._reply(late, 0.0, self._free_s, unit) for unit, late in self._noise.belated()
        ]
        replies += [reply for board in self._boards for reply in self._hear(board, heard)]
        if self._noise.echoes():
            replies.append(Reply(starts_s, data, self.character_s, is_echo=True))
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
        if self._faults.is_deaf(unit) or self._noise.is_twin(unit):
            board.silence()
            return []
        answers = self._noise.refusal(unit, data)
        if answers is None:
            answers = self._with_twin(unit, data, board.feed(data, self._free_s))
        if self._faults.is_mute(unit):
            self._noise.hits += len(answers)
            return []
        heard = [self._noise.said(unit, answer) for answer in answers]
        return [
            self._reply(one, self._noise.lateness_s(unit), self._free_s, unit)
            for one in heard
            if one is not None
        ]

    def _with_twin(self, unit: int, data: bytes, answers: list[Answer]) -> list[Answer]:
        """Let the board that has the same address obey too, and both talk at once."""
        other = self._noise.twin_of(unit)
        twin = next((board for board in self._boards if board.unit == other), None)
        if other is None or twin is None:
            return answers
        asked = self._noise.for_twin(data, unit, other)
        if asked is None:
            return answers
        said = [self._noise.as_unit(one, unit - other) for one in twin.feed(asked, self._free_s)]
        both = [collided(a, b, self.character_s) for a, b in zip(answers, said, strict=False)]
        return both + answers[len(both) :] + said[len(both) :]

    def _reply(
        self, answer: Answer, lateness_s: float, from_s: float, unit: int | None = None
    ) -> Reply:
        """Give an answer its place on the line; collisions are not played, who is later waits."""
        self._talk = [(start, end) for start, end in self._talk if end > from_s]
        starts_s = from_s + self.gap_s + answer.delay_s + lateness_s
        if unit is not None:  # what it was asked first it answers first
            starts_s = max(starts_s, self._spoken_s.get(unit, starts_s))
        burst_bytes, pause_s = (0, 0.0) if unit is None else self._noise.pace(unit)
        handed = Reply(0.0, answer.data, self.character_s, burst_bytes, pause_s)
        takes_s = (
            handed.ends_s
        )  # an adapter hands over what it heard in the order in which it heard it
        for start, end in sorted(self._talk):
            if starts_s < end and start < starts_s + takes_s:
                starts_s = end
        self._talk.append((starts_s, starts_s + takes_s))
        if unit is not None:
            self._spoken_s[unit] = starts_s + takes_s
        return replace(handed, starts_s=starts_s)
